/** Simulated Zendesk: one host per account for consent, tokens and the ticketing API. */
import { randomUUID } from 'node:crypto';
import { sandboxApps, sandboxKeys } from '../../apps.ts';
import { consentHandlers } from '../../consent.ts';
import { basic, bearer, bodyFields, bodyObject, empty, json, withHeaders, type Call, type Reply } from '../../exchange.ts';
import { exchangeGrant, secondsLeft } from '../../grant-exchange.ts';
import { createGrants, type Grants } from '../../grants.ts';
import { identifyGrant, statusOf } from '../../identity.ts';
import { createKeyRing } from '../../key-ring.ts';
import { secretHex } from '../../random.ts';
import { route, type Handler, type Route } from '../../route.ts';
import { perAccount } from '../../table.ts';
import type { Identity, Vendor, World } from '../../vendor.ts';
import { adminId, createHelpdesk, kinds, subdomains, type Helpdesk } from './data.ts';
import { invalid, lacksScope, limited, notFound, oauthError, tokenRefused, unauthenticated, zendeskError } from './errors.ts';
import { create, list, listComments, read, remove, searchExport, update } from './records.ts';
import { webhookApi, zendeskWebhooks } from './webhooks.ts';

const app = sandboxApps.zendesk;
const refreshLifetimeMs = 30 * 86_400_000;

interface Access {
  readonly grants: Grants;
  readonly routes: Route[];
}

/** Tokens end only when the request asks for it, and a refresh ends what was there before. */
function createAccess(world: World): Access {
  let asked: number | null = null;
  const grants = createGrants({ clock: world.clock, memory: world.memory('grants'), codeLifetimeMs: 120_000, accessLifetimeMs: () => asked, refreshLifetimeMs, rotation: () => 'single_use', accessToken: () => secretHex(64), refreshToken: () => secretHex(64) });
  const consentOf = perAccount((subdomain) => {
    const account = subdomains.find(({ id }) => id === subdomain) ?? subdomains[0];
    return consentHandlers({
      vendorName: 'Zendesk (sandbox)', clientId: app.client_id, accounts: [account], grants, pkce: true, redirectAllowed: (uri) => world.redirectAllowed(uri),
      readScopes(query) {
        const wanted = (query.get('scope') ?? '').split(' ').filter(Boolean);
        return wanted.length > 0 && wanted.every((scope) => /^(\w+:)?(read|write)$/.test(scope)) ? { ok: true, scopes: wanted } : { ok: false, error: 'invalid_scope', description: 'The requested scope is invalid, unknown, or malformed.' };
      },
    });
  });
  const subdomainOf = (call: Call): string => call.hostParams['subdomain'] ?? '';
  const token = (call: Call): Reply => {
    const seconds = Number(bodyFields(call).get('expires_in') ?? bodyObject(call)?.['expires_in'] ?? 0);
    if (seconds !== 0 && (seconds < 300 || seconds > 172_800)) return oauthError('invalid_request', 'expires_in must be between 300 and 172800');
    asked = seconds === 0 ? null : seconds * 1000;
    const before = bodyFields(call).get('refresh_token');
    const exchanged = exchangeGrant(call, app, grants);
    if (!exchanged.ok) return exchanged.reason === 'client' ? oauthError('invalid_client', 'Client authentication failed due to unknown client, no client authentication included, or unsupported authentication method.', 401) : oauthError('invalid_grant', 'The provided authorization grant or refresh token is invalid, expired, revoked, does not match the redirection URI used in the authorization request, or was issued to another client.');
    const { issued } = exchanged;
    const expiresIn = secondsLeft(issued, world.clock.now());
    return json(200, { access_token: issued.access, refresh_token: issued.refresh, token_type: 'bearer', scope: issued.grant.scopes.join(' '), ...(expiresIn === undefined ? {} : { expires_in: expiresIn }), ...(before === null && expiresIn === undefined ? {} : { refresh_token_expires_in: refreshLifetimeMs / 1000 }) });
  };
  return {
    grants,
    routes: [
      route('GET desk /oauth/authorizations/new', (call) => consentOf(subdomainOf(call)).show(call), 'authorize'),
      route('POST desk /oauth/authorizations/new', (call) => consentOf(subdomainOf(call)).decide(call), 'authorize'),
      route('POST desk /oauth/tokens', token, 'token'),
      route('DELETE desk /api/v2/oauth/tokens/current', (call) => (grants.revokeToken(bearer(call) ?? '') ? empty(204) : tokenRefused())),
    ],
  };
}

