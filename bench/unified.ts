/**
 * What a unified page costs over the same page of the proxy: 100 contacts, with the same properties asked of the same
 * simulated vendor, call by call in turns; compared is the time that is not the vendor's. And how soon a node that
 * starts has a hundred connectors with their mappings in memory.
 * Options: --rounds=400
 */
import { randomBytes } from 'node:crypto';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { demoConnections } from '@evenkeel/sandbox/demonstration.ts';
import { startSandbox } from '@evenkeel/sandbox/sandbox.ts';
import { Evenkeel } from '@evenkeel/sdk/client.ts';
import { startEmbeddedPostgres } from '@evenkeel/server/database/embedded.ts';
import { migrate, readMigrations } from '@evenkeel/server/database/migrate.ts';
import { registerApps } from '../packages/cli/src/demo/cast.ts';
import { connectAccount } from '../packages/cli/src/demo/connect.ts';
import { median, note, report } from './load/measurement.ts';
import { startProgram } from './load/process.ts';

const records = 100;

export async function run(options: readonly string[]): Promise<void> {
  const rounds = Number(options.find((option) => option.startsWith('--rounds='))?.split('=')[1] ?? 400);
  await start();
  const sandbox = await startSandbox({ port: 0 });
  const dataDir = await mkdtemp(join(tmpdir(), 'evenkeel-bench-'));
  // PostgreSQL may run as another user.
  await chmod(dataDir, 0o755);
  const adminKey = `ek_bench_${randomBytes(18).toString('base64url')}`;
  const port = await freePort();
  const environment = { PORT: String(port), EVENKEEL_DATA_DIR: dataDir, EVENKEEL_ADMIN_KEY: adminKey, EVENKEEL_LOG_LEVEL: 'silent', EVENKEEL_HOST_MAP: JSON.stringify({ '*': `${sandbox.url}/{host}` }) };
  const server = await startProgram('peers/server.ts', [JSON.stringify(environment)]);
  try {
    await fetch(`${sandbox.url}/_sandbox/limits/hubspot`, { method: 'PUT', body: JSON.stringify({ ten_secondly: { limit: 10_000_000, window_ms: 10_000 } }) });
    const url = `http://127.0.0.1:${port}`;
    const signal = AbortSignal.timeout(120_000);
    const client = new Evenkeel({ baseUrl: url, apiKey: adminKey });
    await registerApps(client, signal);
    const plan = demoConnections.find(({ connector }) => connector === 'hubspot');
    if (plan === undefined) throw new Error('the demonstration has no HubSpot account');
    const account = await connectAccount(client, plan, undefined, signal);
    await compare(url, { authorization: `Bearer ${adminKey}`, 'evenkeel-account': account.id }, rounds);
  } finally {
    await server.stop();
    await sandbox.close();
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function compare(url: string, headers: Record<string, string>, rounds: number): Promise<void> {
  const mapping = JSON.parse(await readFile(join(connectors, 'hubspot/mappings/crm.contacts.json'), 'utf8')) as object;
  const properties = [...new Set([...JSON.stringify(mapping).matchAll(/"properties\.(\w+)"/g)].map(([, name]) => name))].join(',');
  const proxy = `${url}/v1/proxy/contacts?limit=${records}&properties=${properties}`;
  const unified = `${url}/v1/unified/crm/contacts?limit=${records}`;
  const added: number[] = [];
  const plain: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const pair = round % 2 === 0 ? [await own(proxy, headers), await own(unified, headers)] : [await own(unified, headers), await own(proxy, headers)].toReversed();
    const [ofProxy = 0, ofUnified = 0] = pair;
    // The first calls compile.
    if (round < rounds / 10) continue;
    plain.push(ofProxy);
    added.push(ofUnified - ofProxy);
  }
  note(`proxy: ${median(plain).toFixed(2)} ms of our own time for ${records} contacts; unified adds a median of ${median(added).toFixed(3)} ms over ${added.length} pairs`);
  report('unified', 'added_ms_per_100', median(added), 'ms', { below: 2 });
}

/** Milliseconds until the whole answer is there, without the vendor's. */
async function own(url: string, headers: Record<string, string>): Promise<number> {
  const from = performance.now();
  const response = await fetch(url, { headers });
  const text = await response.text();
  const totalMs = performance.now() - from;
  const { results } = JSON.parse(text) as { results?: unknown[] };
  if (results?.length !== records) throw new Error(`${url} answered ${response.status} with ${results?.length ?? 'no'} records: ${text.slice(0, 300)}`);
  return totalMs - Number(response.headers.get('evenkeel-upstream-ms'));
}

const connectors = join(import.meta.dirname, '../connectors');

/**
 * A hundred connectors made of those there are, on disk and in the database: how long a node takes from nothing to all
 * of them in memory, in processes of their own. The first start checks and stores each, the later ones know them.
 */
async function start(): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'evenkeel-bench-'));
  // PostgreSQL may run as another user.
  await chmod(dataDir, 0o755);
  const folder = join(dataDir, 'connectors');
  await hundredConnectors(folder);
  const postgres = await startEmbeddedPostgres(dataDir);
  try {
    await migrate(postgres.url, await readMigrations());
    const first = await openedIn(postgres.url, folder);
    const later: number[] = [];
    for (let round = 0; round < 7; round++) later.push(await openedIn(postgres.url, folder));
    report('unified', 'first_start_100_connectors_ms', first, 'ms');
    report('unified', 'start_100_connectors_ms', median(later), 'ms', { below: 300 });
  } finally {
    await postgres.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function openedIn(url: string, folder: string): Promise<number> {
  const node = await startProgram('peers/registry.ts', [url, folder]);
  await node.stop();
  const { connectors: count, tookMs } = JSON.parse(node.line) as { connectors: number; tookMs: number };
  if (count !== 100) throw new Error(`${count} connectors were opened, not 100`);
  return tookMs;
}

/** Copies under names of their own, mappings and all. */
async function hundredConnectors(folder: string): Promise<void> {
  const ids = (await readdir(connectors, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map(({ name }) => name);
  for (let count = 0; count < 100; count++) {
    const source = join(connectors, ids[count % ids.length] ?? '');
    const id = `${ids[count % ids.length]}-${count}`;
    await mkdir(join(folder, id), { recursive: true });
    const manifest = JSON.parse(await readFile(join(source, 'connector.json'), 'utf8')) as object;
    await writeFile(join(folder, id, 'connector.json'), JSON.stringify({ ...manifest, id }));
    await cp(join(source, 'mappings'), join(folder, id, 'mappings'), { recursive: true }).catch(() => undefined);
  }
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((settle) => probe.listen(0, '127.0.0.1', settle));
  const address = probe.address();
  await new Promise((settle) => probe.close(settle));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
