/** Simulated Lever: auth.lever.co for consent and tokens, api.lever.co for the API v1 with tokens or keys. */
import { randomUUID } from 'node:crypto';
import { sandboxApps, sandboxKeys } from '../../apps.ts';
import { consentHandlers } from '../../consent.ts';
import { basic, bearer, json, withHeaders, type Call, type Reply } from '../../exchange.ts';
import { exchangeGrant, secondsLeft } from '../../grant-exchange.ts';
import { createGrants, type Grants } from '../../grants.ts';
import { identifyGrant, statusOf } from '../../identity.ts';
import { createKeyRing } from '../../key-ring.ts';
import { secretText } from '../../random.ts';
import { route, type Handler, type Route } from '../../route.ts';
import { perAccount } from '../../table.ts';
import type { Identity, Vendor, World } from '../../vendor.ts';
import { accounts, createRecruiting, type Recruiting } from './data.ts';
import { leverWebhooks, webhookApi } from './webhooks.ts';
import { changeInterview, changeOpportunity, createOpportunity, leverError, listed, listNested, listOpportunities, listPostings, notFound, readRow, writePosting } from './records.ts';

const app = sandboxApps.lever;
const unauthorized = (): Reply => leverError(401, 'Unauthorized', 'Unauthorized');
const forbidden = (): Reply => leverError(403, 'Forbidden', 'Insufficient scope for this resource');
const limited = (): Reply => leverError(429, 'RateLimit', 'Rate limit exceeded');

function oauthRoutes(world: World, grants: Grants): Route[] {
  const consent = consentHandlers({
    vendorName: 'Lever (sandbox)', clientId: app.client_id, accounts, grants, pkce: false, redirectAllowed: (uri) => world.redirectAllowed(uri),
    readScopes(query) {
      const wanted = (query.get('scope') ?? '').split(' ').filter(Boolean);
      if (!/^https:\/\/api\.lever\.co\/v1\/$/.test(query.get('audience') ?? '')) return { ok: false, error: 'invalid_request', description: 'audience is required' };
      const stranger = wanted.find((scope) => !/^(offline_access|[a-z_]+:(read|write):admin)$/.test(scope));
      return stranger === undefined ? { ok: true, scopes: wanted } : { ok: false, error: 'invalid_scope', description: `Unknown scope ${stranger}` };
    },
  });
  const token = (call: Call): Reply => {
    const exchanged = exchangeGrant(call, app, grants);
    if (!exchanged.ok) return exchanged.reason === 'client' ? json(401, { error: 'access_denied', error_description: 'Unauthorized' }) : json(403, { error: 'invalid_grant', error_description: exchanged.reason === 'refresh' ? 'Unknown or invalid refresh token.' : 'Invalid authorization code' });
    const { issued } = exchanged;
    return json(200, { access_token: issued.access, ...(issued.grant.scopes.includes('offline_access') ? { refresh_token: issued.refresh } : {}), scope: issued.grant.scopes.join(' '), expires_in: secondsLeft(issued, world.clock.now()) ?? 3600, token_type: 'Bearer' });
  };
  return [route('GET auth /authorize', consent.show, 'authorize'), route('POST auth /authorize', consent.decide, 'authorize'), route('POST auth /oauth/token', token, 'token')];
}

