import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { evenkeel, evenkeelProcess } from './command-line.ts';

const account = {
  id: 'acc_1',
  tenant_id: 'acme',
  connector: 'crm',
  scheme: 'oauth',
  state: 'needs_reauth',
  state_since: '2026-10-01T12:00:00.000Z',
  message: 'The grant was revoked.',
  external_id: null,
  label: 'Acme\u001b[31m Inc',
  config: {},
  captured: {},
  missing_scopes: [],
  setup_pending: false,
  credential: null,
  created_at: '2026-10-01T12:00:00.000Z',
  updated_at: '2026-10-01T12:00:00.000Z',
};
const refusedRefresh = { at: account.state_since, first_at: account.state_since, outcome: 'refused', attempts: 1, version: 7, actor: 'system:scheduler', message: 'invalid_grant', expires_at: null, next_due_at: null };
const transition = { id: 'tr_1', account_id: 'acc_1', from: 'active', to: 'needs_reauth', cause: 'refresh_rejected', actor: 'system:refresh', evidence: {}, event_id: 'evt_1', at: account.state_since };
const problem = { type: '/docs/errors#not_found', title: 'Not found', status: 404, detail: 'No account acc_2.', code: 'not_found', origin: 'caller', retryable: false, request_id: 'req_9' };

/** A server with one account in two pages, and the environment that leads to it. */
async function serve(context: TestContext) {
  const urls: string[] = [];
  const server = createServer((request, response) => {
    urls.push(request.url ?? '');
    const url = new URL(request.url ?? '', 'http://x');
    const send = (status: number, body: unknown) => void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (request.headers.authorization !== 'Bearer ek_test') send(401, { ...problem, status: 401, code: 'unauthorized', detail: 'The key is unknown.' });
    else if (url.pathname === '/v1/accounts') send(200, url.searchParams.has('cursor') ? { results: [{ ...account, id: 'acc_9' }], next_cursor: null } : { results: [account], next_cursor: 'c' });
    else if (url.pathname === '/v1/accounts/acc_1') send(200, { ...account, timeline: [refusedRefresh] });
    else if (url.pathname === '/v1/accounts/acc_1/transitions') send(200, { results: [transition], next_cursor: null });
    else send(404, problem);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { urls, environment: { EVENKEEL_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, EVENKEEL_API_KEY: 'ek_test' } };
}

test('accounts list filters at the server and reads every page', async (context) => {
  const { urls, environment } = await serve(context);
  const { code, stdout } = await evenkeelProcess(['accounts', 'list', '--state', 'needs_reauth', '--connector=crm'], { environment });
  assert.equal(code, 0);
  assert.deepEqual(stdout.split('\n').map((line) => line.split(/ {2,}/)[0]), ['ID', 'acc_1', 'acc_9', '']);
  assert.ok(!stdout.includes('\u001b'), 'foreign text must not steer the terminal');
  assert.deepEqual(urls, ['/v1/accounts?state=needs_reauth&connector=crm&limit=200', '/v1/accounts?state=needs_reauth&connector=crm&limit=200&cursor=c']);
});

test('--json prints one document, --limit stops reading', async (context) => {
  const { urls, environment } = await serve(context);
  const { stdout } = await evenkeel(['accounts', 'list', '--json', '--limit', '1'], { environment });
  assert.deepEqual(JSON.parse(stdout), [account]);
  assert.equal(urls.length, 1);
});

test('accounts show tells the state, the reason and the way there', async (context) => {
  const { environment } = await serve(context);
  const { code, stdout } = await evenkeel(['accounts', 'show', 'acc_1'], { environment });
  assert.equal(code, 0);
  assert.match(stdout, /needs_reauth since 2026-10-01/);
  assert.match(stdout, /The grant was revoked\./);
  assert.match(stdout, /active +needs_reauth +refresh_rejected +system:refresh/);
  assert.match(stdout, /refused +7 +1 +system:scheduler +– +invalid_grant/);
  assert.deepEqual(JSON.parse((await evenkeel(['accounts', 'show', 'acc_1', '--json'], { environment })).stdout), { ...account, timeline: [refusedRefresh], transitions: [transition] });
});

test('what the server refuses is one line on standard error and exit code 4', async (context) => {
  const { environment } = await serve(context);
  assert.deepEqual(await evenkeel(['accounts', 'show', 'acc_2'], { environment }), { code: 4, stdout: '', stderr: 'evenkeel: No account acc_2. [not_found, caller] (request req_9)\n' });
  const wrongKey = await evenkeel(['accounts', 'list', '--api-key', 'ek_wrong'], { environment });
  assert.equal(wrongKey.code, 4);
  assert.match(wrongKey.stderr, /The key is unknown\. \[unauthorized, caller\]/);
});

test('a server that is not there is exit code 3', async () => {
  const { code, stdout, stderr } = await evenkeel(['accounts', 'list'], { environment: { EVENKEEL_URL: 'http://127.0.0.1:1', EVENKEEL_API_KEY: 'k' } });
  assert.equal(code, 3);
  assert.equal(stdout, '');
  assert.match(stderr, /^evenkeel: No answer from http:\/\/127\.0\.0\.1:1: .*\n$/);
});

test('settings that cannot be right are exit code 2', async () => {
  for (const [environment, message] of [
    [{}, /no API key: set EVENKEEL_API_KEY/],
    [{ EVENKEEL_API_KEY: 'k', EVENKEEL_URL: 'localhost:4400' }, /EVENKEEL_URL or --url "localhost:4400"/],
    [{ EVENKEEL_API_KEY: 'two words' }, /the API key .*characters/],
  ] as [Record<string, string>, RegExp][]) {
    const { code, stderr } = await evenkeel(['accounts', 'list'], { environment });
    assert.equal(code, 2);
    assert.match(stderr, message);
  }
  assert.match((await evenkeel(['accounts', 'list', '--state', 'asleep'], { environment: { EVENKEEL_API_KEY: 'k' } })).stderr, /--state must be one of connecting, active/);
  assert.match((await evenkeel(['accounts', 'list', '--limit', '-1'], { environment: { EVENKEEL_API_KEY: 'k' } })).stderr, /limit/);
});
