import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { sandboxApps, sandboxKeys } from './apps.ts';
import { startSandbox, type Sandbox } from './sandbox.ts';
import { at, decideConsent, mapped, wire } from '../test/user-agent.ts';

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}
let sandbox: Sandbox;
let receiver: Server;
let target = '';
let received: Received[] = [];
let failures = 0;
before(async () => {
  receiver = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    received.push({ headers: request.headers, body: Buffer.concat(chunks).toString('utf8') });
    failures -= 1;
    response.writeHead(failures >= 0 ? 500 : 200).end();
  });
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  target = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
  sandbox = await startSandbox({ port: 0, webhookRetryDelaysMs: [1, 1, 1] });
});
after(async () => {
  await sandbox.close();
  receiver.close();
  receiver.closeAllConnections();
});
beforeEach(async () => {
  await fetch(`${sandbox.url}/_sandbox/reset`, { method: 'POST' });
  received = [];
  failures = 0;
});

async function register(vendor: string, more: object = {}): Promise<void> {
  const answer = await fetch(`${sandbox.url}/_sandbox/webhooks/${vendor}`, { method: 'POST', body: JSON.stringify({ target_url: target, secret: 'shh', ...more }) });
  assert.equal(answer.status, 201, await answer.text());
}
const hmac = (text: string, encoding: 'hex' | 'base64' = 'hex'): string => createHmac('sha256', 'shh').update(text).digest(encoding);
const hubspotKey = sandboxKeys.hubspot[0] ?? '';
const contact = (properties: object) => wire(sandbox.url, 'https://api.hubapi.com/crm/v3/objects/contacts', { bearer: hubspotKey, json: { properties } });

test('HubSpot signs v1 and v3 over arrays of events, one for each changed property', async () => {
  await register('hubspot');
  const id = String(at((await contact({ email: 'hook@x.example' })).body, 'id'));
  await wire(sandbox.url, `https://api.hubapi.com/crm/v3/objects/contacts/${id}`, { method: 'PATCH', bearer: hubspotKey, json: { properties: { firstname: 'Ö', phone: '1' } } });
  await wire(sandbox.url, `https://api.hubapi.com/crm/v3/objects/contacts/${id}`, { method: 'DELETE', bearer: hubspotKey });
  await sandbox.webhooksIdle();
  const events = received.flatMap((one) => JSON.parse(one.body) as { subscriptionType: string; portalId: number; propertyName?: string }[]);
  assert.deepEqual(events.map((event) => event.subscriptionType), ['contact.creation', 'contact.propertyChange', 'contact.propertyChange', 'contact.deletion']);
  assert.equal(events[0]?.portalId, 24810001);
  for (const { headers, body } of received) {
    assert.equal(headers['x-hubspot-signature'], createHash('sha256').update(`shh${body}`).digest('hex'));
    assert.equal(headers['x-hubspot-signature-v3'], hmac(`POST${target}${body}${String(headers['x-hubspot-request-timestamp'])}`, 'base64'));
  }
});

test('a refused delivery is sent again, the same body, and then given up', async () => {
  await register('hubspot');
  failures = 2;
  await contact({ email: 'retry@x.example' });
  await sandbox.webhooksIdle();
  assert.equal(received.length, 3);
  assert.equal(new Set(received.map((one) => one.body)).size, 1);
  failures = 10;
  await contact({ email: 'lost@x.example' });
  await sandbox.webhooksIdle();
  assert.equal(received.length, 7);
});

test('lost_webhooks swallows messages and says so', async () => {
  await register('hubspot');
  await fetch(`${sandbox.url}/_sandbox/faults/hubspot`, { method: 'PUT', body: '[{"kind":"lost_webhooks","times":1}]' });
  await contact({ email: 'one@x.example' });
  await contact({ email: 'two@x.example' });
  await sandbox.webhooksIdle();
  assert.equal(received.length, 1);
  const state: unknown = await (await fetch(`${sandbox.url}/_sandbox/webhooks/hubspot`)).json();
  assert.equal(at(state, 'attempts.0.result'), 'lost');
  assert.equal(at(state, 'attempts.1.result'), 200);
});

test('registrations choose accounts and events; targets off this machine are refused', async () => {
  await register('hubspot', { account: '24810002' });
  await register('hubspot', { events: ['contact.deletion'] });
  await contact({ email: 'quiet@x.example' });
  await sandbox.webhooksIdle();
  assert.equal(received.length, 0);
  assert.equal((await fetch(`${sandbox.url}/_sandbox/webhooks/hubspot`, { method: 'POST', body: '{"target_url":"https://example.com/x"}' })).status, 400);
});

