/**
 * End-to-end deliveries: events published in one process, delivered by the server, received in a third. Twenty receivers,
 * each of a tenant of its own; one refuses connections, one answers late. First at a given rate, for the latency from the
 * event's acceptance to its arrival; then a burst, for the most there is, in turns with a bare loop that only sends the same
 * signed requests. Options: --rate=2600 (events a second over all receivers) --seconds=15 --burst=30000 --rounds=3 --short
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { startEmbeddedPostgres } from '@evenkeel/server/database/embedded.ts';
import { createPool, type Pool } from '@evenkeel/server/database/pool.ts';
import { freePort } from './load/free-port.ts';
import { median, note, quantile, report } from './load/measurement.ts';
import { startProgram, type Program } from './load/process.ts';

const receivers = 20;
const perTransaction = 5;

interface Plan {
  readonly rate: number;
  readonly seconds: number;
  readonly burst: number;
  readonly rounds: number;
}

interface Stage {
  readonly pool: Pool;
  readonly databaseUrl: string;
  readonly tenants: readonly string[];
  readonly ports: readonly number[];
  readonly control: number;
  readonly server: Program;
}

export async function run(options: readonly string[]): Promise<void> {
  const short = options.includes('--short');
  const number = (name: string, fallback: number): number => Number(options.find((option) => option.startsWith(`--${name}=`))?.split('=')[1] ?? fallback);
  const plan: Plan = { rate: number('rate', 2_600), seconds: number('seconds', short ? 4 : 15), burst: number('burst', short ? 5_000 : 30_000), rounds: number('rounds', short ? 1 : 3) };
  const dataDir = await mkdtemp(join(tmpdir(), 'evenkeel-bench-'));
  await chmod(dataDir, 0o755);
  const postgres = await startEmbeddedPostgres(dataDir);
  const pool = createPool(postgres.url, { max: 2, onError: () => undefined });
  const started: Program[] = [];
  try {
    const sink = await startProgram('peers/webhook-receivers.ts', [String(receivers - 1), '1000']);
    started.push(sink);
    const { ports, control } = JSON.parse(sink.line) as { ports: number[]; control: number };
    const key = randomBytes(24).toString('hex');
    const environment = { PORT: '0', DATABASE_URL: postgres.url, EVENKEEL_MASTER_KEY: randomBytes(32).toString('base64'), EVENKEEL_ADMIN_KEY: key, EVENKEEL_ALLOW_PRIVATE_ENDPOINTS: '127.0.0.0/8', EVENKEEL_LOG_LEVEL: 'error', PUBLIC_URL: 'http://127.0.0.1:1' };
    const server = await startProgram('peers/server.ts', [JSON.stringify(environment)]);
    started.push(server);
    // The first port is the late one; the last receiver listens nowhere.
    const tenants = await makeEndpoints(`http://127.0.0.1:${server.line}`, key, [...ports, await freePort()]);
    const stage: Stage = { pool, databaseUrl: postgres.url, tenants, ports, control, server };
    await atRate(stage, { ...plan, seconds: 2 }, null);
    await atRate(stage, plan, (metric, value, unit, bar) => report('delivery', metric, value, unit, bar));
    await bursts(stage, plan);
  } finally {
    for (const program of started.toReversed()) await program.stop();
    await pool.end();
    await postgres.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function makeEndpoints(url: string, key: string, ports: readonly number[]): Promise<string[]> {
  const tenants: string[] = [];
  for (const port of ports) {
    const tenant = `tenant-${tenants.length}`;
    const response = await fetch(`${url}/v1/endpoints`, { method: 'POST', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }, body: JSON.stringify({ url: `http://127.0.0.1:${port}/hook`, event_types: ['crm.*'], tenant_id: tenant }) });
    if (!response.ok) throw new Error(`POST /v1/endpoints answered ${response.status}: ${await response.text()}`);
    tenants.push(tenant);
  }
  return tenants;
}

interface Seen {
  readonly latencies: number[];
  readonly received: number[];
  readonly lastAt: number;
}

const look = async (control: number): Promise<Seen> => (await (await fetch(`http://127.0.0.1:${control}/`)).json()) as Seen;

async function publish(stage: Stage, how: { events: number; rate: number; tenants: readonly string[] }): Promise<{ startedAtMs: number; events: number }> {
  const program = await startProgram('peers/event-publisher.ts', [JSON.stringify({ databaseUrl: stage.databaseUrl, perTransaction, connections: 4, ...how })]);
  return JSON.parse(program.line) as { startedAtMs: number; events: number };
}

/** Healthy receivers that still have something open. */
async function untilDelivered(stage: Stage): Promise<void> {
  const slow = 2;
  for (let look = 0; look < 1_500; look += 1) {
    const { rows } = await stage.pool.query<{ n: number }>(`select count(distinct endpoint_id) as n from deliveries_open`);
    if ((rows[0]?.n ?? 0) <= slow) return;
    await wait(40);
  }
  throw new Error('the healthy receivers did not get everything within a minute');
}

