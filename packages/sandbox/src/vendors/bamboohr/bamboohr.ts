/** Simulated BambooHR: each company's host and the old gateway on api.bamboohr.com; keys or OAuth. */
import { randomUUID } from 'node:crypto';
import { sandboxApps, sandboxKeys } from '../../apps.ts';
import { clientCredentials } from '../../client-credentials.ts';
import { consentHandlers } from '../../consent.ts';
import { basic, bodyFields, bodyObject, json, withHeaders, type Call, type Reply } from '../../exchange.ts';
import { createGrants, type Grants, type Issued } from '../../grants.ts';
import { identifyGrant, statusOf } from '../../identity.ts';
import { createKeyRing } from '../../key-ring.ts';
import { asArray, asText } from '../../json.ts';
import { secretHex, secretText } from '../../random.ts';
import { route, type Handler, type Route } from '../../route.ts';
import { perAccount } from '../../table.ts';
import type { Identity, Vendor, World } from '../../vendor.ts';
import { companies, createCompany, employeeFields, timeOffTypes, type CompanyData } from './data.ts';
import { bambooError, forbidden, limited, notFound, unauthorized } from './errors.ts';
import { changedSince, changeStatus, create, directory, jobInfo, listFields, read, requestTimeOff, roster, timeOff, update, whosOut } from './records.ts';
import { bambooWebhooks } from './webhooks.ts';

const app = sandboxApps.bamboohr;
const oauthError = (error: string, description: string, status = 400): Reply => json(status, { error, error_description: description });
/** The subdomain stands in the host, or in the path of the old gateway. */
const companyOf = (call: Call): string => call.hostParams['company'] ?? call.params['company'] ?? '';

function token(call: Call, world: World, grants: Grants): Reply {
  const client = clientCredentials(call);
  if (client.id !== app.client_id || client.secret !== app.client_secret) return oauthError('invalid_client', 'The client credentials are invalid', 401);
  const form = bodyFields(call);
  const body = (issued: Issued): Reply => json(200, { access_token: issued.access, expires_in: Math.round(((issued.expiresAt ?? 0) - world.clock.now()) / 1000), token_type: 'Bearer', scope: issued.grant.scopes.join(' '), ...(issued.grant.scopes.includes('offline_access') ? { refresh_token: issued.refresh } : {}), companyDomain: issued.grant.account });
  if (form.get('grant_type') === 'refresh_token') {
    const refreshed = grants.refresh(form.get('refresh_token') ?? '', app.client_id);
    return refreshed.ok ? body(refreshed.issued) : oauthError('invalid_grant', 'Invalid refresh token');
  }
  const redeemed = grants.redeem(form.get('code') ?? '', { clientId: app.client_id, redirectUri: form.get('redirect_uri'), verifier: null });
  return redeemed.ok ? body(redeemed.issued) : oauthError('invalid_grant', "Authorization code doesn't exist or is invalid for the client");
}

function oauthRoutes(world: World, grants: Grants): Route[] {
  const handlers = perAccount((company) => consentHandlers({
    vendorName: 'BambooHR (sandbox)', clientId: app.client_id, accounts: [companies.find((one) => one.id === company) ?? companies[0]], grants, pkce: false, redirectAllowed: (uri) => world.redirectAllowed(uri),
    readScopes: (query) => ({ ok: true, scopes: (query.get('scope') ?? '').split(/[ +]/).filter(Boolean) }),
  }));
  return [
    route('GET company /authorize.php', (call) => handlers(companyOf(call)).show(call), 'authorize'),
    route('POST company /authorize.php', (call) => handlers(companyOf(call)).decide(call), 'authorize'),
    route('POST company /token.php', (call) => token(call, world, grants), 'token'),
  ];
}

