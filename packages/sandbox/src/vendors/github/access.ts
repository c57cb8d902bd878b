/** GitHub credentials: OAuth user tokens with PKCE (8 h, single-use refresh), App JWTs (RS256), installation tokens (1 h). */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { jwtVerify } from 'jose';
import { sandboxApps } from '../../apps.ts';
import { clientCredentials } from '../../client-credentials.ts';
import { consentHandlers } from '../../consent.ts';
import { basic, bearer, bodyFields, bodyObject, empty, json, text, type Call, type Reply } from '../../exchange.ts';
import { createGrants, type Grants, type Issued } from '../../grants.ts';
import { identifyGrant } from '../../identity.ts';
import { asText, type JsonObject } from '../../json.ts';
import { secretText } from '../../random.ts';
import { route, type Route } from '../../route.ts';
import type { Identity, World } from '../../vendor.ts';
import { githubTime, owners } from './data.ts';
import { badCredentials, githubError, notFound } from './errors.ts';

const app = sandboxApps.github;
export const permissions: JsonObject = { issues: 'write', pull_requests: 'write', metadata: 'read', contents: 'read' };

export interface Access {
  readonly grants: Grants;
  readonly routes: readonly Route[];
  identify(call: Call): Identity | null;
  admit(call: Call): { ok: true; owner: string; kind: 'user' | 'installation'; scopes: readonly string[] } | { ok: false; reply: Reply };
}

