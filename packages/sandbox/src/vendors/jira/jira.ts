/** Simulated Jira Cloud: auth.atlassian.com for consent and tokens, api.atlassian.com for sites and the REST API v2. */
import { randomUUID } from 'node:crypto';
import { sandboxApps } from '../../apps.ts';
import { consentHandlers } from '../../consent.ts';
import { bearer, json, withHeaders, type Call, type Reply } from '../../exchange.ts';
import { exchangeGrant, secondsLeft } from '../../grant-exchange.ts';
import { createGrants, type Grants } from '../../grants.ts';
import { identifyGrant, statusOf } from '../../identity.ts';
import type { JsonObject } from '../../json.ts';
import { secretHex, secretText } from '../../random.ts';
import { route, type Handler, type Route } from '../../route.ts';
import { perAccount } from '../../table.ts';
import type { Vendor, World } from '../../vendor.ts';
import { createSite, sites, type Site } from './data.ts';
import { assign, changeComment, createIssue, deleteIssue, listComments, listProjects, offsetPage, readIssue, refusal, search, transition, transitions, updateIssue } from './records.ts';
import { jiraWebhooks, webhookApi } from './webhooks.ts';

const app = sandboxApps.jira;
const known = ['read:jira-work', 'write:jira-work', 'read:jira-user', 'manage:jira-project', 'manage:jira-webhook', 'read:me', 'offline_access'];
const unauthorized = (message = 'Unauthorized'): Reply => json(401, { code: 401, message });
const limited = (retryAfterS: number): Reply => json(429, { message: 'Rate limit exceeded' }, { 'retry-after': String(retryAfterS), 'ratelimit-reason': 'jira-burst-based' });

function oauthRoutes(world: World, grants: Grants): Route[] {
  const consent = consentHandlers({
    vendorName: 'Atlassian (sandbox)', clientId: app.client_id, accounts: sites, grants, pkce: false, redirectAllowed: (uri) => world.redirectAllowed(uri),
    readScopes(query) {
      const wanted = (query.get('scope') ?? '').split(' ').filter(Boolean);
      if (query.get('audience') !== 'api.atlassian.com') return { ok: false, error: 'invalid_request', description: 'audience must be api.atlassian.com' };
      const stranger = wanted.find((scope) => !known.includes(scope));
      return stranger === undefined ? { ok: true, scopes: wanted } : { ok: false, error: 'invalid_scope', description: `Unknown scope ${stranger}` };
    },
  });
  const token = (call: Call): Reply => {
    const exchanged = exchangeGrant(call, app, grants);
    if (!exchanged.ok) return exchanged.reason === 'client' ? json(401, { error: 'access_denied', error_description: 'Unauthorized' }) : json(403, { error: 'invalid_grant', error_description: exchanged.reason === 'refresh' ? 'Unknown or invalid refresh token.' : 'Invalid authorization code' });
    const { issued } = exchanged;
    const offline = issued.grant.scopes.includes('offline_access');
    return json(200, { access_token: issued.access, ...(offline ? { refresh_token: issued.refresh } : {}), expires_in: secondsLeft(issued, world.clock.now()) ?? 3600, token_type: 'Bearer', scope: issued.grant.scopes.join(' ') });
  };
  return [route('GET auth /authorize', consent.show, 'authorize'), route('POST auth /authorize', consent.decide, 'authorize'), route('POST auth /oauth/token', token, 'token')];
}

