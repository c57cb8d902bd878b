/**
 * The least that sending webhooks can be: signs and posts the same bodies with undici, nothing is read, queued or stored.
 * Parameter: JSON {ports, requests, body, perReceiver}. Prints {elapsedMs, requests, cpuMs}.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { Pool } from 'undici';

interface Plan {
  readonly ports: readonly number[];
  readonly requests: number;
  readonly body: string;
  readonly perReceiver: number;
}

const plan = JSON.parse(process.argv[2] ?? '{}') as Plan;
const key = randomBytes(32);
const pools = plan.ports.map((port) => new Pool(`http://127.0.0.1:${port}`, { connections: plan.perReceiver, pipelining: 1 }));
let begun = 0;

async function work(pool: Pool): Promise<void> {
  while (begun < plan.requests) {
    begun += 1;
    const id = `evt_${begun}`;
    const timestamp = Math.floor(Date.now() / 1000);
    const body = Buffer.from(plan.body);
    const signature = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64');
    const headers = { 'content-type': 'application/json', 'webhook-id': id, 'webhook-timestamp': String(timestamp), 'webhook-signature': `v1,${signature}` };
    const answer = await pool.request({ method: 'POST', path: '/', headers, body });
    await answer.body.dump();
  }
}

const startedAt = performance.now();
const cpu = process.cpuUsage();
await Promise.all(pools.flatMap((pool) => Array.from({ length: plan.perReceiver }, () => work(pool))));
const used = process.cpuUsage(cpu);
console.log(JSON.stringify({ elapsedMs: performance.now() - startedAt, requests: begun, cpuMs: (used.user + used.system) / 1000 }));
await Promise.all(pools.map((pool) => pool.close()));
