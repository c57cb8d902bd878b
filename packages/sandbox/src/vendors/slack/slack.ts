/** Simulated Slack: oauth.v2.access with bot and user tokens, optional token rotation, and the Web API. */
import { sandboxApps } from '../../apps.ts';
import { clientCredentials } from '../../client-credentials.ts';
import { consentHandlers } from '../../consent.ts';
import { bearer, bodyFields, bodyObject, json, withHeaders, type Call, type Reply } from '../../exchange.ts';
import { createGrants, type Grants, type Issued } from '../../grants.ts';
import { identifyGrant, statusOf } from '../../identity.ts';
import { asText, type JsonObject } from '../../json.ts';
import { secretHex, secretText } from '../../random.ts';
import { route } from '../../route.ts';
import { perAccount } from '../../table.ts';
import type { Vendor, World } from '../../vendor.ts';
import { botUser, createWorkspace, teams } from './data.ts';
import { methods, type MethodCall } from './methods.ts';
import { challenge, slackWebhooks } from './webhooks.ts';

const app = sandboxApps.slack;
const refuse = (error: string, more: JsonObject = {}): Reply => json(200, { ok: false, error, ...more });
const splitScopes = (text: string | null): string[] => (text ?? '').split(/[ ,]+/).filter(Boolean);
const scopePattern = /^[a-z_.]+(:[a-z_.]+)*$/;

function createSlackGrants(world: World): Grants {
  const rotating = (): boolean => world.setting('token_rotation') === true;
  return createGrants({
    clock: world.clock, memory: world.memory('grants'), codeLifetimeMs: 10 * 60_000, accessLifetimeMs: () => (rotating() ? 43_200_000 : null), refreshLifetimeMs: null, rotation: () => (rotating() ? 'rotates' : 'none'),
    accessToken: (grant) => `${rotating() ? 'xoxe.' : ''}${grant.extra['kind'] === 'user' ? 'xoxp' : 'xoxb'}-${rotating() ? '1-' : ''}2141029472-${secretText(24)}`,
    refreshToken: () => `xoxe-1-${secretText(120)}`,
  });
}

function tokenFields(issued: Issued, now: number): JsonObject {
  const rotation = issued.expiresAt === null ? {} : { refresh_token: issued.refresh, expires_in: Math.round((issued.expiresAt - now) / 1000) };
  return { access_token: issued.access, token_type: issued.grant.extra['kind'] === 'user' ? 'user' : 'bot', scope: issued.grant.scopes.join(','), ...rotation };
}

function granted(issued: Issued, grants: Grants, now: number): Reply {
  const team = issued.grant.account;
  const userScopes = splitScopes(issued.grant.extra['user_scope'] ?? null);
  const general: JsonObject = { ok: true, app_id: app.app_id, team: { id: team, name: teams.find((one) => one.id === team)?.name ?? '' }, enterprise: null, is_enterprise_install: false };
  if (issued.grant.extra['kind'] === 'user') return json(200, { ...general, authed_user: { id: 'U0000025', ...tokenFields(issued, now) } });
  const asUser = userScopes.length === 0 ? {} : tokenFields(grants.grantDirectly(team, app.client_id, userScopes, { kind: 'user' }), now);
  return json(200, { ...general, ...tokenFields(issued, now), bot_user_id: botUser, authed_user: { id: 'U0000025', ...asUser } });
}

function oauthAccess(call: Call, world: World, grants: Grants): Reply {
  const client = clientCredentials(call);
  if (client.id !== app.client_id) return refuse('invalid_client_id');
  if (client.secret !== app.client_secret) return refuse('bad_client_secret');
  const form = bodyFields(call);
  const now = world.clock.now();
  if (form.get('grant_type') === 'refresh_token') {
    const refreshed = grants.refresh(form.get('refresh_token') ?? '', app.client_id);
    if (!refreshed.ok) return refuse('invalid_refresh_token');
    const { grant } = refreshed.issued;
    return json(200, { ok: true, app_id: app.app_id, team: { id: grant.account, name: teams.find((one) => one.id === grant.account)?.name ?? '' }, enterprise: null, is_enterprise_install: false, ...tokenFields(refreshed.issued, now), ...(grant.extra['kind'] === 'user' ? {} : { bot_user_id: botUser }) });
  }
  const redeemed = grants.redeem(form.get('code') ?? '', { clientId: app.client_id, redirectUri: form.get('redirect_uri'), verifier: form.get('code_verifier') });
  if (redeemed.ok) return granted(redeemed.issued, grants, now);
  return refuse(redeemed.reason === 'redirect_uri' ? 'bad_redirect_uri' : 'invalid_code');
}

function argsOf(call: Call): JsonObject {
  const fromQuery = Object.fromEntries(call.query);
  if ((call.headers['content-type'] ?? '').includes('json')) return { ...fromQuery, ...bodyObject(call) };
  return { ...fromQuery, ...Object.fromEntries(new URLSearchParams(call.raw.toString('utf8'))) };
}