type Reported = (metric: string, value: number, unit: string, bar: { atLeast: number } | { below: number } | null) => void;

async function atRate(stage: Stage, plan: Plan, reported: Reported | null): Promise<void> {
  await look(stage.control);
  const { events, startedAtMs } = await publish(stage, { events: plan.rate * plan.seconds, rate: plan.rate, tenants: stage.tenants });
  await untilDelivered(stage);
  const { latencies, received, lastAt } = await look(stage.control);
  if (reported === null) return;
  const healthy = latencies.length;
  const expected = Math.round((events * (receivers - 2)) / receivers);
  if (healthy < expected) throw new Error(`${healthy} of ${expected} arrived: not a measurement`);
  const sorted = latencies.toSorted((a, b) => a - b);
  reported('deliveries_per_s', (healthy / (lastAt - startedAtMs)) * 1000, 'deliveries/s', { atLeast: 2_000 });
  reported('healthy_p50_ms', quantile(sorted, 0.5), 'ms', null);
  reported('healthy_p99_ms', quantile(sorted, 0.99), 'ms', { below: 1_000 });
  reported('duplicates', healthy - expected, 'deliveries', null);
  note(`the late receiver got ${received[0] ?? 0} meanwhile`);
}

/** A backlog and the time it takes, and the same number of requests by the bare loop, in turns. */
async function bursts(stage: Stage, plan: Plan): Promise<void> {
  const [, ...healthyPorts] = stage.ports;
  const healthyTenants = stage.tenants.slice(1, -1);
  const { rows } = await stage.pool.query<{ body: string }>(`select json_build_object('id', id, 'type', type, 'tenant_id', tenant_id, 'account_id', account_id, 'timestamp', created_at, 'data', payload)::text as body from events limit 1`);
  const [ours, bare]: [number[], number[]] = [[], []];
  for (let round = 0; round < plan.rounds; round += 1) {
    await look(stage.control);
    const { startedAtMs } = await publish(stage, { events: plan.burst, rate: 0, tenants: healthyTenants });
    await untilDelivered(stage);
    const { latencies, lastAt } = await look(stage.control);
    ours.push((latencies.length / (lastAt - startedAtMs)) * 1000);
    const loop = await startProgram('peers/bare-sender.ts', [JSON.stringify({ ports: healthyPorts, requests: plan.burst, body: rows[0]?.body ?? '', perReceiver: 16 })]);
    const { elapsedMs, requests } = JSON.parse(loop.line) as { elapsedMs: number; requests: number };
    bare.push((requests / elapsedMs) * 1000);
    note(`round ${round + 1}: ${Math.round(ours.at(-1) ?? 0)} end to end, publishing included, and ${Math.round(bare.at(-1) ?? 0)} by the bare loop`);
  }
  report('delivery', 'burst_deliveries_per_s', median(ours), 'deliveries/s');
  report('delivery', 'bare_requests_per_s', median(bare), 'requests/s');
  report('delivery', 'ratio_vs_bare', median(ours.map((value, index) => value / (bare[index] ?? Number.NaN))), 'ratio');
}