/** JSON when asked for by Accept, a form otherwise: so does GitHub. */
function oauthReply(call: Call, body: JsonObject): Reply {
  if ((call.headers['accept'] ?? '').includes('json')) return json(200, body);
  const form = new URLSearchParams(Object.entries(body).map(([name, value]) => [name, asText(value)]));
  return text(200, form.toString(), { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' });
}
const oauthError = (call: Call, error: string, description: string): Reply => oauthReply(call, { error, error_description: description, error_uri: 'https://docs.github.com/apps/managing-oauth-apps/troubleshooting-oauth-app-access-token-request-errors/' });

function token(call: Call, world: World, userGrants: Grants): Reply {
  const client = clientCredentials(call);
  if (client.id !== app.client_id || client.secret !== app.client_secret) return oauthError(call, 'incorrect_client_credentials', 'The client_id and/or client_secret passed are incorrect.');
  const form = bodyFields(call);
  const body = (issued: Issued): Reply => oauthReply(call, { access_token: issued.access, expires_in: Math.round(((issued.expiresAt ?? 0) - world.clock.now()) / 1000), refresh_token: issued.refresh, refresh_token_expires_in: 15_897_600, scope: issued.grant.scopes.join(','), token_type: 'bearer' });
  if (form.get('grant_type') === 'refresh_token') {
    const refreshed = userGrants.refresh(form.get('refresh_token') ?? '', app.client_id);
    return refreshed.ok ? body(refreshed.issued) : oauthError(call, 'bad_refresh_token', 'The refresh token passed is incorrect or expired.');
  }
  const redeemed = userGrants.redeem(form.get('code') ?? '', { clientId: app.client_id, redirectUri: form.get('redirect_uri'), verifier: form.get('code_verifier') });
  if (redeemed.ok) return body(redeemed.issued);
  return redeemed.reason === 'redirect_uri' ? oauthError(call, 'redirect_uri_mismatch', 'The redirect_uri MUST match the registered callback URL for this application.') : oauthError(call, 'bad_verification_code', 'The code passed is incorrect or expired.');
}

type AppCheck = { ok: true } | { ok: false; reply: Reply };
async function checkAppJwt(call: Call, world: World, key: KeyObject): Promise<AppCheck> {
  const presented = bearer(call);
  if (presented === null || presented.split('.').length !== 3) return { ok: false, reply: githubError(401, 'A JSON web token could not be decoded') };
  const now = world.clock.now();
  try {
    const { payload } = await jwtVerify(presented, key, { algorithms: ['RS256'], currentDate: new Date(now), clockTolerance: 5 });
    if (payload.iss !== app.app_id && payload.iss !== app.client_id) return { ok: false, reply: githubError(401, "'Issuer' claim ('iss') must be an Integer") };
    if (typeof payload.exp !== 'number' || payload.exp > now / 1000 + 605) return { ok: false, reply: githubError(401, "'Expiration time' claim ('exp') is too far in the future") };
    return typeof payload.iat === 'number' && payload.iat > now / 1000 + 5 ? { ok: false, reply: githubError(401, "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued") } : { ok: true };
  } catch (error) {
    const expired = error instanceof Error && error.message.includes('"exp"');
    return { ok: false, reply: githubError(401, expired ? "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires" : 'A JSON web token could not be decoded') };
  }
}

const installation = (id: string): JsonObject => ({ id: Number(id), account: { login: owners.find((owner) => owner.id === id)?.name ?? '', id: Number(id), type: 'Organization' }, app_id: Number(app.app_id), app_slug: 'evenkeel-sandbox', target_type: 'Organization', permissions, events: ['issues', 'issue_comment', 'pull_request'], repository_selection: 'all', suspended_at: null });

function appRoutes(world: World, grants: Grants, key: KeyObject): Route[] {
  const guarded = (handle: (call: Call) => Reply) => async (call: Call): Promise<Reply> => {
    const checked = await checkAppJwt(call, world, key);
    return checked.ok ? handle(call) : checked.reply;
  };
  const known = (call: Call): string | null => owners.find((owner) => owner.id === call.params['id'])?.id ?? null;
  return [
    route('POST api /app/installations/:id/access_tokens', guarded((call) => {
      const owner = known(call);
      if (owner === null) return notFound();
      const suspended = world.setting('suspended_installations');
      if (Array.isArray(suspended) && suspended.map(asText).includes(owner)) return githubError(403, 'This installation has been suspended');
      const issued = grants.grantDirectly(owner, app.client_id, []);
      return json(201, { token: issued.access, expires_at: githubTime(issued.expiresAt ?? 0), permissions, repository_selection: 'all' });
    }), 'token'),
    route('GET api /app', guarded(() => json(200, { id: Number(app.app_id), client_id: app.client_id, slug: 'evenkeel-sandbox', name: 'Evenkeel sandbox', permissions, events: ['issues'] }))),
    route('GET api /app/installations', guarded(() => json(200, owners.map((owner) => installation(owner.id))))),
    route('GET api /app/installations/:id', guarded((call) => {
      const owner = known(call);
      return owner === null ? notFound() : json(200, installation(owner));
    })),
  ];
}

function revocationRoutes(userGrants: Grants, installationGrants: Grants): Route[] {
  const revoke = (whole: boolean) => (call: Call): Reply => {
    const client = basic(call);
    if (client?.name !== app.client_id || client.password !== app.client_secret || call.params['client'] !== app.client_id) return notFound();
    const presented = asText(bodyObject(call)?.['access_token']);
    const found = userGrants.find(presented);
    if (found === null || found.state === 'revoked') return githubError(422, 'Validation Failed');
    if (whole) found.grant.revoked = true;
    else userGrants.revokeToken(presented);
    return empty(204);
  };
  return [
    route('DELETE api /applications/:client/token', revoke(false)),
    route('DELETE api /applications/:client/grant', revoke(true)),
    route('DELETE api /installation/token', (call) => (installationGrants.find(bearer(call) ?? '')?.state === 'valid' && installationGrants.revokeToken(bearer(call) ?? '') ? empty(204) : badCredentials())),
  ];
}

export function createAccess(world: World): { access: Access; revokeWhere: Grants['revokeWhere'] } {
  const userGrants = createGrants({ clock: world.clock, memory: world.memory('users'), codeLifetimeMs: 10 * 60_000, accessLifetimeMs: () => 8 * 3_600_000, refreshLifetimeMs: 15_897_600_000, rotation: () => 'single_use', accessToken: () => `ghu_${secretText(36)}`, refreshToken: () => `ghr_${secretText(76)}` });
  const installationGrants = createGrants({ clock: world.clock, memory: world.memory('installations'), codeLifetimeMs: 1, accessLifetimeMs: () => 3_600_000, refreshLifetimeMs: null, rotation: () => 'none', accessToken: () => `ghs_${secretText(36)}`, refreshToken: () => `none_${secretText(36)}` });
  const key = createPublicKey(app.private_key);
  const consent = consentHandlers({
    vendorName: 'GitHub (sandbox)', clientId: app.client_id, accounts: owners, grants: userGrants, pkce: true, redirectAllowed: (uri) => world.redirectAllowed(uri), deniedDescription: 'The user has denied your application access.',
    readScopes: (query) => ({ ok: true, scopes: (query.get('scope') ?? '').split(/[ ,]+/).filter(Boolean) }),
  });
  const access: Access = {
    grants: userGrants,
    routes: [
      route('GET web /login/oauth/authorize', consent.show, 'authorize'),
      route('POST web /login/oauth/authorize', consent.decide, 'authorize'),
      route('POST web /login/oauth/access_token', (call) => token(call, world, userGrants), 'token'),
      ...appRoutes(world, installationGrants, key),
      ...revocationRoutes(userGrants, installationGrants),
    ],
    identify(call) {
      const installed = /^\/app\/installations\/(\d+)\/access_tokens$/.exec(call.path)?.[1];
      if (installed !== undefined) return { account: installed, token: bearer(call) ?? '', issuedAt: null };
      return identifyGrant(userGrants, call) ?? identifyGrant(installationGrants, call);
    },
    admit(call) {
      if (bearer(call) === null) return { ok: false, reply: githubError(401, 'Requires authentication') };
      const asUser = userGrants.find(bearer(call) ?? '');
      const found = asUser ?? installationGrants.find(bearer(call) ?? '');
      if (found === null || found.state !== 'valid') return { ok: false, reply: badCredentials() };
      return { ok: true, owner: found.grant.account, kind: asUser === null ? 'installation' : 'user', scopes: found.grant.scopes };
    },
  };
  return { access, revokeWhere: (matches) => userGrants.revokeWhere(matches) + installationGrants.revokeWhere(matches) };
}