export function createSlack(world: World): Vendor {
  const grants = createSlackGrants(world);
  const workspaceOf = perAccount((team) => createWorkspace(team, world.random(team), (change) => world.changed(change)));
  const limiters = new Map(Object.entries(methods).map(([name, method]) => [name, world.limits.limiter(name, { limit: method.perMinute, windowMs: 60_000 })]));
  const rateLimited = (retryAfterS: number): Reply => json(429, { ok: false, error: 'ratelimited' }, { 'retry-after': String(retryAfterS) });
  const consent = consentHandlers({
    vendorName: 'Slack (sandbox)', clientId: app.client_id, accounts: teams, grants, pkce: false, redirectAllowed: (uri) => world.redirectAllowed(uri),
    readScopes(query) {
      const [bot, user] = [splitScopes(query.get('scope')), splitScopes(query.get('user_scope'))];
      const stranger = [...bot, ...user].find((scope) => !scopePattern.test(scope));
      if (stranger !== undefined || bot.length + user.length === 0) return { ok: false, error: 'invalid_scope', description: `Invalid permissions requested: ${stranger ?? 'none'}` };
      return { ok: true, scopes: bot.length > 0 ? bot : user, extra: { kind: bot.length > 0 ? 'bot' : 'user', user_scope: user.join(',') } };
    },
  });

  function web(call: Call): Reply {
    const name = call.params['method'] ?? '';
    const args = argsOf(call);
    const presented = bearer(call) ?? (asText(args['token']) || null);
    if (presented === null) return refuse('not_authed');
    const found = grants.find(presented);
    if (found === null) return refuse('invalid_auth');
    if (found.state === 'expired') return refuse('token_expired');
    if (found.state === 'revoked') return refuse('token_revoked');
    if (name === 'auth.revoke') {
      if (asText(args['test']) !== '1' && asText(args['test']) !== 'true') found.grant.revoked = true;
      return json(200, { ok: true, revoked: asText(args['test']) !== '1' });
    }
    const method = Object.hasOwn(methods, name) ? methods[name] : undefined;
    if (method === undefined) return refuse('unknown_method', { req_method: name });
    const team = found.grant.account;
    const scoped = { 'x-oauth-scopes': found.grant.scopes.join(','), 'x-accepted-oauth-scopes': method.scopes.join(',') };
    if (method.scopes.length > 0 && !method.scopes.some((scope) => found.grant.scopes.includes(scope))) return withHeaders(refuse('missing_scope', { needed: method.scopes.join(','), provided: found.grant.scopes.join(',') }), scoped);
    const quota = limiters.get(name)?.take(name === 'chat.postMessage' ? `${team}:${asText(args['channel'])}` : team);
    if (quota?.allowed === false) return rateLimited(Math.max(1, Math.ceil((quota.resetAt - world.clock.now()) / 1000)));
    const methodCall: MethodCall = { args, team, isBot: found.grant.extra['kind'] !== 'user', workspace: workspaceOf(team), now: world.clock.now(), arg: (wanted) => (args[wanted] === undefined || args[wanted] === null ? undefined : asText(args[wanted])) };
    return json(200, method.run(methodCall), scoped);
  }

  return {
    id: 'slack',
    hosts: { slack: /^([a-z0-9-]+\.)?slack\.com$/ },
    routes: [
      route('GET slack /oauth/v2/authorize', consent.show, 'authorize'),
      route('POST slack /oauth/v2/authorize', consent.decide, 'authorize'),
      route('POST slack /api/oauth.v2.access', (call) => oauthAccess(call, world, grants), 'token'),
      route('GET slack /api/:method', web),
      route('POST slack /api/:method', web),
    ],
    identify: (call) => identifyGrant(grants, call),
    failure(kind, call, details) {
      switch (kind) {
        case 'outage':
        case 'token_outage': return json(statusOf(details, 503), { ok: false, error: 'service_unavailable' });
        case 'rate_limited': return rateLimited(typeof details['retry_after_s'] === 'number' ? details['retry_after_s'] : 30);
        case 'expired': return refuse('token_expired');
        case 'revoked': return refuse('token_revoked');
        case 'missing_scope': return refuse('missing_scope', { needed: Array.isArray(details['scopes']) ? details['scopes'].map(asText).join(',') : 'channels:read', provided: 'chat:write' });
        case 'method_not_allowed':
        case 'not_found': return refuse('unknown_method', { req_method: call.path.replace('/api/', '') });
      }
    },
    finish: (_call, reply) => withHeaders(reply, { 'x-slack-req-id': secretHex(32) }),
    revoke: (matches) => grants.revokeWhere(matches),
    webhooks: (change, registration) => slackWebhooks(change, registration, world.clock.now()),
    greeting: (registration) => challenge(registration, world.clock.now()),
  };
}
