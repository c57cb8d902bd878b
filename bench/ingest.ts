/**
 * Webhooks in: how many a second are verified, committed and acknowledged by one node that works on them meanwhile,
 * against bare inserts of the same rows over as many connections, in alternating rounds of one run; and how long an
 * answer takes, and whether processing keeps up, at half of that rate.
 * Options: --connections=64 --rounds=5 --seconds=6 --short (3 rounds of 3 s).
 */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { startEmbeddedPostgres } from '@evenkeel/server/database/embedded.ts';
import { createPool, type Pool } from '@evenkeel/server/database/pool.ts';
import { bodyOf, plantAddress, sign, signatureHeader, webhookManifest, type PlantedAddress } from '@evenkeel/tests/harness/webhook-vendor.ts';
import { cpuUs, cpuUsOfFamily, parentOf } from './load/cpu-time.ts';
import { median, note, report } from './load/measurement.ts';
import { runLoad, startProgram, type Program } from './load/process.ts';

interface Plan {
  readonly connections: number;
  readonly rounds: number;
  readonly roundMs: number;
}
interface Bench {
  readonly pool: Pool;
  readonly databaseUrl: string;
  readonly dir: string;
  readonly port: number;
  readonly serverPid: number;
  readonly address: PlantedAddress;
  readonly plan: Plan;
}