export function createLever(world: World): Vendor {
  const grants = createGrants({ clock: world.clock, memory: world.memory('grants'), codeLifetimeMs: 5 * 60_000, accessLifetimeMs: () => 3_600_000, refreshLifetimeMs: 90 * 86_400_000, rotation: () => 'rotates', accessToken: () => secretText(90), refreshToken: () => `v1.${secretText(60)}` });
  const keys = createKeyRing(sandboxKeys.lever, accounts);
  const limiter = world.limits.limiter('second', { limit: 20, windowMs: 1000 });
  const dataOf = perAccount((id) => createRecruiting(id, world.random(id), (change) => world.changed(change)));
  const now = (): number => world.clock.now();
  const keyOf = (call: Call): string | null => basic(call)?.name ?? null;
  const identify = (call: Call): Identity | null => keys.identify(keyOf(call)) ?? identifyGrant(grants, call);

  const admitted = (scope: string, handle: (call: Call, data: Recruiting, account: string) => Reply): Handler => (call) => {
    const key = keys.find(keyOf(call));
    const found = grants.find(bearer(call) ?? '');
    const account = key?.account ?? found?.grant.account;
    if (account === undefined || key?.revoked === true || (key === null && found?.state !== 'valid')) return unauthorized();
    const wanted = `${scope}:${call.method === 'GET' ? 'read' : 'write'}:admin`;
    if (found !== null && !found.grant.scopes.includes(wanted)) return forbidden();
    if (!limiter.take(account).allowed) return limited();
    const data = dataOf(account);
    // A change is made as a user.
    if (scope !== 'webhooks' && call.method !== 'GET' && call.method !== 'DELETE' && data.users.get(call.query.get('perform_as') ?? '') === undefined) return leverError(400, 'BadRequest', 'perform_as is not a valid user');
    return handle(call, data, account);
  };
  const all = (path: string, scope: string, what: string, pick: (data: Recruiting) => Recruiting['users']): Route[] => [route(`GET api /v1/${path}`, admitted(scope, (call, data) => listed(call, pick(data).all()))), route(`GET api /v1/${path}/:id`, admitted(scope, (call, data) => readRow(call, pick(data), what)))];
  const nested = '/v1/opportunities/:id';
  return {
    id: 'lever',
    hosts: { auth: /^auth\.lever\.co$/, api: /^api\.lever\.co$/ },
    routes: [
      ...oauthRoutes(world, grants),
      ...['GET api /v1/webhooks', 'POST api /v1/webhooks', 'DELETE api /v1/webhooks/:id'].map((line) => route(line, admitted('webhooks', (call, _data, account) => webhookApi(world, account, call)))),
      route('GET api /v1/opportunities', admitted('opportunities', listOpportunities)),
      route('POST api /v1/opportunities', admitted('opportunities', (call, data) => createOpportunity(call, data, now()))),
      route(`GET api ${nested}`, admitted('opportunities', (call, data) => readRow(call, data.opportunities, 'Opportunity'))),
      route('GET api /v1/postings', admitted('postings', listPostings)),
      route('GET api /v1/postings/:id', admitted('postings', (call, data) => readRow(call, data.postings, 'Posting'))),
      route('POST api /v1/postings', admitted('postings', (call, data) => writePosting(call, data, now()))),
      route('POST api /v1/postings/:id', admitted('postings', (call, data) => writePosting(call, data, now()))),
      ...(['applications', 'interviews'] as const).flatMap((what) => ['', '/:nested'].map((tail) => route(`GET api ${nested}/${what}${tail}`, admitted(what, (call, data) => listNested(call, data, what))))),
      route(`POST api ${nested}/interviews`, admitted('interviews', (call, data) => changeInterview(call, data, now()))),
      ...['PUT', 'DELETE'].map((method) => route(`${method} api ${nested}/interviews/:nested`, admitted('interviews', (call, data) => changeInterview(call, data, now())))),
      ...['PUT', 'POST'].map((method) => route(`${method} api ${nested}/:what`, admitted('opportunities', (call, data) => changeOpportunity(call, data, now())))),
      ...all('users', 'users', 'User', (data) => data.users),
      ...all('stages', 'stages', 'Stage', (data) => data.stages),
      ...all('archive_reasons', 'archive_reasons', 'Archive reason', (data) => data.archiveReasons),
    ],
    identify,
    failure(kind, _call, details) {
      switch (kind) {
        case 'outage':
        case 'token_outage': return leverError(statusOf(details, 503), 'ServiceUnavailable', 'Lever is undergoing maintenance');
        case 'rate_limited': return limited();
        case 'expired':
        case 'revoked': return unauthorized();
        case 'missing_scope': return forbidden();
        case 'method_not_allowed':
        case 'not_found': return notFound('Resource');
      }
    },
    finish: (_call, reply) => withHeaders(reply, { 'x-request-id': randomUUID() }),
    revoke: (matches) => grants.revokeWhere(matches) + keys.revokeWhere(matches),
    webhooks: (change, registration) => leverWebhooks(change, registration, now()),
  };
}
