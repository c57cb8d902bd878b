import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import { sandboxApps, sandboxKeys } from '../../apps.ts';
import { startSandbox, type Sandbox } from '../../sandbox.ts';
import { at, decideConsent, mapped, wire, type WireAnswer } from '../../../test/user-agent.ts';

const app = sandboxApps.linear;
const redirect = 'http://127.0.0.1:4400/oauth/callback';
const verifier = 'a-verifier-of-at-least-forty-three-characters-0000';
const key = sandboxKeys.linear[0] ?? '';
let sandbox: Sandbox;
before(async () => {
  sandbox = await startSandbox({ port: 0 });
});
after(() => sandbox.close());
beforeEach(() => fetch(`${sandbox.url}/_sandbox/reset`, { method: 'POST' }));

const ask = (query: string, variables: object = {}, authorization = key): Promise<WireAnswer> => wire(sandbox.url, 'https://api.linear.app/graphql', { headers: { authorization }, json: { query, variables } });
async function connect(scope: string): Promise<WireAnswer> {
  const query = new URLSearchParams({ response_type: 'code', client_id: app.client_id, redirect_uri: redirect, scope, state: 'x', code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256' });
  const back = await decideConsent(mapped(sandbox.url, `https://linear.app/oauth/authorize?${query}`));
  return wire(sandbox.url, 'https://api.linear.app/oauth/token', { form: { grant_type: 'authorization_code', client_id: app.client_id, client_secret: app.client_secret, redirect_uri: redirect, code: back.searchParams.get('code') ?? '', code_verifier: verifier } });
}

test('tokens live a day, refresh tokens rotate, and a write needs its scope', async () => {
  const first = await connect('read');
  assert.equal(at(first.body, 'expires_in'), 86_399);
  const bearer = `Bearer ${String(at(first.body, 'access_token'))}`;
  const refused = await ask('mutation { issueDelete(id: "x") { success } }', {}, bearer);
  assert.deepEqual([refused.status, at(refused.body, 'errors.0.extensions.code'), at(refused.body, 'errors.0.message')], [200, 'FORBIDDEN', 'Invalid scope: `write` required']);
  const fresh = await wire(sandbox.url, 'https://api.linear.app/oauth/token', { form: { grant_type: 'refresh_token', client_id: app.client_id, client_secret: app.client_secret, refresh_token: String(at(first.body, 'refresh_token')) } });
  assert.notEqual(at(fresh.body, 'refresh_token'), at(first.body, 'refresh_token'));
  sandbox.advance(86_400_000);
  const ended = await ask('{ viewer { id } }', {}, bearer);
  assert.equal(at(ended.body, 'errors.0.extensions.code'), 'AUTHENTICATION_ERROR');
});

test('issues page by endCursor to the end, with filters and relations', async () => {
  const query = 'query($first: Int!, $after: String, $filter: IssueFilter) { issues(first: $first, after: $after, filter: $filter, orderBy: updatedAt) { nodes { id identifier priorityLabel state { type } team { key } assignee { name } labels(first: 20) { nodes { name } } } pageInfo { hasNextPage endCursor } } }';
  const ids = new Set<string>();
  let after: unknown = null;
  do {
    const page: WireAnswer = await ask(query, { first: 100, after, filter: {} });
    assert.equal(page.status, 200, page.text);
    for (const issue of at(page.body, 'data.issues.nodes') as { id: string }[]) ids.add(issue.id);
    after = at(page.body, 'data.issues.pageInfo.hasNextPage') === true ? at(page.body, 'data.issues.pageInfo.endCursor') : null;
  } while (after !== null);
  assert.equal(ids.size, 268);
  const ops = await ask(query, { first: 250, filter: { team: { key: { eq: 'OPS' } }, updatedAt: { gt: '2025-01-05T00:00:00Z' } } });
  const nodes = at(ops.body, 'data.issues.nodes') as { team: { key: string } }[];
  assert.ok(nodes.length > 10 && nodes.every((node) => node.team.key === 'OPS'));
});

test('issues and comments are created, found by identifier, updated, archived, deleted', async () => {
  const team = at((await ask('{ teams { nodes { id key } } }')).body, 'data.teams.nodes.0.id');
  const made = await ask('mutation($input: IssueCreateInput!) { issueCreate(input: $input) { success issue { id identifier title state { type } } } }', { input: { teamId: team, title: 'Læk 💧' } });
  assert.deepEqual([at(made.body, 'data.issueCreate.success'), at(made.body, 'data.issueCreate.issue.state.type')], [true, 'backlog']);
  const id = at(made.body, 'data.issueCreate.issue.id');
  const comment = await ask('mutation($input: CommentCreateInput!) { commentCreate(input: $input) { success comment { body issue { id } } } }', { input: { issueId: id, body: 'hei' } });
  assert.equal(at(comment.body, 'data.commentCreate.comment.issue.id'), id);
  const updated = await ask('mutation($id: String!, $input: IssueUpdateInput!) { issueUpdate(id: $id, input: $input) { issue { priority } } }', { id, input: { priority: 1 } });
  assert.equal(at(updated.body, 'data.issueUpdate.issue.priority'), 1);
  const found = await ask('query($id: String!) { issue(id: $id) { title } }', { id: at(made.body, 'data.issueCreate.issue.identifier') });
  assert.equal(at(found.body, 'data.issue.title'), 'Læk 💧');
  assert.equal(at((await ask('mutation($id: String!) { issueArchive(id: $id) { success } }', { id })).body, 'data.issueArchive.success'), true);
  assert.equal(at((await ask('mutation($id: String!) { issueDelete(id: $id) { success } }', { id })).body, 'data.issueDelete.success'), true);
});

test('errors: not found with 200, syntax and validation with 400, bad variables with 400', async () => {
  const absent = await ask('{ issue(id: "nope") { id } }');
  assert.deepEqual([absent.status, at(absent.body, 'errors.0.message'), at(absent.body, 'errors.0.extensions.code')], [200, 'Entity not found: Issue', 'INPUT_ERROR']);
  for (const [query, code] of [['{ issues { nope } }', 'GRAPHQL_VALIDATION_FAILED'], ['{ issues {', 'GRAPHQL_PARSE_FAILED']] as const) {
    const answer = await ask(query);
    assert.deepEqual([answer.status, at(answer.body, 'errors.0.extensions.code')], [400, code]);
  }
  assert.equal((await ask('query($first: Int!) { users(first: $first) { nodes { id } } }', { first: 'many' })).status, 400);
  assert.equal((await ask('{ viewer { id } }', {}, 'lin_api_wrong')).status, 401);
});

test('complexity is priced and bounded; a spent budget is HTTP 400 with RATELIMITED', async () => {
  const priced = await ask('{ issues(first: 100) { nodes { id title } } }');
  assert.ok(Number(priced.headers.get('x-complexity')) > 100);
  assert.equal(priced.headers.get('x-ratelimit-complexity-limit'), '2000000');
  assert.ok(Number(priced.headers.get('x-ratelimit-requests-reset')) > 1e12, 'epoch milliseconds');
  const tooMuch = await ask('{ issues(first: 250) { nodes { comments(first: 250) { nodes { id } } } } }');
  assert.equal(at(tooMuch.body, 'errors.0.message'), 'Query too complex');
  await fetch(`${sandbox.url}/_sandbox/limits/linear`, { method: 'PUT', body: '{"requests":{"limit":0,"window_ms":3600000}}' });
  const limited = await ask('{ viewer { id } }');
  assert.deepEqual([limited.status, at(limited.body, 'errors.0.extensions.code')], [400, 'RATELIMITED']);
});