test('Greenhouse: "sha256 <hex>" with a space', async () => {
  await register('greenhouse');
  await wire(sandbox.url, 'https://harvest.greenhouse.io/v1/candidates', { basic: `${sandboxKeys.greenhouse[0]}:`, headers: { 'on-behalf-of': '3001' }, json: { first_name: 'Ada', last_name: 'Ö' } });
  await sandbox.webhooksIdle();
  const [first] = received;
  assert.equal(first?.headers['signature'], `sha256 ${hmac(first?.body ?? '')}`);
  assert.equal(at(JSON.parse(first?.body ?? '{}'), 'payload.candidate.first_name'), 'Ada');
  assert.ok(first?.headers['greenhouse-event-id']);
});

test('BambooHR: subscribed through its own API, signed over body and timestamp with the key it gave out', async () => {
  const basic = `${sandboxKeys.bamboohr[0]}:x`;
  const base = 'https://evenkeel-sandbox-1.bamboohr.com/api/v1';
  const made = await wire(sandbox.url, `${base}/webhooks`, { basic, json: { name: 'w', url: target, monitorFields: ['jobTitle'], format: 'json' } });
  assert.equal(made.status, 201);
  await wire(sandbox.url, `${base}/employees/101`, { basic, json: { jobTitle: 'Skipper' } });
  await wire(sandbox.url, `${base}/employees/101`, { basic, json: { city: 'Bergen' } });
  await sandbox.webhooksIdle();
  assert.equal(received.length, 1, 'only monitored fields');
  const [first] = received;
  const signature = createHmac('sha256', String(at(made.body, 'privateKey'))).update(`${first?.body}${String(first?.headers['x-bamboohr-timestamp'])}`).digest('hex');
  assert.equal(first?.headers['x-bamboohr-signature'], signature);
});

test('Linear: HMAC of a body that carries its own time', async () => {
  await register('linear');
  const query = 'mutation($input: IssueCreateInput!) { issueCreate(input: $input) { success } }';
  const teams = await wire(sandbox.url, 'https://api.linear.app/graphql', { headers: { authorization: sandboxKeys.linear[0] ?? '' }, json: { query: '{ teams { nodes { id } } }' } });
  await wire(sandbox.url, 'https://api.linear.app/graphql', { headers: { authorization: sandboxKeys.linear[0] ?? '' }, json: { query, variables: { input: { title: 'Læk', teamId: at(teams.body, 'data.teams.nodes.0.id') } } } });
  await sandbox.webhooksIdle();
  const [first] = received;
  assert.equal(first?.headers['linear-signature'], hmac(first?.body ?? ''));
  const body: unknown = JSON.parse(first?.body ?? '{}');
  assert.equal(at(body, 'action'), 'create');
  assert.equal(typeof at(body, 'webhookTimestamp'), 'number');
});

test('Pipedrive: Basic credentials and meta', async () => {
  await register('pipedrive', { secret: 'user:pass' });
  await wire(sandbox.url, 'https://api.pipedrive.com/api/v2/persons', { headers: { 'x-api-token': sandboxKeys.pipedrive[0] ?? '' }, json: { name: 'Ada Ö' } });
  await sandbox.webhooksIdle();
  const [first] = received;
  assert.equal(first?.headers.authorization, `Basic ${Buffer.from('user:pass').toString('base64')}`);
  const body: unknown = JSON.parse(first?.body ?? '{}');
  assert.deepEqual([at(body, 'meta.action'), at(body, 'meta.entity'), at(body, 'data.name')], ['create', 'person', 'Ada Ö']);
});

test('Slack numbers what it sends again', async () => {
  failures = 1;
  await register('slack');
  await sandbox.webhooksIdle();
  assert.deepEqual(received.map((one) => one.headers['x-slack-retry-num']), [undefined, '1']);
});

