/**
 * From a credit to its calls, with nothing made up: a server under traffic loses its PostgreSQL, its customers' calls
 * fail, and afterwards the statement's calls are exactly those that were answered with a failure, by their request ids.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { demoConnections } from '@evenkeel/sandbox/demonstration.ts';
import { registerApps } from 'evenkeel/demo/cast.ts';
import { connectAccount } from 'evenkeel/demo/connect.ts';
import { atEnd } from '../harness/database.ts';
import { startTestEvenkeel } from '../harness/evenkeel.ts';
import { startOwnPostgres } from '../harness/own-postgres.ts';

const dir = await mkdtemp(join(tmpdir(), 'evenkeel-playbook-'));
after(() => rm(dir, { recursive: true }));
await writeFile(
  join(dir, 'agreements.yaml'),
  `version: 1
terms:
  standard:
    title: One bad minute is downtime
    target: 99.99
    downtime: { consecutive_minutes: 1, above: 5, errors: platform, unmeasured: left_out }
    maintenance_notice_hours: 72
    exclusions: []
    credits: [{ below: 99.99, credit: 10 }]
    cap: 50
agreements:
  - { id: acme, tenant_id: acme, terms: standard, time_zone: UTC, starts: "2026-01-01", monthly_fee_minor: 500000, currency: USD }
`,
);
const postgres = await startOwnPostgres();
atEnd(() => postgres.remove());
const { call, client } = await startTestEvenkeel({ DATABASE_URL: postgres.url, EVENKEEL_PLAYBOOK_DIR: dir });
const signal = AbortSignal.timeout(200_000);

interface Listed {
  readonly results: readonly { readonly request_id: string; readonly tenant_id: string | null; readonly reason: string | null }[];
  readonly next_cursor: string | null;
}

async function everyCall(path: string): Promise<Listed['results']> {
  const found: Listed['results'][number][] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const { status, text, json } = await call('GET', `${path}${path.includes('?') ? '&' : '?'}limit=20${cursor === '' ? '' : `&cursor=${cursor}`}`);
    assert.equal(status, 200, text);
    const page = json as unknown as Listed;
    found.push(...page.results);
    cursor = page.next_cursor;
  }
  return found;
}

const ids = (calls: Listed['results']): string[] => calls.map(({ request_id: id }) => id).toSorted();

test('every call that failed while PostgreSQL was gone is in the budget and behind the credit of its tenant', { timeout: 240_000 }, async () => {
  await registerApps(client, signal);
  const connect = async (connector: string, tenant: string): Promise<string> => {
    const plan = demoConnections.find((one) => one.connector === connector);
    assert.ok(plan);
    return (await connectAccount(client, { ...plan, tenant, choice: 0 }, undefined, signal)).id;
  };
  const [acme, globex] = [await connect('hubspot', 'acme'), await connect('pipedrive', 'globex')];
  const made = await call('POST', '/v1/api-keys', { body: { name: 'acme', scope: 'write', tenant_id: 'acme' } });
  const acmeKey = String(made.json?.['key']);

  // Acme by its own key on every surface, and by the installation's key; another tenant; and a key that the server has never seen.
  const callers = [
    { of: 'acme', path: '/v1/proxy/contacts?limit=2', account: acme, key: acmeKey },
    { of: 'acme', path: '/v1/unified/crm/contacts?limit=2', account: acme, key: acmeKey },
    { of: 'acme', path: '/v1/passthrough/crm/v3/objects/contacts?limit=2', account: acme, key: acmeKey },
    { of: 'acme', path: `/v1/proxy/contacts?limit=2&account_id=${acme}`, account: undefined, key: undefined },
    { of: 'globex', path: '/v1/proxy/contacts?limit=2', account: globex, key: undefined },
    { of: 'nobody', path: '/v1/proxy/contacts?limit=2', account: acme, key: 'ek_a_key_that_this_server_never_saw' },
  ] as const;
  const round = async () =>
    Promise.all(callers.map(async ({ of, path, account, key }) => {
      const answer = await call('GET', path, { ...(key === undefined ? {} : { key }), headers: account === undefined ? {} : { 'evenkeel-account': account } });
      return { of, status: answer.status, requestId: answer.headers.get('evenkeel-request-id') ?? '', text: answer.text };
    }));

  const before = await round();
  assert.deepEqual(before.map(({ status }) => status), [200, 200, 200, 200, 200, 401], before.map(({ text }) => text.slice(0, 200)).join('\n'));
  await postgres.kill();
  const failed: { of: string; requestId: string }[] = [];
  // What is remembered still serves for two seconds; then three rounds in which nothing does.
  for (let dead = 0, deadline = Date.now() + 30_000; dead < 3; ) {
    const answers = await round();
    failed.push(...answers.filter(({ status }) => status >= 500));
    if (answers.every(({ status }) => status === 503)) dead += 1;
    assert.ok(Date.now() < deadline, `calls still pass without a database: ${answers.map(({ status }) => status).join(' ')}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await postgres.start();
  for (const deadline = Date.now() + 30_000; ; await new Promise((resolve) => setTimeout(resolve, 100))) {
    const answers = await round();
    failed.push(...answers.filter(({ status }) => status >= 500));
    if (answers.slice(0, 5).every(({ status }) => status === 200)) break;
    assert.ok(Date.now() < deadline, answers.map(({ text }) => text.slice(0, 200)).join('\n'));
  }
  const of = (tenant: string): string[] => failed.filter((one) => one.of === tenant).map(({ requestId }) => requestId).toSorted();
  assert.ok(of('acme').length >= 12 && of('globex').length >= 3 && of('nobody').length >= 3);

  // The minute has to end and be sealed; then the month has its credit.
  const lastFailure = Date.now();
  let credited: { month: string; credit_minor: number; downtime: readonly { failed_requests: number }[] }[] = [];
  for (const deadline = Date.now() + 150_000; ; await new Promise((resolve) => setTimeout(resolve, 500))) {
    const { json } = await call('GET', '/v1/objectives/platform-availability');
    const evaluatedTo = Date.parse(String(json?.['evaluated_to'] ?? '1970-01-01T00:00:00Z'));
    const periods = await call('GET', '/v1/agreements/acme/periods');
    credited = ((periods.json?.['results'] ?? []) as typeof credited).filter(({ credit_minor: credit }) => credit > 0);
    const counted = credited.reduce((sum, { downtime }) => sum + downtime.reduce((all, { failed_requests: requests }) => all + requests, 0), 0);
    if (evaluatedTo > lastFailure && counted === of('acme').length) break;
    assert.ok(Date.now() < deadline, `evaluated to ${new Date(evaluatedTo).toISOString()}; ${counted} of ${of('acme').length} failed calls are behind the credit: ${periods.text}`);
  }
  const behind = (await Promise.all(credited.map(({ month }) => everyCall(`/v1/agreements/acme/periods/${month}/calls`)))).flat();
  assert.deepEqual(ids(behind), of('acme'), 'behind the credit are acme\'s failed calls, all of them and nothing else');
  assert.equal(credited.reduce((sum, { credit_minor: credit }) => sum + credit, 0), 50_000 * credited.length, '10 % of $5,000 a month');

  // The same calls in the budgets: of the tenant, its connector and category, and the whole installation.
  const budget = async (scope: string) => ids(await everyCall(`/v1/objectives/platform-availability/calls?scope=${scope}`));
  assert.deepEqual(await budget('tenant:acme'), of('acme'));
  assert.deepEqual(await budget('connector:hubspot'), of('acme'));
  assert.deepEqual(await budget('connector:pipedrive'), of('globex'));
  assert.deepEqual(await budget('category:crm'), [...of('acme'), ...of('globex')].toSorted());
  assert.deepEqual(await budget('overall'), [...of('acme'), ...of('globex'), ...of('nobody')].toSorted(), 'a key that nobody remembers counts for the installation alone');
  for (const [scope, count] of [['tenant:acme', of('acme').length], ['category:crm', of('acme').length + of('globex').length], ['overall', failed.length]] as const) {
    const { json } = await call('GET', `/v1/objectives/platform-availability?scope=${scope}`);
    assert.equal((json?.['budget'] as { bad: number } | undefined)?.bad, count, scope);
  }
});