export async function run(options: readonly string[]): Promise<void> {
  const short = options.includes('--short');
  const number = (name: string, fallback: number): number => Number(options.find((option) => option.startsWith(`--${name}=`))?.split('=')[1] ?? fallback);
  const plan: Plan = { connections: number('connections', 64), rounds: number('rounds', short ? 3 : 5), roundMs: number('seconds', short ? 3 : 6) * 1000 };
  const dir = await mkdtemp(join(tmpdir(), 'evenkeel-bench-'));
  await chmod(dir, 0o755);
  const postgres = await startEmbeddedPostgres(dir);
  const pool = createPool(postgres.url, { max: 4, onError: () => undefined });
  let server: Program | undefined;
  try {
    const [masterKey, key] = [randomBytes(32).toString('base64'), randomBytes(24).toString('hex')];
    const environment = { PORT: '0', DATABASE_URL: postgres.url, EVENKEEL_MASTER_KEY: masterKey, EVENKEEL_ADMIN_KEY: key, EVENKEEL_LOG_LEVEL: 'error', PUBLIC_URL: 'http://127.0.0.1:1' };
    server = await startProgram('peers/server.ts', [JSON.stringify(environment)]);
    const port = Number(server.line);
    const put = await fetch(`http://127.0.0.1:${port}/v1/connectors/inbox-crm`, { method: 'PUT', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }, body: JSON.stringify(webhookManifest()) });
    if (!put.ok) throw new Error(`PUT the connector answered ${put.status}: ${await put.text()}`);
    const bench: Bench = { pool, databaseUrl: postgres.url, dir, port, serverPid: server.child.pid ?? Number.NaN, address: await plantAddress(pool, masterKey), plan };
    await compare(bench);
  } finally {
    await server?.stop();
    await pool.end();
    await postgres.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

async function compare(bench: Bench): Promise<void> {
  const { pool, plan } = bench;
  await ingestRound(bench, 2_000);
  await drained(pool);
  const rowFile = await keepRow(bench);
  const rounds: { bare: number; ingest: number; p99Ms: number; drainMs: number }[] = [];
  for (let round = 0; round < plan.rounds; round += 1) {
    const bare = JSON.parse((await startProgram('peers/inserter.ts', [JSON.stringify({ databaseUrl: bench.databaseUrl, rowFile, connections: plan.connections, durationMs: plan.roundMs })])).line) as { rps: number };
    const ingest = await ingestRound(bench, plan.roundMs);
    const drainMs = await drained(pool);
    rounds.push({ bare: bare.rps, ingest: ingest.rps, p99Ms: ingest.p99Ms, drainMs });
    note(`round ${round + 1}: bare ${Math.round(bare.rps)}/s, ingest ${Math.round(ingest.rps)}/s, p50 ${ingest.p50Ms.toFixed(1)} ms, p99 ${ingest.p99Ms.toFixed(1)} ms, not ok ${ingest.notOk + ingest.failed}, worked off ${(drainMs / 1000).toFixed(1)} s after the end`);
  }
  const rate = median(rounds.map(({ ingest }) => ingest));
  const before = await spent(bench);
  const half = await ingestRound(bench, plan.roundMs * 2, rate / 2);
  const drainMs = await drained(pool);
  const after = await spent(bench);
  report('ingest', 'rps_ratio_vs_inserts', median(rounds.map(({ bare, ingest }) => ingest / bare)), 'ratio', { atLeast: 0.7 });
  report('ingest', 'rps', rate, 'requests/s');
  report('ingest', 'inserts_per_s', median(rounds.map(({ bare }) => bare)), 'rows/s');
  report('ingest', 'p99_ms_full_load', median(rounds.map(({ p99Ms }) => p99Ms)), 'ms');
  report('ingest', 'half_load_rps', half.rps, 'requests/s');
  report('ingest', 'p50_ms_half_load', half.p50Ms, 'ms');
  report('ingest', 'p99_ms_half_load', half.p99Ms, 'ms', { below: 50 });
  report('ingest', 'not_acknowledged', half.notOk + half.failed, 'requests', { exactly: 0 });
  report('ingest', 'drain_ms_after_half_load', drainMs, 'ms', { below: 1_000 });
  const { rows } = await pool.query<{ lag: number }>(
    `select percentile_cont(0.99) within group (order by extract(epoch from processed_at - received_at) * 1000) as lag
     from (select processed_at, received_at from inbound_events order by received_at desc limit $1) as latest`,
    [half.answered],
  );
  report('ingest', 'processing_lag_p99_ms_half_load', rows[0]?.lag ?? Number.NaN, 'ms', { below: 1_000 });
  const each = (one: number, other: number): number => (one - other) / half.answered;
  report('ingest', 'server_us_per_event', each(after.serverUs, before.serverUs), 'us');
  report('ingest', 'postgres_us_per_event', each(after.postgresUs, before.postgresUs), 'us');
  report('ingest', 'wal_bytes_per_event', each(after.walBytes, before.walBytes), 'bytes');
}

/** Processor time and write-ahead log so far; of PostgreSQL all its processes, those of connections that have ended too. */
async function spent({ pool, serverPid }: Bench): Promise<{ serverUs: number; postgresUs: number; walBytes: number }> {
  const { rows } = await pool.query<{ pid: number; wal: number }>(`select pg_backend_pid() as pid, (pg_current_wal_insert_lsn() - '0/0')::bigint as wal`);
  const [{ pid, wal } = { pid: Number.NaN, wal: Number.NaN }] = rows;
  return { serverUs: await cpuUs([serverPid]), postgresUs: await cpuUsOfFamily(await parentOf(pid)), walBytes: wal };
}

let batchNumber = 0;

/** Every request is another event with its own signature, signed beforehand. */
async function ingestRound({ dir, port, address, plan }: Bench, durationMs: number, rate?: number) {
  batchNumber += 1;
  const requestsFile = join(dir, `requests-${batchNumber}`);
  const count = Math.ceil(((rate ?? 24_000) * durationMs) / 1000) + 1_000;
  const parts: Buffer[] = [];
  for (let index = 0; index < count; index += 1) {
    const body = bodyOf({ id: `${batchNumber}-${index}`, contact: { id: String(index), name: 'Ada Lovelace', email: 'ada@example.com', note: 'x'.repeat(400) } });
    const request = Buffer.from(`POST ${address.path} HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: vendor/1.0\r\ncontent-type: application/json\r\n${signatureHeader}: ${sign(address.secret, body)}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(request.length);
    parts.push(length, request);
  }
  await writeFile(requestsFile, Buffer.concat(parts));
  const result = await runLoad({ port, request: '', requestsFile, connections: plan.connections, durationMs, ...(rate === undefined ? {} : { rate }) });
  await rm(requestsFile);
  return result;
}

/** Waits until all is worked on; how long that took. */
async function drained(pool: Pool): Promise<number> {
  const begun = performance.now();
  for (;;) {
    const { rows } = await pool.query<{ left: number }>('select (select count(*) from inbound_queue) + (select count(*) from inbound_work) as left');
    if (rows[0]?.left === 0) return performance.now() - begun;
    if (performance.now() - begun > 300_000) throw new Error(`${rows[0]?.left} are not worked on after five minutes`);
    await wait(50);
  }
}

/** A row as ingest stored it, for the bare inserts. */
async function keepRow({ pool, dir }: Bench): Promise<string> {
  const { rows } = await pool.query(
    `select connector_id, address_id, account_id, tenant_id, method, query, replace(encode(headers, 'base64'), E'\\n', '') as headers, replace(encode(body, 'base64'), E'\\n', '') as body, verification::text as verification
     from inbound_requests limit 1`,
  );
  const file = join(dir, 'row.json');
  await writeFile(file, JSON.stringify(rows[0]));
  return file;
}