test('Salesforce sends a SOAP message that names its organisation, GitHub an issue event', async () => {
  await register('salesforce');
  await register('github', { events: ['issues'] });
  const client = sandboxApps.github;
  const redirect = 'http://127.0.0.1:4400/oauth/callback';
  const page = mapped(sandbox.url, `https://github.com/login/oauth/authorize?${new URLSearchParams({ client_id: client.client_id, redirect_uri: redirect, scope: 'repo' })}`);
  const code = (await decideConsent(page)).searchParams.get('code') ?? '';
  const token = await wire(sandbox.url, 'https://github.com/login/oauth/access_token', { form: { client_id: client.client_id, client_secret: client.client_secret, code, redirect_uri: redirect }, headers: { accept: 'application/json' } });
  await wire(sandbox.url, 'https://api.github.com/repos/evenkeel-sandbox-1/web/issues', { bearer: String(at(token.body, 'access_token')), json: { title: 'Ny' } });
  const app = sandboxApps.salesforce;
  const back = await decideConsent(mapped(sandbox.url, `https://login.salesforce.com/services/oauth2/authorize?${new URLSearchParams({ response_type: 'code', client_id: app.client_id, redirect_uri: redirect })}`));
  const session = await wire(sandbox.url, 'https://login.salesforce.com/services/oauth2/token', { form: { grant_type: 'authorization_code', client_id: app.client_id, client_secret: app.client_secret, redirect_uri: redirect, code: back.searchParams.get('code') ?? '' } });
  await wire(sandbox.url, `${String(at(session.body, 'instance_url'))}/services/data/v62.0/sobjects/Contact`, { bearer: String(at(session.body, 'access_token')), json: { LastName: 'O<Brien' } });
  await sandbox.webhooksIdle();
  const issue = received.find((one) => one.headers['x-github-event'] === 'issues');
  assert.deepEqual([at(JSON.parse(issue?.body ?? '{}'), 'action'), at(JSON.parse(issue?.body ?? '{}'), 'installation.id')], ['opened', 51000001]);
  const soap = received.find((one) => String(one.headers['content-type']).startsWith('text/xml'));
  assert.match(soap?.body ?? '', /<OrganizationId>00D5g00000SBX01EAA<\/OrganizationId>/);
  assert.match(soap?.body ?? '', /<sf:LastName>O&#60;Brien<\/sf:LastName>/);
});

test('Zendesk signs its timestamp and the body, Jira the body', async () => {
  await register('zendesk');
  await register('jira');
  await wire(sandbox.url, 'https://evenkeel-sandbox-1.zendesk.com/api/v2/tickets', { basic: `admin@sandbox.example/token:${sandboxKeys.zendesk[0] ?? ''}`, json: { ticket: { subject: 'Größe', comment: { body: 'x' } } } });
  await sandbox.webhooksIdle();
  const [sent] = received;
  assert.equal(at(JSON.parse(sent?.body ?? 'null'), 'type'), 'zen:event-type:ticket.created');
  assert.equal(sent?.headers['x-zendesk-webhook-signature'], hmac(`${String(sent?.headers['x-zendesk-webhook-signature-timestamp'])}${sent?.body ?? ''}`, 'base64'));

  const query = new URLSearchParams({ audience: 'api.atlassian.com', response_type: 'code', client_id: sandboxApps.jira.client_id, redirect_uri: 'http://127.0.0.1:4400/oauth/callback', scope: 'write:jira-work' });
  const back = await decideConsent(mapped(sandbox.url, `https://auth.atlassian.com/authorize?${query}`));
  const granted = await wire(sandbox.url, 'https://auth.atlassian.com/oauth/token', { json: { ...sandboxApps.jira, grant_type: 'authorization_code', code: back.searchParams.get('code'), redirect_uri: 'http://127.0.0.1:4400/oauth/callback' } });
  const bearer = String(at(granted.body, 'access_token'));
  const site = String(at((await wire(sandbox.url, 'https://api.atlassian.com/oauth/token/accessible-resources', { bearer })).body, '0.id'));
  const made = await wire(sandbox.url, `https://api.atlassian.com/ex/jira/${site}/rest/api/2/issue`, { bearer, json: { fields: { project: { key: 'OPS' }, issuetype: { name: 'Bug' }, summary: 'Größe' } } });
  assert.equal(made.status, 201, made.text);
  await sandbox.webhooksIdle();
  const event = received.at(-1);
  assert.equal(at(JSON.parse(event?.body ?? 'null'), 'webhookEvent'), 'jira:issue_created');
  assert.equal(event?.headers['x-hub-signature'], `sha256=${hmac(event?.body ?? '')}`);
  assert.match(String(event.headers['x-atlassian-webhook-identifier']), /^[0-9a-f-]{36}$/);
});

test('Slack greets with a signed challenge, GitHub with a ping', async () => {
  await register('slack');
  await register('github');
  await sandbox.webhooksIdle();
  const slack = received.find((one) => one.headers['x-slack-signature'] !== undefined);
  assert.equal(slack?.headers['x-slack-signature'], `v0=${hmac(`v0:${String(slack?.headers['x-slack-request-timestamp'])}:${slack?.body}`)}`);
  assert.equal(at(JSON.parse(slack?.body ?? '{}'), 'type'), 'url_verification');
  const github = received.find((one) => one.headers['x-github-event'] === 'ping');
  assert.equal(github?.headers['x-hub-signature-256'], `sha256=${hmac(github?.body ?? '')}`);
});

test('a registration that is disabled sends nothing until it is enabled again', async () => {
  await register('hubspot');
  const put = (enabled: boolean) => fetch(`${sandbox.url}/_sandbox/webhooks/hubspot`, { method: 'PUT', body: JSON.stringify({ enabled }) });
  await put(false);
  await contact({ email: 'silent@x.example' });
  await sandbox.webhooksIdle();
  assert.equal(received.length, 0);
  await put(true);
  await contact({ email: 'heard@x.example' });
  await sandbox.webhooksIdle();
  assert.equal(received.length, 1);
});

test('Zendesk: registered, disabled, enabled and removed through its own API, with a secret that is asked for', async () => {
  const basic = `admin@sandbox.example/token:${sandboxKeys.zendesk[0] ?? ''}`;
  const base = 'https://evenkeel-sandbox-1.zendesk.com/api/v2/webhooks';
  const made = await wire(sandbox.url, base, { basic, json: { webhook: { endpoint: target, subscriptions: ['zen:event-type:ticket.priority_changed'] } } });
  assert.equal(made.status, 201, made.text);
  const one = `${base}/${String(at(made.body, 'webhook.id'))}`;
  const secret = String(at((await wire(sandbox.url, `${one}/signing_secret`, { basic })).body, 'signing_secret.secret'));
  const tickets = 'https://evenkeel-sandbox-1.zendesk.com/api/v2/tickets';
  const id = String(at((await wire(sandbox.url, tickets, { basic, json: { ticket: { subject: 'Größe', comment: { body: 'x' } } } })).body, 'ticket.id'));
  await wire(sandbox.url, `${tickets}/${id}`, { method: 'PUT', basic, json: { ticket: { priority: 'urgent' } } });
  await sandbox.webhooksIdle();
  assert.equal(received.length, 1, 'only what is subscribed to');
  assert.equal(received[0]?.headers['x-zendesk-webhook-signature'], createHmac('sha256', secret).update(`${String(received[0]?.headers['x-zendesk-webhook-signature-timestamp'])}${received[0]?.body ?? ''}`).digest('base64'));
  await fetch(`${sandbox.url}/_sandbox/webhooks/zendesk`, { method: 'PUT', body: '{"enabled":false}' });
  assert.equal(at((await wire(sandbox.url, one, { basic })).body, 'webhook.status'), 'inactive');
  await wire(sandbox.url, one, { method: 'PATCH', basic, json: { webhook: { status: 'active' } } });
  assert.equal(at((await wire(sandbox.url, one, { basic })).body, 'webhook.status'), 'active');
  assert.equal((await wire(sandbox.url, one, { method: 'DELETE', basic })).status, 204);
  assert.equal((await wire(sandbox.url, one, { basic })).status, 404);
});

test('Lever: one registration for each event, the proof in the body', async () => {
  const basic = `${sandboxKeys.lever[0] ?? ''}:`;
  const made = await wire(sandbox.url, 'https://api.lever.co/v1/webhooks', { basic, json: { url: target, event: 'candidateStageChange' } });
  const token = String(at(made.body, 'data.configuration.signatureToken'));
  const listed = await wire(sandbox.url, 'https://api.lever.co/v1/opportunities?limit=1', { basic });
  const opportunity = String(at(listed.body, 'data.0.id'));
  const moved = await wire(sandbox.url, `https://api.lever.co/v1/opportunities/${opportunity}/stage?perform_as=00000001-5c1d-4e3f-8a9b-000000000000`, { method: 'PUT', basic, json: { stage: '00000002-5c1d-4e3f-8a9b-000000000004' } });
  assert.equal(moved.status, 200, moved.text);
  await sandbox.webhooksIdle();
  const body: unknown = JSON.parse(received[0]?.body ?? 'null');
  assert.equal(at(body, 'data.opportunityId'), opportunity);
  assert.equal(at(body, 'signature'), createHmac('sha256', token).update(`${String(at(body, 'token'))}${String(at(body, 'triggeredAt'))}`).digest('hex'));
});

test('HiBob: HMAC-SHA512 in base64 over the ids of what changed', async () => {
  await register('hibob');
  const [name = '', secret = ''] = (sandboxKeys.hibob[0] ?? '').split(':');
  const found = await wire(sandbox.url, 'https://api.hibob.com/v1/people/search', { basic: `${name}:${secret}`, json: { fields: ['root.id'] } });
  const id = String(at(found.body, 'employees.0.id'));
  await wire(sandbox.url, `https://api.hibob.com/v1/people/${id}`, { method: 'PUT', basic: `${name}:${secret}`, json: { firstName: 'Åsa' } });
  await sandbox.webhooksIdle();
  const [first] = received;
  assert.equal(first?.headers['bob-signature'], createHmac('sha512', 'shh').update(first?.body ?? '').digest('base64'));
  assert.equal(at(JSON.parse(first.body), 'data.employeeId'), id);
});
