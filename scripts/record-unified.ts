/**
 * Records the `unified` fixtures of the built-in connectors from the simulated vendors of the sandbox: a list of each
 * model, and a create where the vendor has one. They hold what a mapping makes of the sandbox's records, and say nothing
 * about the vendors themselves beyond what the sandbox knows. Run it when a mapping or a simulation has changed:
 * `npx node scripts/record-unified.ts [connector…]`; then read the difference.
 */
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { OfferedModel } from '@evenkeel/contract/api/unified.ts';
import type { Fixture } from '@evenkeel/contract/fixture.ts';
import { compileConnector } from '@evenkeel/core/connectors/compile.ts';
import type { Connector } from '@evenkeel/core/connectors/connector.ts';
import { demoConnections, furtherConnections, type DemoConnection } from '@evenkeel/sandbox/demonstration.ts';
import { startSandbox } from '@evenkeel/sandbox/sandbox.ts';
import { Evenkeel } from '@evenkeel/sdk/client.ts';
import { openCredential, readCredential } from '@evenkeel/server/accounts/credential-store.ts';
import { openVault } from '@evenkeel/server/accounts/vault/vault-keys.ts';
import { readConfiguration } from '@evenkeel/server/configuration.ts';
import { startEmbeddedPostgres } from '@evenkeel/server/database/embedded.ts';
import { createPool } from '@evenkeel/server/database/pool.ts';
import { createLog } from '@evenkeel/server/log.ts';
import { startServer } from '@evenkeel/server/server.ts';
import { sampleOf } from '@evenkeel/tests/harness/unified-sample.ts';
import { readManifest } from 'evenkeel/connector-folder.ts';
import { registerApps } from 'evenkeel/demo/cast.ts';
import { connectAccount } from 'evenkeel/demo/connect.ts';
import { recordWith, type Recorder } from 'evenkeel/recording.ts';

type Account = NonNullable<Fixture['account']>;
type Json = Record<string, unknown>;

/** What is needed of a connected account. */
interface Subject {
  readonly connector: Connector;
  readonly folder: string;
  readonly scheme: string;
  readonly real: Account;
  readonly offered: Readonly<Record<string, OfferedModel>>;
  /** Of a model, or of a resource in the vendor's words. */
  get(address: string, query: Readonly<Record<string, string>>): Promise<Json[]>;
}

const signal = AbortSignal.timeout(300_000);
const root = join(import.meta.dirname, '..');

