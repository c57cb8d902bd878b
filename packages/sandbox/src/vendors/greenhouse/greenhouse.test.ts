import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { sandboxKeys } from '../../apps.ts';
import { startSandbox, type Sandbox } from '../../sandbox.ts';
import { at, wire, type WireAnswer, type WireRequest } from '../../../test/user-agent.ts';

const basic = `${sandboxKeys.greenhouse[0]}:`;
const host = 'https://harvest.greenhouse.io';
let sandbox: Sandbox;
before(async () => {
  sandbox = await startSandbox({ port: 0 });
});
after(() => sandbox.close());
beforeEach(() => fetch(`${sandbox.url}/_sandbox/reset`, { method: 'POST' }));
const call = (path: string, more: WireRequest = {}): Promise<WireAnswer> => wire(sandbox.url, `${host}${path}`, { basic, ...more, headers: { 'on-behalf-of': '3001', ...more.headers } });

test('lists follow the Link header to the end', async () => {
  const ids = new Set<number>();
  let next: string | undefined = '/v1/candidates?per_page=100';
  let pages = 0;
  while (next !== undefined) {
    const page: WireAnswer = await call(next);
    for (const row of page.body as { id: number }[]) ids.add(row.id);
    next = /<https:\/\/harvest\.greenhouse\.io([^>]+)>; rel="next"/.exec(page.headers.get('link') ?? '')?.[1];
    pages += 1;
  }
  assert.deepEqual([pages, ids.size], [3, 258]);
  const jobs = await call('/v1/jobs?status=closed');
  assert.ok((jobs.body as { status: string }[]).every((job) => job.status === 'closed'));
});

test('a candidate with an application: create, update, advance, reject, delete', async () => {
  const jobId = at((await call('/v1/jobs?per_page=1')).body, '0.id');
  const made = await call('/v1/candidates', { json: { first_name: 'Ása', last_name: 'Ö', email_addresses: [{ value: 'asa@x.example', type: 'work' }], applications: [{ job_id: jobId }] } });
  assert.equal(made.status, 201);
  const id = String(at(made.body, 'id'));
  const application = String(at(made.body, 'application_ids.0'));
  assert.equal(at((await call(`/v1/candidates/${id}`, { method: 'PATCH', json: { title: 'CFO' } })).body, 'title'), 'CFO');
  const wrong = await call(`/v1/applications/${application}/advance`, { json: { from_stage_id: 1 } });
  assert.deepEqual([wrong.status, at(wrong.body, 'errors.0.field')], [422, 'from_stage_id']);
  assert.equal(at((await call(`/v1/applications/${application}/advance`, { json: { from_stage_id: 701 } })).body, 'current_stage.name'), 'Phone Screen');
  assert.equal(at((await call(`/v1/applications/${application}/reject`, { json: {} })).body, 'success'), true);
  assert.equal(at((await call(`/v1/applications/${application}`)).body, 'status'), 'rejected');
  assert.equal((await call(`/v1/candidates/${id}`, { method: 'DELETE' })).status, 200);
  assert.deepEqual([(await call(`/v1/candidates/${id}`)).status, at((await call(`/v1/candidates/${id}`)).body, 'message')], [404, 'Resource not found']);
});

test('refusals: key, On-Behalf-Of, permission, values', async () => {
  assert.equal(at((await call('/v1/jobs', { basic: 'nobody:' })).body, 'message'), 'Invalid Basic Auth credentials');
  assert.equal((await call('/v1/candidates', { json: {}, headers: { 'on-behalf-of': '' } })).status, 403);
  const invalid = await call('/v1/candidates', { json: { first_name: 'A' } });
  assert.deepEqual([invalid.status, at(invalid.body, 'errors.0.field')], [422, 'last_name']);
  await fetch(`${sandbox.url}/_sandbox/settings/greenhouse`, { method: 'PUT', body: '{"denied_endpoints":["scorecards"]}' });
  const denied = await call('/v1/scorecards');
  assert.deepEqual([denied.status, at(denied.body, 'message')], [403, 'This API Key does not have permission for this endpoint']);
});

test('fifty requests in ten seconds; a 429 has Retry-After and no quota headers', async () => {
  const first = await call('/v1/users');
  assert.deepEqual([first.headers.get('x-ratelimit-limit'), first.headers.get('x-ratelimit-remaining')], ['50', '49']);
  await fetch(`${sandbox.url}/_sandbox/limits/greenhouse`, { method: 'PUT', body: '{"harvest":{"limit":1,"window_ms":10000000000}}' });
  await call('/v1/users');
  const limited = await call('/v1/users');
  assert.equal(limited.status, 429);
  assert.ok(limited.headers.get('retry-after'));
  assert.equal(limited.headers.get('x-ratelimit-limit'), null);
});

test('interviews are written through v2 and read through v1', async () => {
  const application = at((await call('/v1/applications?per_page=1')).body, '0.id');
  const made = await call('/v2/scheduled_interviews', { json: { application_id: application, interview_id: 95, interviewers: [], start: { date_time: '2026-12-01T10:00:00Z' }, end: { date_time: '2026-12-01T11:00:00Z' } } });
  assert.equal(made.status, 201);
  const row = `scheduled_interviews/${String(at(made.body, 'id'))}`;
  assert.equal((await call(`/v2/${row}`, { method: 'PATCH', json: { location: 'Łódź' } })).status, 200);
  assert.equal(at((await call(`/v1/${row}`)).body, 'location'), 'Łódź');
});
