/** Drift over real traffic: a vendor drops a field and changes the type of another, and somebody acknowledges it. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Drift } from '@evenkeel/contract/api/drift.ts';
import { demoConnections } from '@evenkeel/sandbox/demonstration.ts';
import { registerApps } from 'evenkeel/demo/cast.ts';
import { connectAccount } from 'evenkeel/demo/connect.ts';
import { openChanges } from '@evenkeel/server/telemetry/drift/shape-store.ts';
import { startTestEvenkeel } from '../harness/evenkeel.ts';
import { assertInTime } from '../harness/stated-times.ts';
import { stageMinutes, withoutObjectives } from '../harness/staged-minutes.ts';

// Every answer is looked at, and a bucket of time is a second: what takes a quarter of an hour in earnest takes three seconds.
const evenkeel = await startTestEvenkeel({ ...(await withoutObjectives()), EVENKEEL_SHAPE_SAMPLE_SECONDS: '0', EVENKEEL_SHAPE_BUCKET_SECONDS: '1' });
const { call, client, database, sandbox } = evenkeel;
const staged = await stageMinutes(database.pool, 10, undefined, { shapeChanges: openChanges });
// Judging begins with the minute after the first.
await staged.pass([[]]);
const signal = AbortSignal.timeout(60_000);
await registerApps(client, signal);
const plan = demoConnections.find(({ connector }) => connector === 'hubspot');
assert.ok(plan !== undefined);
const account = await connectAccount(client, plan, undefined, signal);
await fetch(`${sandbox.url}/_sandbox/limits/hubspot`, { method: 'PUT', body: JSON.stringify({ ten_secondly: { limit: 1_000_000, window_ms: 10_000 } }) });

const contacts = async (): Promise<void> => {
  const answer = await call('GET', '/v1/unified/crm/contacts?limit=5', { headers: { 'evenkeel-account': account.id } });
  assert.ok(answer.status < 500 || answer.status === 502, answer.text);
  // So that it cannot be the narrowed ones that tell.
  await call('GET', '/v1/unified/crm/contacts?limit=5&fields=id', { headers: { 'evenkeel-account': account.id } });
};

/** Goes on calling until `done`. */
async function until(what: string, done: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 20_000; !(await done()); ) {
    assert.ok(Date.now() < deadline, `${what} did not come about within 20 s`);
    await contacts();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const open = async (query = ''): Promise<Drift[]> => ((await call('GET', `/v1/drift?state=open${query}`)).json?.['results'] ?? []) as Drift[];
const brief = ({ kind, path, class: what, endpoint }: Drift): string => `${what} ${kind} ${endpoint} ${path}`;

interface AlertAnswer {
  readonly opened_at: string;
  readonly connector: string;
  readonly origin: string;
  readonly findings: readonly { readonly rule: string }[];
}
const firing = async (): Promise<AlertAnswer[]> => ((await call('GET', '/v1/alerts?state=firing')).json?.['results'] ?? []) as AlertAnswer[];
const told = (alerts: readonly AlertAnswer[]): string[] => alerts.map(({ connector, origin, findings }) => `${connector} ${origin} ${findings.map(({ rule }) => rule).join()}`);

it('finds what a vendor removed and retyped, by whether a mapping reads it, and rests once it is acknowledged', async () => {
  await until('a baseline', async () => (await database.pool.query<{ learnt: boolean }>(`select (state ->> 'learnt')::boolean as learnt from shape_baselines where endpoint = 'crm.contacts.list' and status_class = '2xx'`)).rows[0]?.learnt === true);
  assert.deepEqual(await open(), [], 'the usual is no change');

  await fetch(`${sandbox.url}/_sandbox/faults/hubspot`, {
    method: 'PUT',
    body: JSON.stringify([{ kind: 'drop_field', params: { path: 'results[].properties.email' } }, { kind: 'retype_field', params: { path: 'results[].properties.lastname', to: 'array' } }]),
  });
  let found: string[] = [];
  await until('the changes', async () => ['removed', 'type'].every((wanted) => found.includes(wanted)) || ((found = (await open()).map(({ kind }) => kind)), false));
  const changes = await open();
  assert.deepEqual(changes.map(brief).toSorted(), ['breaking removed crm.contacts.list results[].properties.email', 'warning type crm.contacts.list results[].properties.lastname']);
  const removed = changes.find(({ kind }) => kind === 'removed');
  assert.ok(Number(removed?.evidence['chance']) < 1e-6 && Number(removed?.evidence['buckets']) >= 3);
  assert.equal((await open('&class=breaking')).length, 1);

  const stored = JSON.stringify((await database.pool.query('select state from shape_baselines')).rows) + JSON.stringify(changes);
  assert.doesNotMatch(stored, /@|example\.com/, 'paths and types, no value of a customer');

  const from = staged.next();
  await staged.pass([[], []]);
  const alerts = await firing();
  assert.deepEqual(told(alerts), ['hubspot upstream schema-drift']);
  assertInTime(alerts[0], from, 'drift', 'a field removed');

  for (const { id } of changes) {
    const acknowledged = await call('POST', `/v1/drift/${id}/acknowledge`, { body: { note: 'seen in their changelog' } });
    assert.deepEqual([acknowledged.status, acknowledged.json?.['state'], acknowledged.json?.['note']], [200, 'acknowledged', 'seen in their changelog'], acknowledged.text);
  }
  await staged.pass([[], [], [], [], []]);
  assert.deepEqual(told(await firing()), [], 'the alert ends with the acknowledgement');
  assert.equal((await call('POST', `/v1/drift/${removed?.id}/acknowledge`, { body: {} })).status, 409);
  const { rows } = await database.pool.query<{ samples: number }>(`select (state ->> 'samples')::int as samples from shape_baselines where endpoint = 'crm.contacts.list' and status_class = '2xx'`);
  await until('forty more answers', async () => ((await database.pool.query<{ samples: number }>(`select (state ->> 'samples')::int as samples from shape_baselines where endpoint = 'crm.contacts.list' and status_class = '2xx'`)).rows[0]?.samples ?? 0) > (rows[0]?.samples ?? 0) + 40);
  assert.deepEqual((await open()).filter(({ kind }) => kind === 'removed'), [], 'what was acknowledged is normal');
  assert.equal((await call('GET', '/v1/drift?state=acknowledged&limit=1')).json?.['next_cursor'] !== null, changes.length > 1);
});