async function run(wanted: readonly string[]): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'evenkeel-record-'));
  // PostgreSQL may run as another user.
  await chmod(dataDir, 0o755);
  const postgres = await startEmbeddedPostgres(join(dataDir, 'postgres'));
  const sandbox = await startSandbox({ port: 0 });
  const [adminKey, masterKey] = [`ek_record_${randomBytes(18).toString('base64url')}`, randomBytes(32)];
  const port = 20_000 + Math.floor(Math.random() * 20_000);
  const read = readConfiguration({
    PORT: String(port),
    DATABASE_URL: postgres.url,
    EVENKEEL_MASTER_KEY: masterKey.toString('base64'),
    EVENKEEL_ADMIN_KEY: adminKey,
    EVENKEEL_DATA_DIR: dataDir,
    EVENKEEL_API_PROCESSES: '1',
    EVENKEEL_BACKFILL: 'off',
    EVENKEEL_HOST_MAP: JSON.stringify({ '*': `${sandbox.url}/{host}` }),
  });
  if (!read.ok) throw new Error(read.faults.map(({ name, message }) => `${name} ${message}`).join('\n'));
  const server = await startServer(read.configuration, { log: createLog('silent') });
  const pool = createPool(postgres.url, { max: 2, onError: () => undefined });
  const recorder = await recordWith(`${sandbox.url}/{host}`, signal, cut);
  try {
    const client = new Evenkeel({ baseUrl: server.url, apiKey: adminKey });
    await registerApps(client, signal);
    const vault = await openVault(pool, masterKey);
    const plans = [...demoConnections, ...furtherConnections].filter(({ connector }, index, all) => all.findIndex((one) => one.connector === connector) === index);
    for (const plan of plans) {
      if (wanted.length > 0 && !wanted.includes(plan.connector)) continue;
      const { unified } = await client.connectors.get(plan.connector, { signal });
      if (Object.keys(unified).length === 0) continue;
      const account = await connectAccount(client, plan, undefined, signal);
      const row = await readCredential(pool, account.id);
      const { rows } = await pool.query<{ config: Json; captured: Json; scheme_id: string }>('select config, captured, scheme_id from accounts where id = $1', [account.id]);
      if (row === undefined || rows[0] === undefined) throw new Error(`${plan.connector} was not connected: ${account.state}`);
      const { config, captured, scheme_id: scheme } = rows[0];
      const { token, secret } = openCredential(vault, row);
      const get = async (address: string, query: Readonly<Record<string, string>>): Promise<Json[]> => {
        const answer = await fetch(`${server.url}/v1/${address.includes('.') ? `unified/${address.replace('.', '/')}` : `proxy/${address}`}?${new URLSearchParams(query).toString()}`, { headers: { authorization: `Bearer ${adminKey}`, 'evenkeel-account': account.id } });
        if (answer.status === 429) return pause(answer.headers.get('retry-after')).then(() => get(address, query));
        const body = (await answer.json()) as { results?: Json[]; detail?: string };
        if (body.results === undefined) throw new Error(`${plan.connector} ${address}: ${body.detail ?? answer.status}`);
        return body.results;
      };
      const real: Account = { config, captured, secret: secret as Json, token: token as Json };
      await recordConnector({ connector: await compiled(plan), folder: folderOf(plan), scheme, real, offered: unified, get }, recorder);
    }
  } finally {
    await recorder.close();
    await pool.end();
    await server.close();
    await sandbox.close();
    await postgres.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

const folderOf = ({ connector }: DemoConnection): string => join(root, 'connectors', connector);

async function compiled(plan: DemoConnection): Promise<Connector> {
  const manifest = await readManifest(folderOf(plan));
  const result = manifest.ok ? compileConnector(manifest.value) : undefined;
  if (result?.ok !== true) throw new Error(`${plan.connector} does not compile`);
  return result.connector;
}

async function recordConnector(subject: Subject, recorder: Recorder): Promise<void> {
  const fixtures = join(subject.folder, 'fixtures');
  for (const file of await readdir(fixtures)) if (file.startsWith('unified-')) await rm(join(fixtures, file));
  for (const [model, offered] of Object.entries(subject.offered)) {
    if (offered.methods.includes('list')) await recordOne(subject, recorder, { surface: 'unified', resource: model, method: 'list', query: { ...(await neededBy(subject, model)), limit: '2' } });
    if (offered.methods.includes('create')) {
      const look = async (other: string, field: string): Promise<unknown> => subject.offered[other] === undefined ? undefined : (await subject.get(other, { ...(await neededBy(subject, other)), limit: '50' })).map((record) => record[field]).find((value) => typeof value === 'string');
      // Of the vendors here, the one that asks for more than the model has wants a team.
      const needs = offered.required.includes('custom_fields') ? { custom_fields: { teamId: (await subject.get('teams', { limit: '1' }))[0]?.['id'] } } : {};
      await recordOne(subject, recorder, { surface: 'unified', resource: model, method: 'create', body: { ...needs, ...(await sampleOf(model, offered, look)) } });
    }
  }
}

/** The filter a list cannot do without, filled with a record that has something below it. */
async function neededBy(subject: Subject, model: string): Promise<Record<string, string>> {
  const [name] = subject.offered[model]?.lists[0]?.required_filters ?? [];
  if (name === undefined) return {};
  const above = `${model.split('.')[0] ?? ''}.${name.replace(/_id$/, 's')}`;
  for (const { id } of await subject.get(above, { ...(await neededBy(subject, above)), limit: '50' })) {
    if ((await subject.get(model, { [name]: String(id), limit: '1' })).length > 0) return { [name]: String(id) };
  }
  throw new Error(`${subject.connector.id}: no record of ${above} has any ${model}`);
}

/** The simulated vendors limit calls as the real ones do. */
const pause = (retryAfter: string | null): Promise<void> => wait(Math.max(1, Number(retryAfter ?? 1)) * 1_000, undefined, { signal });

async function recordOne(subject: Subject, recorder: Recorder, call: Fixture['call']): Promise<void> {
  const { connector, folder, scheme, real } = subject;
  const name = `unified-${call.resource}-${call.method}`;
  const shown: Account = { scheme, ...filled('config', real.config), ...filled('captured', real.captured), ...filled('secret', madeUp(real.secret)), ...filled('token', madeUp(real.token)) };
  const description = 'Recorded from the simulated vendor of the sandbox (scripts/record-unified.ts), not from the vendor itself. Lists of more than four records are cut to the first four.';
  const recording = await recorder.record(connector, { name, description, call, account: shown, now: new Date().toISOString() }, real);
  if (!recording.ok) throw new Error(`${connector.id} ${name}: ${recording.message}`);
  if (recording.fixture.answer.status === 429) return pause(null).then(() => recordOne(subject, recorder, call));
  if (recording.fixture.answer.status >= 300) throw new Error(`${connector.id} ${name} of ${JSON.stringify(call)}: ${JSON.stringify(recording.fixture.answer)} after ${JSON.stringify(recording.fixture.exchanges)}`);
  await writeFile(join(folder, 'fixtures', `${name}.json`), `${JSON.stringify(recording.fixture, null, 2)}\n`);
  console.log(`${connector.id} ${name}`);
}

/** Some vendors answer with hundreds of records, however few were asked for: four tell as much. */
function cut(body: Uint8Array): Uint8Array {
  try {
    return new TextEncoder().encode(JSON.stringify(JSON.parse(new TextDecoder().decode(body)), (_name, value: unknown) => (Array.isArray(value) && value.every((one) => typeof one === 'object') ? value.slice(0, 4) : value)));
  } catch {
    return body;
  }
}

const filled = (name: keyof Account, value: Json | undefined): Account => (value === undefined || Object.keys(value).length === 0 ? {} : { [name]: value });

/** The same members, with values of nobody; what tells no secret stays. */
function madeUp(values: Json | undefined): Json {
  const telling = ['token_type', 'scope', 'expires_at'];
  return Object.fromEntries(Object.entries(values ?? {}).flatMap(([name, value]) => (telling.includes(name) ? [] : [[name, typeof value === 'string' ? `fixture-${name.replaceAll('_', '-')}` : value]])));
}

await run(process.argv.slice(2));
