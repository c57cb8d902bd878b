/**
 * A storm of refreshes: accounts falling due within one minute on one node, against a vendor whose token endpoint takes
 * 100 ms, while calls go on; and what finding the due ones costs with few and with very many accounts stored.
 * Options: --accounts=10000 --minute=60 (seconds in which they fall due) --rows=1000000 --short (1,000, 10 s, 100,000).
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { readQueueHeads, takeDue } from '@evenkeel/server/accounts/refreshing/refresh-queue.ts';
import { openVault } from '@evenkeel/server/accounts/vault/vault-keys.ts';
import type { Vault } from '@evenkeel/server/accounts/vault/vault.ts';
import { startEmbeddedPostgres } from '@evenkeel/server/database/embedded.ts';
import { createPool, type Pool } from '@evenkeel/server/database/pool.ts';
import { note, quantile, report } from './load/measurement.ts';
import { fillWithAccounts, plantAccounts, type PlantedAccount } from './load/planted-accounts.ts';
import { runLoad, startProgram, type Program } from './load/process.ts';

interface Plan {
  readonly accounts: number;
  readonly spreadMs: number;
  readonly rows: number;
}

export async function run(options: readonly string[]): Promise<void> {
  const short = options.includes('--short');
  const number = (name: string, fallback: number): number => Number(options.find((option) => option.startsWith(`--${name}=`))?.split('=')[1] ?? fallback);
  const plan: Plan = { accounts: number('accounts', short ? 1_000 : 10_000), spreadMs: number('minute', short ? 10 : 60) * 1000, rows: number('rows', short ? 100_000 : 1_000_000) };
  const dataDir = await mkdtemp(join(tmpdir(), 'evenkeel-bench-'));
  await chmod(dataDir, 0o755);
  const postgres = await startEmbeddedPostgres(dataDir);
  const pool = createPool(postgres.url, { max: 4, onError: () => undefined });
  const started: Program[] = [];
  try {
    const vendor = await startProgram('peers/token-endpoint.ts', ['100']);
    started.push(vendor);
    const masterKey = randomBytes(32);
    const key = randomBytes(24).toString('hex');
    const environment = { PORT: '0', DATABASE_URL: postgres.url, EVENKEEL_MASTER_KEY: masterKey.toString('base64'), EVENKEEL_ADMIN_KEY: key, EVENKEEL_ALLOW_PRIVATE: '127.0.0.0/8', EVENKEEL_LOG_LEVEL: 'error', PUBLIC_URL: 'http://127.0.0.1:1' };
    const server = await startProgram('peers/server.ts', [JSON.stringify(environment)]);
    started.push(server);
    const vault = await openVault(pool, masterKey);
    await install(`http://127.0.0.1:${server.line}`, key, `http://127.0.0.1:${vendor.line}`);
    await storm(pool, vault, { port: Number(server.line), key }, plan);
    started.pop();
    await server.stop();
    await search(pool, vault, plan);
  } finally {
    for (const program of started.toReversed()) await program.stop();
    await pool.end();
    await postgres.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function install(url: string, key: string, vendor: string): Promise<void> {
  const put = async (path: string, body: object): Promise<void> => {
    const response = await fetch(`${url}/v1/connectors/${path}`, { method: 'PUT', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`PUT ${path} answered ${response.status}: ${await response.text()}`);
  };
  const apply = { headers: { authorization: 'Bearer {{token.access_token}}' } };
  const common = { manifest: 1, categories: ['crm'], http: { base_url: vendor }, resources: { contacts: { get: { method: 'GET', path: '/contacts/{{input.id}}' } } }, validation: { request: { method: 'GET', path: '/me' } } };
  const oauth = { type: 'oauth2_code', id: 'oauth', authorize_url: `${vendor}/auth`, token_url: `${vendor}/token`, apply, refresh: { rotation: 'rotates' } };
  for (const id of ['storm', 'filler']) {
    await put(id, { ...common, id, name: id, auth: [oauth] });
    await put(`${id}/app`, { client_id: 'bench', client_secret: 'bench-secret-0123456789' });
  }
  await put('calm', { ...common, id: 'calm', name: 'calm', auth: [{ type: 'api_key', id: 'key', fields: [{ name: 'api_key', label: 'Key', secret: true }], apply: { headers: { authorization: 'Bearer {{secret.api_key}}' } } }] });
}

async function storm(pool: Pool, vault: Vault, server: { port: number; key: string }, plan: Plan): Promise<void> {
  const [caller] = await plantAccounts(pool, vault, { connectorId: 'calm', schemeId: 'key', tenantId: 'bench', secret: { api_key: 'bench-key' }, accounts: [{ dueAtMs: null, expiresAtMs: null }] });
  const request = `GET /v1/proxy/contacts/51 HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: application/json\r\nauthorization: Bearer ${server.key}\r\nevenkeel-account: ${caller?.id ?? ''}\r\n\r\n`;
  const calls = { port: server.port, request, connections: 16, rate: 100 };
  await runLoad({ ...calls, durationMs: 3_000 });
  const before = await runLoad({ ...calls, durationMs: 10_000 });
  // As the scheduler spreads them: due 60 to 180 s before the end. The rows are there before the first is due.
  const startMs = Date.now() + 4_000 + plan.accounts / 2;
  const due = Array.from({ length: plan.accounts }, (_, index) => startMs + (index / plan.accounts) * plan.spreadMs);
  const planted = await plantAccounts(pool, vault, { connectorId: 'storm', schemeId: 'oauth', tenantId: 'bench', accounts: due.map((dueAtMs) => ({ dueAtMs, expiresAtMs: dueAtMs + 60_000 + Math.random() * 120_000 })) });
  if (Date.now() > startMs) note(`planting took ${Date.now() - startMs} ms longer than planned: the first are late`);
  const busy = await runLoad({ ...calls, durationMs: Math.max(0, startMs - Date.now()) + plan.spreadMs });
  await untilRefreshed(pool, startMs + plan.spreadMs + 120_000);
  // Before and after, since a machine with other work on it changes meanwhile.
  const after = await runLoad({ ...calls, durationMs: 10_000 });
  const quiet = { p50Ms: (before.p50Ms + after.p50Ms) / 2, p99Ms: (before.p99Ms + after.p99Ms) / 2 };
  const outcome = await judge(pool, planted);
  report('refresh', 'expired_unrefreshed', outcome.expired, 'accounts', { exactly: 0 });
  report('refresh', 'refreshed', outcome.lagsMs.length, 'accounts');
  report('refresh', 'lag_p50_ms', quantile(outcome.lagsMs, 0.5), 'ms');
  // From being due to the new token at hand: the vendor's 100 ms are in it.
  report('refresh', 'lag_p99_ms', quantile(outcome.lagsMs, 0.99), 'ms');
  report('refresh', 'calls_failed', busy.notOk + busy.failed, 'calls', { exactly: 0 });
  report('refresh', 'call_p50_ms_quiet', quiet.p50Ms, 'ms');
  report('refresh', 'call_p50_ms_storm', busy.p50Ms, 'ms');
  report('refresh', 'call_p99_ms_quiet', quiet.p99Ms, 'ms');
  report('refresh', 'call_p99_ms_storm', busy.p99Ms, 'ms');
}

async function untilRefreshed(pool: Pool, deadlineMs: number): Promise<void> {
  for (;;) {
    const { rows } = await pool.query<{ left: number }>(`select count(*) as left from credentials where connector_id = 'storm' and version = 1`);
    if (rows[0]?.left === 0 || Date.now() > deadlineMs) return;
    await wait(200);
  }
}

async function judge(pool: Pool, planted: readonly PlantedAccount[]): Promise<{ expired: number; lagsMs: number[] }> {
  const { rows } = await pool.query<{ account_id: string; refreshed_at: Date | null }>(`select account_id, refreshed_at from credentials where connector_id = 'storm'`);
  const refreshed = new Map(rows.map((row) => [row.account_id, row.refreshed_at?.getTime() ?? Infinity]));
  const at = (id: string): number => refreshed.get(id) ?? Infinity;
  const expired = planted.filter(({ id, expiresAtMs }) => at(id) > (expiresAtMs ?? Infinity)).length;
  const lagsMs = planted.flatMap(({ id, dueAtMs }) => (at(id) === Infinity ? [] : [at(id) - (dueAtMs ?? 0)])).toSorted((a, b) => a - b);
  return { expired, lagsMs };
}

/** Finding and taking 32 due credentials among those stored, as the scheduler does; nobody else is at the database. */
async function search(pool: Pool, vault: Vault, { rows }: Plan): Promise<void> {
  await pool.query(`delete from credentials where connector_id = 'storm'`);
  const few = await filledTo(pool, vault, 10_000, 0);
  const many = await filledTo(pool, vault, rows, 10_000);
  report('refresh', 'find_due_ms_10k_stored', few.ms, 'ms');
  report('refresh', rows === 1_000_000 ? 'find_due_ms_1m_stored' : `find_due_ms_${rows}_stored`, many.ms, 'ms');
  report('refresh', 'find_due_ratio', many.ms / few.ms, 'ratio', { below: 1.5 });
  report('refresh', 'find_due_pages_10k_stored', few.pages, 'pages');
  report('refresh', rows === 1_000_000 ? 'find_due_pages_1m_stored' : `find_due_pages_${rows}_stored`, many.pages, 'pages');
}

