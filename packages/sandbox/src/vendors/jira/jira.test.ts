import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { sandboxApps } from '../../apps.ts';
import { startSandbox, type Sandbox } from '../../sandbox.ts';
import { at, decideConsent, mapped, wire, type WireAnswer } from '../../../test/user-agent.ts';
import { sites } from './data.ts';
import { parseJql } from './jql.ts';

const app = sandboxApps.jira;
const redirect = 'http://127.0.0.1:4400/oauth/callback';
let sandbox: Sandbox;
before(async () => {
  sandbox = await startSandbox({ port: 0 });
});
after(() => sandbox.close());
beforeEach(() => fetch(`${sandbox.url}/_sandbox/reset`, { method: 'POST' }));

const token = (body: Record<string, unknown>): Promise<WireAnswer> => wire(sandbox.url, 'https://auth.atlassian.com/oauth/token', { json: { client_id: app.client_id, client_secret: app.client_secret, ...body } });
async function connect(scope = 'read:jira-work write:jira-work read:jira-user offline_access'): Promise<WireAnswer> {
  const query = new URLSearchParams({ audience: 'api.atlassian.com', response_type: 'code', client_id: app.client_id, redirect_uri: redirect, scope, state: 'x', prompt: 'consent' });
  const back = await decideConsent(mapped(sandbox.url, `https://auth.atlassian.com/authorize?${query}`));
  return token({ grant_type: 'authorization_code', code: back.searchParams.get('code') ?? '', redirect_uri: redirect });
}
const accessOf = (answer: WireAnswer): string => String(at(answer.body, 'access_token'));
const rest = `https://api.atlassian.com/ex/jira/${sites[0].id}/rest/api/2`;

test('accessible resources name the site; another site stays closed; refresh tokens rotate', async () => {
  const granted = await connect();
  const bearer = accessOf(granted);
  assert.equal(at((await wire(sandbox.url, 'https://api.atlassian.com/oauth/token/accessible-resources', { bearer })).body, '0.id'), sites[0].id);
  assert.equal((await wire(sandbox.url, `${rest}/myself`, { bearer })).status, 200);
  assert.equal((await wire(sandbox.url, `https://api.atlassian.com/ex/jira/${sites[1]?.id ?? ''}/rest/api/2/myself`, { bearer })).status, 404);
  const old = String(at(granted.body, 'refresh_token'));
  assert.equal((await token({ grant_type: 'refresh_token', refresh_token: old })).status, 200);
  assert.equal((await token({ grant_type: 'refresh_token', refresh_token: old })).status, 403);
});

test('search pages by token through a bounded query; an unbounded one is refused', async () => {
  const bearer = accessOf(await connect());
  const ids = new Set<unknown>();
  let url = `${rest}/search/jql?jql=${encodeURIComponent('created >= 0 ORDER BY created ASC')}&fields=summary,created&maxResults=100`;
  for (let next = url; ; ) {
    const page = await wire(sandbox.url, next, { bearer });
    for (const issue of at(page.body, 'issues') as { id: string }[]) ids.add(issue.id);
    if (at(page.body, 'isLast') === true) break;
    next = `${url}&nextPageToken=${String(at(page.body, 'nextPageToken'))}`;
  }
  assert.equal(ids.size, 230);
  url = `${rest}/search/jql?jql=${encodeURIComponent('ORDER BY created')}`;
  assert.equal((await wire(sandbox.url, url, { bearer })).status, 400);
});

test('JQL: lists, emptiness, alternatives, times and refusals', () => {
  const issue = { id: '1', key: 'OPS-1', fields: { project: { id: '1', key: 'OPS', name: 'Ops' }, status: { name: 'Done', statusCategory: { key: 'done', name: 'Done' } }, labels: ['x'], assignee: null, updated: '2026-01-01T00:00:00.000+0000' } };
  const holds = (jql: string): boolean => {
    const query = parseJql(jql);
    assert.ok(query.ok, jql);
    return query.matches(issue);
  };
  for (const jql of ['project = OPS', '(project = "WEB" OR status in ("Done", \'x\')) AND labels = x', 'assignee is EMPTY ORDER BY updated DESC', 'updated >= 1767225600000', 'statusCategory = done']) assert.ok(holds(jql), jql);
  for (const jql of ['project = WEB', 'updated > 1767225600000', 'assignee is not EMPTY', 'labels = y']) assert.ok(!holds(jql), jql);
  for (const jql of ['', 'nope = 1', 'project =', '(project = OPS', 'project = OPS ORDER BY nope', 'project = OPS garbage']) assert.ok(!parseJql(jql).ok, jql);
});

test('issues are created, changed, moved and commented; refusals name fields', async () => {
  const bearer = accessOf(await connect());
  const refused = await wire(sandbox.url, `${rest}/issue`, { bearer, json: { fields: { project: { key: 'OPS' } } } });
  assert.deepEqual([refused.status, at(refused.body, 'errors.summary')], [400, 'You must specify a summary of the issue.']);
  const made = await wire(sandbox.url, `${rest}/issue`, { bearer, json: { fields: { project: { key: 'OPS' }, issuetype: { name: 'Task' }, summary: 'Größe', description: 'Text' } } });
  assert.equal(made.status, 201);
  const issue = `${rest}/issue/${String(at(made.body, 'key'))}`;
  assert.equal(at((await wire(sandbox.url, `${issue}?returnIssue=true`, { method: 'PUT', bearer, json: { fields: { summary: 'Neu' } } })).body, 'fields.summary'), 'Neu');
  assert.equal((await wire(sandbox.url, `${issue}/transitions`, { bearer, json: { transition: { id: '41' } } })).status, 204);
  assert.equal(at((await wire(sandbox.url, issue, { bearer })).body, 'fields.status.name'), 'Done');
  assert.equal((await wire(sandbox.url, `${issue}/comment`, { bearer, json: { body: 'Fertig.' } })).status, 201);
  assert.equal(at((await wire(sandbox.url, `${issue}/comment`, { bearer })).body, 'total'), 1);
  const reader = accessOf(await connect('read:jira-work'));
  assert.match((await wire(sandbox.url, issue, { method: 'DELETE', bearer: reader })).text, /scope does not match/);
});
