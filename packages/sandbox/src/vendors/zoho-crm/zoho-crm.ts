/** Simulated Zoho CRM: an accounts server and an API host in each data centre; consent begins in the first of them. */
import { sandboxApps } from '../../apps.ts';
import { consentHandlers } from '../../consent.ts';
import { bodyFields, empty, json, withHeaders, type Call, type Reply } from '../../exchange.ts';
import { exchangeGrant, secondsLeft } from '../../grant-exchange.ts';
import { createGrants, type Grants } from '../../grants.ts';
import { statusOf } from '../../identity.ts';
import { secretHex } from '../../random.ts';
import { route, type Handler, type Route } from '../../route.ts';
import { perAccount } from '../../table.ts';
import type { Identity, Vendor, World } from '../../vendor.ts';
import { centres, createOrganisation, modules, organisations, type Organisation } from './data.ts';
import { invalidToken, limited, scopeMismatch, tokenError, zohoError } from './errors.ts';
import { watchApi, zohoWebhooks } from './webhooks.ts';
import { create, list, listUsers, read, remove, search, update } from './records.ts';

const app = sandboxApps['zoho-crm'];
const centreOf = (org: string): keyof typeof centres => organisations.find(({ id }) => id === org)?.centre ?? 'us';
const presented = (call: Call): string => /^Zoho-oauthtoken\s+(\S+)$/i.exec(call.headers['authorization'] ?? '')?.[1] ?? '';

/** A code and a refresh token are good at the accounts server of their data centre only. */
function oauthRoutes(world: World, grants: Grants): Route[] {
  const consent = consentHandlers({
    vendorName: 'Zoho (sandbox)', clientId: app.client_id, accounts: organisations, grants, pkce: false, redirectAllowed: (uri) => world.redirectAllowed(uri),
    readScopes(query) {
      const wanted = (query.get('scope') ?? '').split(/[ ,]+/).filter(Boolean);
      return wanted.length > 0 && wanted.every((scope) => /^Zoho(CRM|Search)\.\w+\.\w+$/.test(scope)) ? { ok: true, scopes: wanted } : { ok: false, error: 'invalid_scope', description: 'Scope does not exist' };
    },
    callback: (_call, org) => ({ location: centreOf(org), 'accounts-server': `https://accounts.zoho.${centres[centreOf(org)]}` }),
  });
  const token = (call: Call): Reply => {
    const exchanged = exchangeGrant(call, app, grants);
    if (!exchanged.ok) return tokenError(exchanged.reason === 'client' ? 'invalid_client' : exchanged.reason === 'redirect_uri' ? 'invalid_redirect_uri' : 'invalid_code');
    const { issued, how } = exchanged;
    const domain = centres[centreOf(issued.grant.account)];
    if (call.hostParams['domain'] !== domain) return tokenError('invalid_code');
    return json(200, { access_token: issued.access, ...(how === 'code' ? { refresh_token: issued.refresh } : {}), scope: issued.grant.scopes.join(' '), api_domain: `https://www.zohoapis.${domain}`, token_type: 'Bearer', expires_in: secondsLeft(issued, world.clock.now()) ?? 3600 });
  };
  return [
    route('GET accounts /oauth/v2/auth', consent.show, 'authorize'),
    route('POST accounts /oauth/v2/auth', consent.decide, 'authorize'),
    route('POST accounts /oauth/v2/token', token, 'token'),
    route('POST accounts /oauth/v2/token/revoke', (call) => (grants.revokeToken(bodyFields(call).get('token') ?? call.query.get('token') ?? '') ? json(200, { status: 'success' }) : tokenError('invalid_token'))),
  ];
}

