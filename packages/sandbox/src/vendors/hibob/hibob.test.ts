import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { sandboxKeys } from '../../apps.ts';
import { startSandbox, type Sandbox } from '../../sandbox.ts';
import { at, wire, type WireAnswer, type WireRequest } from '../../../test/user-agent.ts';

const api = 'https://api.hibob.com/v1';
let sandbox: Sandbox;
before(async () => {
  sandbox = await startSandbox({ port: 0 });
});
after(() => sandbox.close());
beforeEach(() => fetch(`${sandbox.url}/_sandbox/reset`, { method: 'POST' }));

const bob = (path: string, request: WireRequest = {}): Promise<WireAnswer> => wire(sandbox.url, `${api}${path}`, { basic: sandboxKeys.hibob[0] ?? '', ...request });
interface Person {
  id: string;
  work: { title: string };
  humanReadable?: { work: { title: string } };
  firstName?: string;
}
const people = async (body: object): Promise<Person[]> => at((await bob('/people/search', { json: body })).body, 'employees') as Person[];

test('everyone comes at once, with the fields asked for and names beside ids; the inactive on request', async () => {
  const active = await people({ fields: ['root.id', 'work.title'], humanReadable: 'APPEND' });
  const all = await people({ fields: ['root.id', 'work.title'], showInactive: true });
  assert.ok(active.length < all.length && all.length === 130);
  assert.match(active[0]?.work.title ?? '', /^\d+$/);
  assert.doesNotMatch(active[0]?.humanReadable?.work.title ?? '1', /^\d+$/);
  assert.equal(active[0]?.firstName, undefined);
  const [one] = await people({ filters: [{ fieldPath: 'root.id', operator: 'equals', values: [all[3]?.id] }] });
  assert.equal(one?.id, all[3]?.id);
});

test('histories are paged by cursor to the end', async () => {
  const ids = new Set<unknown>();
  for (let cursor = ''; ; ) {
    const page = await bob(`/bulk/people/work?limit=50${cursor}`);
    for (const row of at(page.body, 'results') as { id: number }[]) ids.add(row.id);
    const next = at(page.body, 'response_metadata.next_cursor');
    if (typeof next !== 'string') break;
    cursor = `&cursor=${next}`;
  }
  assert.equal(ids.size, 130);
  assert.equal((await bob('/bulk/people/work?limit=201')).status, 400);
});

test('people are hired, changed and let go; time off is asked for and cancelled', async () => {
  assert.equal((await bob('/people', { json: { firstName: 'Ada' } })).status, 400);
  const made = await bob('/people', { json: { firstName: 'Ada', surname: 'Okafor', email: 'ada.new@team.example', work: { site: 'Oslo', startDate: '2026-12-01' } } });
  const id = String(at(made.body, 'id'));
  assert.equal((await bob(`/people/${id}`, { method: 'PUT', json: { home: { mobilePhone: '+47 1' } } })).status, 200);
  assert.equal(at((await bob(`/people/${id}`, { json: { fields: ['home.mobilePhone'] } })).body, 'home.mobilePhone'), '+47 1');
  const asked = await bob(`/timeoff/employees/${id}/requests`, { json: { policyType: 'Holiday', requestRangeType: 'days', startDate: '2026-12-21', endDate: '2026-12-23' } });
  const request = `/timeoff/employees/${id}/requests/${String(at(asked.body, 'id'))}`;
  assert.equal(at((await bob(request)).body, 'totalDuration'), 3);
  assert.equal((await bob(request, { method: 'DELETE' })).status, 200);
  assert.equal((await bob(`/employees/${id}/terminate`, { json: { terminationDate: '2026-12-31' } })).status, 200);
  assert.equal(at((await bob(`/people/${id}`, { json: { fields: ['internal.status'] } })).body, 'internal.status'), 'Inactive');
});

test('a stranger is 401 without a word, a feature can be denied, the minute has an end', async () => {
  assert.deepEqual([(await bob('/people/search', { basic: 'SERVICE-01:wrong', json: {} })).status, (await bob('/company/named-lists/nope')).status], [401, 404]);
  await fetch(`${sandbox.url}/_sandbox/settings/hibob`, { method: 'PUT', body: '{"denied_features":["timeoff"]}' });
  assert.equal((await bob('/timeoff/whosout?from=2026-01-01&to=2026-12-31')).status, 403);
  await fetch(`${sandbox.url}/_sandbox/limits/hibob`, { method: 'PUT', body: '{"minute":{"limit":0,"window_ms":60000}}' });
  assert.equal((await bob('/company/named-lists/department')).status, 429);
});