export function createBamboohr(world: World): Vendor {
  const grants = createGrants({ clock: world.clock, memory: world.memory('grants'), codeLifetimeMs: 5 * 60_000, accessLifetimeMs: () => 3_600_000, refreshLifetimeMs: null, rotation: () => 'rotates', accessToken: () => secretHex(40), refreshToken: () => secretText(40) });
  const limiter = world.limits.limiter('requests', { limit: 300, windowMs: 60_000 });
  const dataOf = perAccount((id) => createCompany(id, world.random(id), (change) => world.changed(change)));
  const keys = createKeyRing(sandboxKeys.bamboohr, companies);
  const now = (): number => world.clock.now();
  const identify = (call: Call): Identity | null => keys.identify(basic(call)?.name ?? null) ?? identifyGrant(grants, call);
  const admitted = (scope: string | null, handle: (call: Call, data: CompanyData, company: string) => Reply): Handler => (call) => {
    const identity = identify(call);
    if (identity === null || keys.find(identity.token)?.revoked === true) return unauthorized();
    const found = grants.find(identity.token);
    if (found !== null && found.state !== 'valid') return bambooError(401, 'Invalid or expired access token');
    if (identity.account !== companyOf(call)) return unauthorized();
    const quota = limiter.take(identity.account);
    if (!quota.allowed) return limited(Math.max(1, Math.ceil((quota.resetAt - now()) / 1000)));
    if (found !== null && scope !== null && !found.grant.scopes.some((one) => one.split(':')[0] === scope || one === scope)) return forbidden(`Insufficient scope: ${scope} is required`);
    return handle(call, dataOf(identity.account), identity.account);
  };
  const subscribe = (call: Call, _data: CompanyData, company: string): Reply => {
    const body = bodyObject(call) ?? {};
    const secret = secretHex(64);
    const monitored = asArray(body['monitorFields']).map(asText);
    const made = world.subscribe({ target_url: asText(body['url']), secret, account: company, events: monitored.length === 0 ? null : monitored });
    return made.ok ? json(201, { id: made.registration.id, name: body['name'] ?? '', url: made.registration.target_url, format: body['format'] ?? 'json', monitorFields: monitored, privateKey: secret, created: new Date(now()).toISOString(), lastSent: null }) : bambooError(400, 'url is not allowed');
  };
  const lines: [string, string, Handler][] = [
    ['GET', '/company_information', admitted('company', (_call, _data, company) => json(200, { legalName: `${company} AS`, displayName: companies.find((one) => one.id === company)?.name ?? '', address: { line1: 'Storgata 1', line2: null, city: 'Oslo', state: null, zip: '0150' }, phone: null }))],
    ['GET', '/employees/directory', admitted('employee_directory', directory)],
    ['GET', '/employees/changed', admitted('employee', changedSince)],
    ['GET', '/employees', admitted('employee', roster)],
    ['POST', '/employees', admitted('employee.write', (call, data) => create(call, data, now()))],
    ['GET', '/employees/:id', admitted('employee', read)],
    ['POST', '/employees/:id', admitted('employee.write', (call, data) => update(call, data, now()))],
    ['GET', '/employees/:id/tables/jobInfo', admitted('employee', jobInfo)],
    ['GET', '/meta/lists', admitted(null, listFields)],
    ['PUT', '/employees/:id/time_off/request', admitted('time_off.write', (call, data) => requestTimeOff(call, data, now()))],
    ['GET', '/time_off/requests', admitted('time_off', timeOff)],
    ['PUT', '/time_off/requests/:id/status', admitted('time_off.write', (call, data) => changeStatus(call, data, now()))],
    ['GET', '/time_off/whos_out', admitted('time_off', (call, data) => whosOut(call, data, now()))],
    ['GET', '/meta/time_off/types', admitted('time_off', () => json(200, { timeOffTypes, defaultHours: [] }))],
    ['GET', '/meta/fields', admitted('employee', () => json(200, employeeFields.map((name, n) => ({ id: n + 1, name, type: 'text', alias: name }))))],
    ['POST', '/webhooks', admitted(null, subscribe)],
    ['GET', '/webhooks', admitted(null, (_call, _data, company) => json(200, { webhooks: world.subscriptions().filter((one) => one.account === company).map((one) => ({ id: one.id, name: '', url: one.target_url })) }))],
    ['GET', '/webhooks/:id', admitted(null, (call, _data, company) => {
      const found = world.subscriptions().find((one) => one.account === company && one.id === call.params['id']);
      return found === undefined ? notFound('Webhook not found') : json(200, { id: found.id, name: '', url: found.target_url, format: 'json', monitorFields: [...(found.events ?? [])], lastSent: null });
    })],
    ['DELETE', '/webhooks/:id', admitted(null, (call) => (world.unsubscribe(call.params['id'] ?? ''), { status: 200, headers: {} }))],
  ];
  return {
    id: 'bamboohr',
    hosts: { gateway: /^api\.bamboohr\.com$/, company: /^(?<company>[a-z0-9-]+)\.bamboohr\.com$/ },
    routes: [
      ...oauthRoutes(world, grants),
      ...lines.flatMap(([method, path, handle]) => [route(`${method} company /api/v1${path}`, handle), route(`${method} gateway /api/gateway.php/:company/v1${path}`, handle)]),
    ],
    identify,
    failure(kind, call, details) {
      switch (kind) {
        case 'outage': return bambooError(statusOf(details, 503), 'Service unavailable');
        case 'token_outage': return oauthError('server_error', 'Service unavailable', statusOf(details, 503));
        case 'rate_limited': return limited(typeof details['retry_after_s'] === 'number' ? details['retry_after_s'] : 30);
        case 'expired':
        case 'revoked': return unauthorized();
        case 'missing_scope': return forbidden('Insufficient scope: employee is required');
        case 'method_not_allowed': return bambooError(405, 'Method not allowed');
        case 'not_found': return notFound(`No such path: ${call.path}`);
      }
    },
    finish: (_call, reply) => withHeaders(reply, { 'x-request-id': randomUUID() }),
    revoke: (matches) => keys.revokeWhere(matches) + grants.revokeWhere(matches),
    webhooks: (change, registration) => bambooWebhooks(change, registration, now()),
  };
}