export function createZohoCrm(world: World): Vendor {
  const grants = createGrants({ clock: world.clock, memory: world.memory('grants'), codeLifetimeMs: 120_000, accessLifetimeMs: () => 3_600_000, refreshLifetimeMs: null, rotation: () => 'none', accessToken: () => `1000.${secretHex(32)}.${secretHex(32)}`, refreshToken: () => `1000.${secretHex(32)}.${secretHex(32)}` });
  const credits = world.limits.limiter('credits', { limit: 50_000, windowMs: 86_400_000 });
  const dataOf = perAccount((org) => createOrganisation(org, world.random(org), (change) => world.changed(change)));
  const now = (): number => world.clock.now();
  const identify = (call: Call): Identity | null => {
    const refresh = bodyFields(call).get('refresh_token');
    const token = refresh ?? presented(call);
    const found = grants.find(token);
    const account = found?.grant.account ?? grants.findRefresh(token)?.account;
    return account === undefined ? null : { account, token, issuedAt: found?.issuedAt ?? null };
  };
  const admitted = (scope: RegExp, handle: (call: Call, data: Organisation) => Reply): Handler => (call) => {
    const found = grants.find(presented(call));
    if (found === null || found.state !== 'valid') return invalidToken();
    const org = found.grant.account;
    if (call.hostParams['domain'] !== centres[centreOf(org)]) return invalidToken();
    if (!found.grant.scopes.some((one) => scope.test(one))) return scopeMismatch();
    return credits.take(org).allowed ? handle(call, dataOf(org)) : limited();
  };
  const onModules = /^ZohoCRM\.modules\.(ALL|\w+)$/;
  return {
    id: 'zoho-crm',
    hosts: { accounts: /^accounts\.zoho\.(?<domain>com|eu|in|com\.au|jp)$/, api: /^www\.zohoapis\.(?<domain>com|eu|in|com\.au|jp)$/ },
    routes: [
      ...oauthRoutes(world, grants),
      route('GET api /crm/v8/org', admitted(/^ZohoCRM\.org\./, (_call, data) => json(200, { org: [{ id: `4150868000${data.id.slice(-9)}`, zgid: data.id, company_name: organisations.find(({ id }) => id === data.id)?.name ?? '', country: 'NO', primary_email: 'admin@team.example', iso_code: 'EUR' }] }))),
      route('GET api /crm/v8/users', admitted(/^ZohoCRM\.users\./, listUsers)),
      route('GET api /crm/v8/users/:id', admitted(/^ZohoCRM\.users\./, (call, data) => {
        const user = data.users.find((one) => one['id'] === call.params['id']);
        return user === undefined ? empty(204) : json(200, { users: [user] });
      })),
      ...['GET', 'POST', 'PATCH', 'DELETE'].map((method) => route(`${method} api /crm/v8/actions/watch`, admitted(/^ZohoCRM\.notifications\./, (call, data) => watchApi(world, data.id, call, now())))),
      ...modules.flatMap((module) => [
        route(`GET api /crm/v8/${module}`, admitted(onModules, (call, data) => list(call, module, data))),
        route(`POST api /crm/v8/${module}`, admitted(onModules, (call, data) => create(call, module, data, now()))),
        route(`GET api /crm/v8/${module}/search`, admitted(onModules, (call, data) => search(call, module, data))),
        route(`GET api /crm/v8/${module}/:id`, admitted(onModules, (call, data) => read(call, module, data))),
        route(`PUT api /crm/v8/${module}/:id`, admitted(onModules, (call, data) => update(call, module, data, now()))),
        route(`DELETE api /crm/v8/${module}/:id`, admitted(onModules, (call, data) => remove(call, module, data))),
      ]),
    ],
    identify,
    failure(kind, _call, details) {
      switch (kind) {
        case 'outage':
        case 'token_outage': return zohoError(statusOf(details, 503), 'INTERNAL_ERROR', 'Service is not available');
        case 'rate_limited': return limited();
        case 'expired':
        case 'revoked': return invalidToken();
        case 'missing_scope': return scopeMismatch();
        case 'method_not_allowed': return zohoError(400, 'INVALID_REQUEST_METHOD', 'The http request method type is not a valid one');
        case 'not_found': return zohoError(404, 'INVALID_URL_PATTERN', 'Please check if the URL trying to access is a correct one');
      }
    },
    finish(call, reply) {
      const account = identify(call)?.account;
      return account === undefined || call.role !== 'api' ? reply : withHeaders(reply, { 'x-api-credits-remaining': String(credits.peek(account).remaining) });
    },
    revoke: (matches) => grants.revokeWhere(matches),
    webhooks: (change, registration) => zohoWebhooks(change, registration, now()),
  };
}
