import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { sandboxApps, sandboxKeys } from '../../apps.ts';
import { startSandbox, type Sandbox } from '../../sandbox.ts';
import { at, decideConsent, mapped, wire, type WireAnswer, type WireRequest } from '../../../test/user-agent.ts';
import { uuid } from './data.ts';

const app = sandboxApps.lever;
const redirect = 'http://127.0.0.1:4400/oauth/callback';
const api = 'https://api.lever.co/v1';
const me = uuid(1, 0);
let sandbox: Sandbox;
before(async () => {
  sandbox = await startSandbox({ port: 0 });
});
after(() => sandbox.close());
beforeEach(async () => {
  await fetch(`${sandbox.url}/_sandbox/reset`, { method: 'POST' });
  await fetch(`${sandbox.url}/_sandbox/limits/lever`, { method: 'PUT', body: '{"second":{"limit":1000,"window_ms":1000}}' });
});

async function connect(scope = 'offline_access opportunities:read:admin'): Promise<WireAnswer> {
  const query = new URLSearchParams({ audience: `${api}/`, response_type: 'code', client_id: app.client_id, redirect_uri: redirect, scope, state: 'x' });
  const back = await decideConsent(mapped(sandbox.url, `https://auth.lever.co/authorize?${query}`));
  return wire(sandbox.url, 'https://auth.lever.co/oauth/token', { form: { client_id: app.client_id, client_secret: app.client_secret, grant_type: 'authorization_code', code: back.searchParams.get('code') ?? '', redirect_uri: redirect } });
}
const keyed = (path: string, request: WireRequest = {}): Promise<WireAnswer> => wire(sandbox.url, `${api}${path}`, { basic: `${sandboxKeys.lever[0]}:`, ...request });

test('tokens carry the scopes that were granted, for an hour', async () => {
  const granted = await connect();
  const bearer = String(at(granted.body, 'access_token'));
  assert.equal(at(granted.body, 'expires_in'), 3600);
  assert.equal((await wire(sandbox.url, `${api}/opportunities?limit=1`, { bearer })).status, 200);
  assert.equal((await wire(sandbox.url, `${api}/postings?limit=1`, { bearer })).status, 403);
  sandbox.advance(3_601_000);
  assert.equal((await wire(sandbox.url, `${api}/opportunities?limit=1`, { bearer })).status, 401);
});

test('next goes back as offset, through every opportunity once', async () => {
  const ids = new Set<unknown>();
  for (let offset = ''; ; ) {
    const page = await keyed(`/opportunities?limit=100${offset}`);
    for (const row of at(page.body, 'data') as { id: string }[]) ids.add(row.id);
    if (at(page.body, 'hasNext') !== true) break;
    offset = `&offset=${encodeURIComponent(String(at(page.body, 'next')))}`;
  }
  assert.equal(ids.size, 230);
  assert.equal((await keyed('/opportunities?offset=nonsense')).status, 400);
  const archived = at((await keyed('/opportunities?archived=true&expand=applications')).body, 'data') as { archived: unknown; applications: unknown[] }[];
  assert.ok(archived.length > 0 && archived.every((row) => row.archived !== null) && archived.some((row) => typeof row.applications[0] === 'object'));
});

test('a change is made as a user: created, moved, tagged, archived', async () => {
  const body = { name: 'Ólöf', emails: ['olof@mail.example'], postings: [uuid(4, 0)] };
  assert.equal((await keyed('/opportunities', { json: body })).status, 400);
  const made = await keyed(`/opportunities?perform_as=${me}`, { json: body });
  assert.equal(made.status, 201);
  const path = `/opportunities/${String(at(made.body, 'data.id'))}`;
  assert.equal(at((await keyed(`${path}/stage?perform_as=${me}`, { method: 'PUT', json: { stage: uuid(2, 3) } })).body, 'data.stage'), uuid(2, 3));
  assert.deepEqual(at((await keyed(`${path}/addTags?perform_as=${me}`, { json: { tags: ['größe'] } })).body, 'data.tags'), ['größe']);
  assert.equal(at((await keyed(`${path}/archived?perform_as=${me}`, { method: 'PUT', json: { reason: uuid(3, 1) } })).body, 'data.archived.reason'), uuid(3, 1));
  assert.equal(at((await keyed(`${path}/applications`)).body, 'data.0.posting'), uuid(4, 0));
});

test('interviews belong to an opportunity; a revoked key is refused', async () => {
  const path = `/opportunities/${uuid(5, 0)}/interviews`;
  const made = await keyed(`${path}?perform_as=${me}`, { json: { subject: 'Gespräch', interviewers: [{ id: me }], date: 1_795_539_600_000, duration: 45 } });
  assert.equal(made.status, 201);
  assert.equal((at((await keyed(path)).body, 'data') as unknown[]).length, 2);
  assert.equal((await keyed(`${path}/${String(at(made.body, 'data.id'))}`, { method: 'DELETE' })).status, 204);
  assert.equal(at((await keyed('/postings/none')).body, 'code'), 'ResourceNotFound');
  assert.equal((await wire(sandbox.url, `${api}/users`, { basic: 'unknown:' })).status, 401);
});
