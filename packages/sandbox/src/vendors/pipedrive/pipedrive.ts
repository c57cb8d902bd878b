/** Simulated Pipedrive: oauth.pipedrive.com, each company's host (api_domain) and api.pipedrive.com. */
import { randomUUID } from 'node:crypto';
import { sandboxApps, sandboxKeys } from '../../apps.ts';
import { clientCredentials } from '../../client-credentials.ts';
import { consentHandlers } from '../../consent.ts';
import { bearer, bodyFields, bodyObject, empty, json, withHeaders, type Call, type Reply } from '../../exchange.ts';
import { createGrants, type Grants, type Issued } from '../../grants.ts';
import { identifyGrant, statusOf } from '../../identity.ts';
import { asText } from '../../json.ts';
import { createKeyRing } from '../../key-ring.ts';
import { secretHex, secretText } from '../../random.ts';
import { route, type Route } from '../../route.ts';
import { perAccount } from '../../table.ts';
import type { Identity, Vendor, World } from '../../vendor.ts';
import { companies, createCompany, type CompanyData, type Entity } from './data.ts';
import { create, isEntity, listV1, listV2, read, remove, search, update } from './entities.ts';
import { oauthError, overLimit, pipedriveError, scopeMismatch, unauthorized } from './errors.ts';
import { createNote, listNotes, readNote, removeNote, updateNote } from './notes.ts';
import { pipedriveWebhooks } from './webhooks.ts';

const app = sandboxApps.pipedrive;
/** Scopes belong to the app, not to the request; a setting of the sandbox can take some away. */
const appScopes = ['base', 'contacts:full', 'deals:full', 'users:read', 'search:read', 'webhooks:full'];
const domainOf = (company: string): string => companies.find((one) => one.id === company)?.domain ?? 'unknown';

function token(call: Call, world: World, grants: Grants): Reply {
  const client = clientCredentials(call);
  if (client.id !== app.client_id || client.secret !== app.client_secret) return oauthError(401, 'invalid_client', 'Client authentication failed');
  const form = bodyFields(call);
  const body = (issued: Issued): Reply => json(200, { access_token: issued.access, token_type: 'Bearer', refresh_token: issued.refresh, scope: issued.grant.scopes.join(','), expires_in: Math.round(((issued.expiresAt ?? 0) - world.clock.now()) / 1000), api_domain: `https://${domainOf(issued.grant.account)}.pipedrive.com` });
  if (form.get('grant_type') === 'authorization_code') {
    const redeemed = grants.redeem(form.get('code') ?? '', { clientId: app.client_id, redirectUri: form.get('redirect_uri'), verifier: null });
    return redeemed.ok ? body(redeemed.issued) : oauthError(400, 'invalid_grant', redeemed.reason === 'redirect_uri' ? 'Invalid redirect_uri' : 'Invalid authorization code');
  }
  if (form.get('grant_type') !== 'refresh_token') return oauthError(400, 'unsupported_grant_type', 'Unsupported grant type');
  const refreshed = grants.refresh(form.get('refresh_token') ?? '', app.client_id);
  return refreshed.ok ? body(refreshed.issued) : oauthError(400, 'invalid_grant', 'Invalid refresh token');
}

function createPipedriveGrants(world: World): Grants {
  return createGrants({
    clock: world.clock, memory: world.memory('grants'), codeLifetimeMs: 5 * 60_000, accessLifetimeMs: () => 3_600_000, refreshLifetimeMs: 60 * 86_400_000, rotation: () => 'rotates',
    accessToken: (grant) => `v1u:AQIBAHj-${secretText(60)}:${grant.account}`, refreshToken: (grant) => `${grant.account}:901:${secretHex(40)}`,
  });
}

