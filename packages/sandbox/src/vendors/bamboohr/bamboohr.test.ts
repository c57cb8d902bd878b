import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { sandboxApps, sandboxKeys } from '../../apps.ts';
import { startSandbox, type Sandbox } from '../../sandbox.ts';
import { at, decideConsent, mapped, wire, type WireRequest } from '../../../test/user-agent.ts';

const app = sandboxApps.bamboohr;
const redirect = 'http://127.0.0.1:4400/oauth/callback';
const host = 'https://evenkeel-sandbox-1.bamboohr.com';
const basic = `${sandboxKeys.bamboohr[0]}:x`;
let sandbox: Sandbox;
before(async () => {
  sandbox = await startSandbox({ port: 0 });
});
after(() => sandbox.close());
beforeEach(() => fetch(`${sandbox.url}/_sandbox/reset`, { method: 'POST' }));
const call = (path: string, more: WireRequest = {}) => wire(sandbox.url, `${host}/api/v1${path}`, { basic, ...more, headers: { accept: 'application/json', ...more.headers } });

test('a key opens its own company, on its host and through the old gateway', async () => {
  assert.equal(at((await call('/company_information')).body, 'displayName'), 'Sandbox company 1');
  const gateway = await wire(sandbox.url, 'https://api.bamboohr.com/api/gateway.php/evenkeel-sandbox-1/v1/employees/directory', { basic, headers: { accept: 'application/json' } });
  assert.ok((at(gateway.body, 'employees') as unknown[]).length > 200);
  const other = await wire(sandbox.url, 'https://evenkeel-sandbox-2.bamboohr.com/api/v1/company_information', { basic });
  assert.deepEqual([other.status, other.text], [401, '']);
  assert.ok(other.headers.get('x-bamboohr-error-message'));
});

test('the roster pages by cursor; XML comes unless JSON is asked for', async () => {
  const ids = new Set<number>();
  let cursor: unknown = '';
  while (cursor !== null) {
    const page = await call(`/employees?page[limit]=100&page[after]=${String(cursor)}&fields=workEmail`);
    for (const row of at(page.body, 'data') as { employeeId: number }[]) ids.add(row.employeeId);
    cursor = at(page.body, 'meta.page.nextCursor');
  }
  assert.equal(ids.size, 262);
  const xml = await call('/employees/101?fields=firstName', { headers: { accept: '*/*' } });
  assert.match(xml.text, /<employee id="101"><field id="firstName">/);
});

test('employees are created, read by fields and updated; failures have a header and no body', async () => {
  const made = await call('/employees', { json: { firstName: 'Ása', lastName: 'Þórsdóttir', workEmail: 'asa@x.example' } });
  assert.deepEqual([made.status, made.text], [201, '']);
  const location = made.headers.get('location') ?? '';
  assert.match(location, new RegExp(`^${host}/api/v1/employees/\\d+$`));
  const path = location.slice(`${host}/api/v1`.length);
  assert.equal((await call(path, { json: { jobTitle: 'Skipper' } })).status, 200);
  const read = await call(`${path}?fields=jobTitle,displayName,unknown`);
  assert.deepEqual(Object.keys(read.body as object), ['id', 'jobTitle', 'displayName']);
  const conflict = await call('/employees', { json: { firstName: 'A', lastName: 'B', workEmail: 'asa@x.example' } });
  assert.deepEqual([conflict.status, conflict.text, conflict.headers.get('x-bamboohr-error-message')], [409, '', 'Duplicate workEmail']);
  assert.equal((await call('/employees/99999?fields=id')).status, 404);
});

test('time off is listed, requested and approved', async () => {
  const listed = await call('/time_off/requests?start=2025-01-01&end=2027-01-01');
  assert.ok((listed.body as unknown[]).length > 60);
  const made = await call('/employees/101/time_off/request', { method: 'PUT', json: { status: 'requested', start: '2026-12-01', end: '2026-12-02', timeOffTypeId: 78, amount: 2 } });
  assert.equal(made.status, 201);
  const id = String(at(made.body, 'id'));
  assert.equal((await call(`/time_off/requests/${id}/status`, { method: 'PUT', json: { status: 'approved' } })).status, 200);
  const one = await call(`/time_off/requests?id=${id}&start=2000-01-01&end=2100-01-01`);
  assert.equal(at(one.body, '0.status.status'), 'approved');
  assert.equal((await call('/time_off/requests')).status, 400);
});

test('OAuth per company gives a refresh token for offline_access only; scopes are checked; the limit is 429', async () => {
  const connect = async (scope: string) => {
    const back = await decideConsent(mapped(sandbox.url, `${host}/authorize.php?${new URLSearchParams({ request: 'authorize', response_type: 'code', client_id: app.client_id, redirect_uri: redirect, scope, state: 'x' })}`));
    return wire(sandbox.url, `${host}/token.php?request=token`, { form: { grant_type: 'authorization_code', client_id: app.client_id, client_secret: app.client_secret, redirect_uri: redirect, code: back.searchParams.get('code') ?? '' } });
  };
  assert.equal(at((await connect('time_off')).body, 'refresh_token'), undefined);
  const granted = await connect('time_off offline_access');
  assert.deepEqual([at(granted.body, 'companyDomain'), typeof at(granted.body, 'refresh_token')], ['evenkeel-sandbox-1', 'string']);
  const bearer = String(at(granted.body, 'access_token'));
  const refused = await wire(sandbox.url, `${host}/api/v1/employees/directory`, { bearer });
  assert.deepEqual([refused.status, /scope/i.test(refused.headers.get('x-bamboohr-error-message') ?? '')], [403, true]);
  await fetch(`${sandbox.url}/_sandbox/limits/bamboohr`, { method: 'PUT', body: '{"requests":{"limit":0,"window_ms":60000}}' });
  const limited = await call('/company_information');
  assert.equal(limited.status, 429);
  assert.ok(Number(limited.headers.get('retry-after')) >= 1);
});