export function createZendesk(world: World): Vendor {
  const { grants, routes } = createAccess(world);
  const keys = createKeyRing(sandboxKeys.zendesk, subdomains);
  const limiter = world.limits.limiter('minute', { limit: 700, windowMs: 60_000 });
  const dataOf = perAccount((subdomain) => createHelpdesk(subdomain, world.random(subdomain), (change) => world.changed(change)));
  const now = (): number => world.clock.now();
  const keyOf = (call: Call): string | null => (basic(call)?.name.endsWith('/token') === true ? (basic(call)?.password ?? null) : null);
  const identify = (call: Call): Identity | null => keys.identify(keyOf(call)) ?? identifyGrant(grants, call);

  const admitted = (handle: (call: Call, data: Helpdesk) => Reply): Handler => (call) => {
    const subdomain = call.hostParams['subdomain'] ?? '';
    const key = keys.find(keyOf(call));
    const found = grants.find(bearer(call) ?? '');
    if (key === null && found === null) return bearer(call) === null ? unauthenticated() : tokenRefused();
    if (key !== null && (key.revoked || key.account !== subdomain)) return unauthenticated();
    if (found !== null && (found.state !== 'valid' || found.grant.account !== subdomain)) return tokenRefused();
    const wanted = call.method === 'GET' ? 'read' : 'write';
    if (found !== null && !found.grant.scopes.some((scope) => scope.split(':').at(-1) === wanted)) return lacksScope(wanted);
    const quota = limiter.take(subdomain);
    return quota.allowed ? handle(call, dataOf(subdomain)) : limited(Math.max(1, Math.ceil((quota.resetAt - now()) / 1000)));
  };
  return {
    id: 'zendesk',
    hosts: { desk: /^(?<subdomain>evenkeel-sandbox-\d+)\.zendesk\.com$/ },
    routes: [
      ...routes,
      route('GET desk /api/v2/users/me', admitted((_call, data) => json(200, { user: data.tables.users.get(String(adminId)) ?? {} }))),
      ...['GET desk /api/v2/webhooks', 'POST desk /api/v2/webhooks', 'GET desk /api/v2/webhooks/:id', 'PATCH desk /api/v2/webhooks/:id', 'DELETE desk /api/v2/webhooks/:id', 'GET desk /api/v2/webhooks/:id/signing_secret'].map((line) => route(line, admitted((call) => webhookApi(world, call.hostParams['subdomain'] ?? '', call)))),
      route('GET desk /api/v2/search/export', admitted(searchExport)),
      route('GET desk /api/v2/tickets/:id/comments', admitted(listComments)),
      ...kinds.flatMap((kind) => [
        route(`GET desk /api/v2/${kind}`, admitted((call, data) => list(call, kind, data))),
        route(`POST desk /api/v2/${kind}`, admitted((call, data) => create(call, kind, data, now()))),
        route(`GET desk /api/v2/${kind}/:id`, admitted((call, data) => read(call, kind, data))),
        route(`PUT desk /api/v2/${kind}/:id`, admitted((call, data) => update(call, kind, data, now()))),
        route(`DELETE desk /api/v2/${kind}/:id`, admitted((call, data) => remove(call, kind, data))),
      ]),
    ],
    identify,
    failure(kind, _call, details) {
      switch (kind) {
        case 'outage':
        case 'token_outage': return zendeskError(statusOf(details, 503), 'ServiceUnavailable', 'Zendesk is temporarily unavailable');
        case 'rate_limited': return limited(typeof details['retry_after_s'] === 'number' ? details['retry_after_s'] : 41);
        case 'expired':
        case 'revoked': return tokenRefused();
        case 'missing_scope': return lacksScope('read');
        case 'method_not_allowed': return invalid('base', 'Method not allowed');
        case 'not_found': return notFound();
      }
    },
    finish(call, reply) {
      const account = identify(call)?.account;
      const quota = account === undefined ? null : limiter.peek(account);
      const left = quota === null ? {} : { 'x-rate-limit': String(quota.limit), 'x-rate-limit-remaining': String(quota.remaining), 'ratelimit-limit': String(quota.limit), 'ratelimit-remaining': String(quota.remaining), 'ratelimit-reset': String(Math.ceil((quota.resetAt - now()) / 1000)) };
      return withHeaders(reply, { 'x-request-id': randomUUID(), ...left });
    },
    revoke: (matches) => grants.revokeWhere(matches) + keys.revokeWhere(matches),
    webhooks: (change, registration) => zendeskWebhooks(change, registration, now()),
  };
}