async function filledTo(pool: Pool, vault: Vault, count: number, present: number): Promise<{ ms: number; pages: number }> {
  note(`filling up to ${count} accounts`);
  await fillWithAccounts(pool, vault, { connectorId: 'filler', count: count - present, label: `filler-${count}-` });
  await pool.query('vacuum analyze accounts, credentials');
  const pastMs = Date.now() - 60_000;
  await plantAccounts(pool, vault, { connectorId: 'storm', schemeId: 'oauth', tenantId: 'bench', accounts: Array.from({ length: 32 }, () => ({ dueAtMs: pastMs, expiresAtMs: pastMs + 120_000 })) });
  const times: number[] = [];
  for (let round = 0; round < 120; round += 1) {
    const begun = performance.now();
    const heads = await readQueueHeads(pool);
    const taken = await takeDue(pool, { connectorId: 'storm', owner: 'bench', nowMs: Date.now(), leaseMs: 45_000, atMost: 32, maxConcurrent: 32 });
    // The first rounds fill caches and prepare statements.
    if (round >= 20) times.push(performance.now() - begun);
    if (heads.length < 2 || taken.length !== 32) throw new Error(`found ${heads.length} queues and took ${taken.length}: not a measurement`);
    await pool.query(`update credentials set lease_owner = null, lease_until = null, refresh_due_at = $1 where connector_id = 'storm'`, [new Date(pastMs)]);
  }
  await pool.query('vacuum credentials');
  const pages = await pagesOf(pool, Date.now());
  await pool.query(`delete from credentials where connector_id = 'storm'`);
  // What it costs when nobody else takes the time of the machine: others only ever add to it.
  return { ms: quantile(times.toSorted((a, b) => a - b), 0.1), pages };
}

/** Pages that PostgreSQL touches to find the due ones of a connector, as EXPLAIN counts them. */
async function pagesOf(pool: Pool, nowMs: number): Promise<number> {
  const { rows } = await pool.query<{ 'QUERY PLAN': [{ Plan: { 'Shared Hit Blocks': number; 'Shared Read Blocks': number } }] }>(
    `explain (analyze, buffers, format json)
     select account_id from credentials
     where connector_id = 'storm' and slot = 'current' and refresh_due_at <= '${new Date(nowMs).toISOString()}' and (lease_until is null or lease_until < clock_timestamp())
     order by refresh_due_at limit 256`,
  );
  const plan = rows[0]?.['QUERY PLAN'][0].Plan;
  return (plan?.['Shared Hit Blocks'] ?? Number.NaN) + (plan?.['Shared Read Blocks'] ?? Number.NaN);
}