export function createJira(world: World): Vendor {
  const grants = createGrants({ clock: world.clock, memory: world.memory('grants'), codeLifetimeMs: 5 * 60_000, accessLifetimeMs: () => 3_600_000, refreshLifetimeMs: 90 * 86_400_000, rotation: () => 'single_use', accessToken: () => `eyJraWQi.${secretText(60)}.${secretText(40)}`, refreshToken: () => `eyJraWQi.${secretHex(80)}` });
  const limiter = world.limits.limiter('requests', { limit: 600, windowMs: 60_000 });
  const siteOf = perAccount((id) => createSite(id, world.random(id), (change) => world.changed(change)));
  const now = (): number => world.clock.now();

  /** A token opens the site it was granted for, with the scopes it was granted. */
  const admitted = (scope: string, handle: (call: Call, site: Site) => Reply): Handler => (call) => {
    const found = grants.find(bearer(call) ?? '');
    if (found === null || found.state !== 'valid') return unauthorized();
    if (!found.grant.scopes.includes(scope)) return unauthorized('Unauthorized; scope does not match');
    if (call.params['cloud'] !== found.grant.account) return json(404, { code: 404, message: 'Not found' });
    const quota = limiter.take(found.grant.account);
    return quota.allowed ? handle(call, siteOf(found.grant.account)) : limited(Math.max(1, Math.ceil((quota.resetAt - now()) / 1000)));
  };
  const accessible = (call: Call): Reply => {
    const found = grants.find(bearer(call) ?? '');
    const site = sites.find(({ id }) => id === found?.grant.account);
    return found === null || found.state !== 'valid' || site === undefined ? unauthorized() : json(200, [{ id: site.id, url: `https://${site.name}.atlassian.net`, name: site.name, scopes: found.grant.scopes.filter((scope) => scope.includes('jira')), avatarUrl: 'https://site-admin-avatar-cdn.prod.public.atl-paas.net/avatars/240/flag.png' }]);
  };
  const base = '/ex/jira/:cloud/rest/api/2';
  const reads = (line: string, handle: (call: Call, site: Site) => Reply): Route => route(`GET api ${base}${line}`, admitted('read:jira-work', handle));
  const writes = (method: string, line: string, handle: (call: Call, site: Site, now: number) => Reply): Route => route(`${method} api ${base}${line}`, admitted('write:jira-work', (call, site) => handle(call, site, now())));
  const one = (rows: readonly JsonObject[], member: string, wanted: string | null): Reply => {
    const found = rows.find((row) => row[member] === wanted);
    return found === undefined ? refusal(404, [`No ${member} '${wanted ?? ''}' was found`]) : json(200, found);
  };
  return {
    id: 'jira',
    hosts: { auth: /^auth\.atlassian\.com$/, api: /^api\.atlassian\.com$/ },
    routes: [
      ...oauthRoutes(world, grants),
      route('GET api /oauth/token/accessible-resources', accessible),
      route(`GET api ${base}/myself`, admitted('read:jira-user', (_call, site) => json(200, site.users[0] ?? {}))),
      route(`GET api ${base}/users/search`, admitted('read:jira-user', (call, site) => json(200, offsetPage(call, site.users).values))),
      route(`GET api ${base}/user`, admitted('read:jira-user', (call, site) => one(site.users, 'accountId', call.query.get('accountId')))),
      ...['GET', 'POST', 'DELETE'].map((method) => route(`${method} api ${base}/webhook`, admitted('manage:jira-webhook', (call) => webhookApi(world, call.params['cloud'] ?? '', call, now())))),
      route(`PUT api ${base}/webhook/refresh`, admitted('manage:jira-webhook', (call) => webhookApi(world, call.params['cloud'] ?? '', call, now()))),
      reads('/project/search', listProjects),
      reads('/project/:id', (call, site) => one(site.projects, /^\d+$/.test(call.params['id'] ?? '') ? 'id' : 'key', call.params['id'] ?? '')),
      reads('/search/jql', search),
      reads('/issue/:id', readIssue),
      reads('/issue/:id/transitions', transitions),
      reads('/issue/:id/comment', listComments),
      reads('/issue/:id/comment/:comment', (call, site) => changeComment(call, site, now())),
      writes('POST', '/issue', createIssue),
      writes('PUT', '/issue/:id', updateIssue),
      writes('DELETE', '/issue/:id', deleteIssue),
      writes('POST', '/issue/:id/transitions', transition),
      writes('PUT', '/issue/:id/assignee', assign),
      writes('POST', '/issue/:id/comment', changeComment),
      writes('PUT', '/issue/:id/comment/:comment', changeComment),
      writes('DELETE', '/issue/:id/comment/:comment', changeComment),
    ],
    identify: (call) => identifyGrant(grants, call),
    failure(kind, _call, details) {
      switch (kind) {
        case 'outage':
        case 'token_outage': return json(statusOf(details, 503), { code: statusOf(details, 503), message: 'Service Unavailable' });
        case 'rate_limited': return limited(typeof details['retry_after_s'] === 'number' ? details['retry_after_s'] : 5);
        case 'expired':
        case 'revoked': return unauthorized();
        case 'missing_scope': return unauthorized('Unauthorized; scope does not match');
        case 'method_not_allowed': return refusal(405, ['Method Not Allowed']);
        case 'not_found': return refusal(404, ['The requested resource was not found.']);
      }
    },
    finish(call, reply) {
      const account = identifyGrant(grants, call)?.account;
      const quota = account === undefined ? null : limiter.peek(account);
      const left = quota === null ? {} : { 'x-ratelimit-limit': String(quota.limit), 'x-ratelimit-remaining': String(quota.remaining), 'x-ratelimit-reset': new Date(quota.resetAt).toISOString().replace(/:\d\d\.\d+Z$/, 'Z') };
      return withHeaders(reply, { 'atl-traceid': randomUUID().replaceAll('-', ''), ...left });
    },
    revoke: (matches) => grants.revokeWhere(matches),
    webhooks: (change, registration) => jiraWebhooks(change, registration, now()),
  };
}