function oauthRoutes(world: World, grants: Grants): Route[] {
  const consent = consentHandlers({
    vendorName: 'Pipedrive (sandbox)', clientId: app.client_id, accounts: companies, grants, pkce: false, redirectAllowed: (uri) => world.redirectAllowed(uri), deniedDescription: 'user_denied',
    readScopes: () => ({ ok: true, scopes: Array.isArray(world.setting('scopes')) ? (world.setting('scopes') as unknown[]).map(asText) : appScopes }),
  });
  return [
    route('GET oauth /oauth/authorize', consent.show, 'authorize'),
    route('POST oauth /oauth/authorize', consent.decide, 'authorize'),
    route('POST oauth /oauth/token', (call) => token(call, world, grants), 'token'),
    route('POST oauth /oauth/revoke', (call) => {
      const client = clientCredentials(call);
      if (client.id !== app.client_id || client.secret !== app.client_secret) return oauthError(401, 'invalid_client', 'Client authentication failed');
      grants.revokeToken(bodyFields(call).get('token') ?? '');
      return empty(200);
    }),
  ];
}

export function createPipedrive(world: World): Vendor {
  const grants = createPipedriveGrants(world);
  const burst = world.limits.limiter('burst', { limit: 80, windowMs: 2000 });
  const daily = world.limits.limiter('daily_tokens', { limit: 300_000, windowMs: 86_400_000 });
  const dataOf = perAccount((id) => createCompany(id, world.random(id), (change) => world.changed(change)));
  const keyOf = (call: Call): string | null => call.headers['x-api-token'] ?? call.query.get('api_token');
  const keys = createKeyRing(sandboxKeys.pipedrive, companies);
  const identify = (call: Call): Identity | null => keys.identify(keyOf(call)) ?? identifyGrant(grants, call);
  const admitted = (scope: string, cost: number, handle: (call: Call, data: CompanyData, company: string) => Reply) => (call: Call): Reply => {
    const identity = identify(call);
    if (identity === null || keys.find(identity.token)?.revoked === true) return unauthorized();
    const found = grants.find(identity.token);
    if (keyOf(call) === null && (found === null || found.state !== 'valid' || bearer(call) === null)) return unauthorized();
    if (call.hostParams['company'] !== undefined && call.hostParams['company'] !== 'api' && call.hostParams['company'] !== domainOf(identity.account)) return unauthorized();
    if (!burst.take(identity.token).allowed) return overLimit(2);
    if (!daily.take(identity.account, cost).allowed) return overLimit(Math.ceil((daily.peek(identity.account).resetAt - world.clock.now()) / 1000));
    const read = `${scope.split(':')[0]}:read`;
    if (found !== null && !found.grant.scopes.some((one) => one === scope || (call.method === 'GET' && one === read))) return scopeMismatch();
    return handle(call, dataOf(identity.account), identity.account);
  };
  const onEntity = (cost: number, handle: (call: Call, entity: Entity, data: CompanyData) => Reply) => (call: Call): Reply => {
    const entity = call.params['entity'] ?? '';
    if (!isEntity(entity)) return pipedriveError(404, 'Unknown method .');
    return admitted(entity === 'deals' ? 'deals:full' : 'contacts:full', cost, (inner, data) => handle(inner, entity, data))(call);
  };
  const now = (): number => world.clock.now();
  const user = (id: string, data: CompanyData): Reply => {
    const row = data.users.find((one) => asText(one['id']) === id);
    return row === undefined ? pipedriveError(404, 'User not found') : json(200, { success: true, data: row });
  };
  const subscribe = (call: Call, company: string): Reply => {
    const body = bodyObject(call) ?? {};
    const made = world.subscribe({ target_url: asText(body['subscription_url']), secret: body['http_auth_user'] === undefined ? '' : `${asText(body['http_auth_user'])}:${asText(body['http_auth_password'])}`, account: company, events: [`${asText(body['event_action'])}.${asText(body['event_object'])}`] });
    return made.ok ? json(201, { status: 'ok', success: true, data: { id: made.registration.id, company_id: Number(company), event_action: body['event_action'] ?? '*', event_object: body['event_object'] ?? '*', subscription_url: made.registration.target_url, version: '2.0', is_active: 1, last_http_status: null } }) : pipedriveError(400, 'subscription_url is not reachable');
  };
  return {
    id: 'pipedrive',
    hosts: { oauth: /^oauth\.pipedrive\.com$/, api: /^(?<company>[a-z0-9-]+)\.pipedrive\.com$/ },
    routes: [
      ...oauthRoutes(world, grants),
      route('GET api /api/v1/users/me', admitted('base', 2, (_call, data, company) => json(200, { success: true, data: { ...data.users[0], company_id: Number(company), company_name: companies.find((one) => one.id === company)?.name ?? '', company_domain: domainOf(company), company_country: 'NO', company_industry: null, language: { language_code: 'de', country_code: 'DE' } } }))),
      route('GET api /api/v1/users', admitted('users:read', 20, (_call, data) => json(200, { success: true, data: [...data.users], additional_data: null }))),
      route('GET api /api/v1/users/:id', admitted('users:read', 2, (call, data) => user(call.params['id'] ?? '', data))),
      route('POST api /api/v1/webhooks', admitted('webhooks:full', 10, (call, _data, company) => subscribe(call, company))),
      route('GET api /api/v1/webhooks', admitted('webhooks:full', 20, (_call, _data, company) => json(200, { status: 'ok', success: true, data: world.subscriptions().filter((one) => one.account === company).map((one) => ({ id: one.id, company_id: Number(company), subscription_url: one.target_url, is_active: one.enabled ? 1 : 0 })) }))),
      route('DELETE api /api/v1/webhooks/:id', admitted('webhooks:full', 6, (call) => (world.unsubscribe(call.params['id'] ?? ''), json(200, { status: 'ok', success: true })))),
      route('GET api /api/v1/notes', admitted('contacts:full', 20, listNotes)),
      route('POST api /api/v1/notes', admitted('contacts:full', 10, (call, data) => createNote(call, data, now()))),
      route('GET api /api/v1/notes/:id', admitted('contacts:full', 2, readNote)),
      route('PUT api /api/v1/notes/:id', admitted('contacts:full', 10, (call, data) => updateNote(call, data, now()))),
      route('DELETE api /api/v1/notes/:id', admitted('contacts:full', 6, removeNote)),
      route('GET api /api/v2/:entity/search', onEntity(20, search)),
      route('GET api /api/v2/:entity', onEntity(10, listV2)),
      route('POST api /api/v2/:entity', onEntity(5, (call, entity, data) => create(call, entity, data, now()))),
      route('GET api /api/v2/:entity/:id', onEntity(1, read)),
      route('PATCH api /api/v2/:entity/:id', onEntity(5, (call, entity, data) => update(call, entity, data, now()))),
      route('DELETE api /api/v2/:entity/:id', onEntity(3, (call, entity, data) => remove(call, entity, data, now()))),
      route('GET api /api/v1/:entity', onEntity(20, listV1)),
      route('GET api /api/v1/:entity/:id', onEntity(2, read)),
    ],
    identify,
    failure(kind, _call, details) {
      switch (kind) {
        case 'outage': return pipedriveError(statusOf(details, 503), 'Service unavailable');
        case 'token_outage': return oauthError(statusOf(details, 503), 'server_error', 'Service unavailable');
        case 'rate_limited': return overLimit(typeof details['retry_after_s'] === 'number' ? details['retry_after_s'] : 2);
        case 'expired':
        case 'revoked': return unauthorized();
        case 'missing_scope': return scopeMismatch();
        case 'method_not_allowed': return pipedriveError(405, 'Method not allowed');
        case 'not_found': return pipedriveError(404, 'Unknown method .');
      }
    },
    finish(call, reply) {
      const identity = call.role === 'api' ? identify(call) : null;
      const correlation = { 'x-correlation-id': randomUUID() };
      if (identity === null) return withHeaders(reply, correlation);
      const [window, day] = [burst.peek(identity.token), daily.peek(identity.account)];
      return withHeaders(reply, { ...correlation, 'x-ratelimit-limit': String(window.limit), 'x-ratelimit-remaining': String(reply.status === 429 ? 0 : window.remaining), 'x-ratelimit-reset': String(Math.max(1, Math.ceil((window.resetAt - now()) / 1000))), 'x-daily-ratelimit-token-limit': String(day.limit), 'x-daily-ratelimit-token-remaining': String(day.remaining) });
    },
    revoke: (matches) => keys.revokeWhere(matches) + grants.revokeWhere(matches),
    webhooks: (change, registration) => pipedriveWebhooks(change, registration, now()),
  };
}
