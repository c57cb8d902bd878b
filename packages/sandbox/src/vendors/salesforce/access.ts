/** Salesforce OAuth: authorisation with PKCE, tokens without expires_in, introspection, revocation, optional rotation. */
import { createHmac } from 'node:crypto';
import { sandboxApps } from '../../apps.ts';
import { clientCredentials } from '../../client-credentials.ts';
import { consentHandlers } from '../../consent.ts';
import { bearer, bodyFields, empty, json, type Call, type Reply } from '../../exchange.ts';
import { createGrants, type Grants, type Issued } from '../../grants.ts';
import { identifyGrant } from '../../identity.ts';
import { secretText } from '../../random.ts';
import { route, type Route } from '../../route.ts';
import type { Identity, World } from '../../vendor.ts';
import { orgs } from './data.ts';
import { oauthError, salesforceError, sessionInvalid } from './errors.ts';

const app = sandboxApps.salesforce;
const scopes = ['api', 'refresh_token', 'offline_access', 'id', 'openid', 'profile', 'email', 'web', 'full', 'chatter_api'];
export const adminUser = '0055g0000000001AAA';
const domainOf = (org: string): string => orgs.find((one) => one.id === org)?.domain ?? 'unknown';
export const instanceUrl = (org: string): string => `https://${domainOf(org)}.my.salesforce.com`;

export interface Access {
  readonly grants: Grants;
  readonly routes: readonly Route[];
  identify(call: Call): Identity | null;
  admit(call: Call): { ok: true; org: string } | { ok: false; reply: Reply };
}

function tokenBody(issued: Issued, now: number, withRefresh: boolean): Reply {
  const org = issued.grant.account;
  const id = `https://login.salesforce.com/id/${org}/${adminUser}`;
  const issuedAt = String(now);
  const signature = createHmac('sha256', app.client_secret).update(id + issuedAt).digest('base64');
  return json(200, { access_token: issued.access, ...(withRefresh ? { refresh_token: issued.refresh } : {}), signature, scope: issued.grant.scopes.join(' '), instance_url: instanceUrl(org), id, token_type: 'Bearer', issued_at: issuedAt }, { 'cache-control': 'no-cache,must-revalidate,max-age=0,no-store,private' });
}

function token(call: Call, world: World, grants: Grants): Reply {
  const form = bodyFields(call);
  const client = clientCredentials(call);
  if (client.id !== app.client_id) return oauthError('invalid_client_id', 'client identifier invalid');
  if (client.secret !== app.client_secret) return oauthError('invalid_client', 'invalid client credentials');
  if (form.get('grant_type') === 'authorization_code') {
    const redeemed = grants.redeem(form.get('code') ?? '', { clientId: app.client_id, redirectUri: form.get('redirect_uri'), verifier: form.get('code_verifier') });
    if (redeemed.ok) return tokenBody(redeemed.issued, world.clock.now(), redeemed.issued.grant.scopes.some((scope) => scope === 'refresh_token' || scope === 'offline_access' || scope === 'full'));
    if (redeemed.reason === 'redirect_uri') return oauthError('redirect_uri_mismatch', 'redirect_uri must match configuration');
    return redeemed.reason === 'pkce' ? oauthError('invalid_grant', 'invalid code verifier') : oauthError('invalid_grant', 'expired authorization code');
  }
  if (form.get('grant_type') !== 'refresh_token') return oauthError('unsupported_grant_type', 'grant type not supported');
  const refreshed = grants.refresh(form.get('refresh_token') ?? '', app.client_id);
  return refreshed.ok ? tokenBody(refreshed.issued, world.clock.now(), world.setting('refresh_token_rotation') === true) : oauthError('invalid_grant', 'expired access/refresh token');
}

function introspect(call: Call, grants: Grants): Reply {
  const client = clientCredentials(call);
  if (client.id !== app.client_id || client.secret !== app.client_secret) return oauthError('invalid_client', 'invalid client credentials', 401);
  const found = grants.find(bodyFields(call).get('token') ?? '');
  if (found === null || found.state !== 'valid') return json(200, { active: false });
  const seconds = Math.floor(found.issuedAt / 1000);
  return json(200, { active: true, scope: found.grant.scopes.join(' '), client_id: app.client_id, username: `admin@${domainOf(found.grant.account)}.example`, sub: `https://login.salesforce.com/id/${found.grant.account}/${adminUser}`, token_type: 'access_token', exp: Math.floor((found.expiresAt ?? 0) / 1000), iat: seconds, nbf: seconds });
}

export function createAccess(world: World): Access {
  const sessionMinutes = (): number => {
    const set = world.setting('session_minutes');
    return typeof set === 'number' ? set : 120;
  };
  const grants = createGrants({
    clock: world.clock, memory: world.memory('grants'), codeLifetimeMs: 15 * 60_000, accessLifetimeMs: () => sessionMinutes() * 60_000, refreshLifetimeMs: null,
    rotation: () => (world.setting('refresh_token_rotation') === true ? 'single_use' : 'none'),
    accessToken: (grant) => `${grant.account.slice(0, 15)}!AQ${secretText(90)}`, refreshToken: () => `5Aep861${secretText(80)}`,
  });
  const consent = consentHandlers({
    vendorName: 'Salesforce (sandbox)', clientId: app.client_id, accounts: orgs, grants, pkce: true, redirectAllowed: (uri) => world.redirectAllowed(uri), deniedDescription: 'end-user denied authorization',
    readScopes(query) {
      const wanted = (query.get('scope') ?? 'api refresh_token').split(' ').filter(Boolean);
      const stranger = wanted.find((scope) => !scopes.includes(scope));
      return stranger === undefined ? { ok: true, scopes: wanted } : { ok: false, error: 'invalid_scope', description: `the requested scope is not allowed: ${stranger}` };
    },
  });
  const onBoth = (line: string, handle: (call: Call) => Reply, kind: 'api' | 'token' | 'authorize'): Route[] => ['login', 'org'].map((role) => route(line.replace('ROLE', role), handle, kind));
  const revoke = (call: Call): Reply => (grants.revokeToken(bodyFields(call).get('token') ?? call.query.get('token') ?? '') ? empty(200) : oauthError('invalid_token', 'invalid token'));
  return {
    grants,
    routes: [
      ...onBoth('GET ROLE /services/oauth2/authorize', (call) => consent.show(call) as Reply, 'authorize'),
      ...onBoth('POST ROLE /services/oauth2/authorize', (call) => consent.decide(call) as Reply, 'authorize'),
      ...onBoth('POST ROLE /services/oauth2/token', (call) => token(call, world, grants), 'token'),
      ...onBoth('POST ROLE /services/oauth2/introspect', (call) => introspect(call, grants), 'api'),
      ...onBoth('POST ROLE /services/oauth2/revoke', revoke, 'api'),
    ],
    identify: (call) => identifyGrant(grants, call),
    admit(call) {
      const found = grants.find(bearer(call) ?? '');
      if (found === null || found.state !== 'valid') return { ok: false, reply: sessionInvalid() };
      // A session belongs to one org's host; login.salesforce.com serves only the identity of any.
      if (call.role === 'org' && call.hostParams['domain'] !== domainOf(found.grant.account)) return { ok: false, reply: sessionInvalid() };
      const mayCall = found.grant.scopes.some((scope) => scope === 'api' || scope === 'full') || !call.path.startsWith('/services/data');
      return mayCall ? { ok: true, org: found.grant.account } : { ok: false, reply: salesforceError(403, 'INVALID_SESSION_ID', 'This session is not valid for use with the REST API') };
    },
  };
}
