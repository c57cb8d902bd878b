/** HubSpot's OAuth endpoints and what each call must present: authorisation page, token, introspection, revocation. */
import { randomUUID } from 'node:crypto';
import { sandboxApps, sandboxKeys } from '../../apps.ts';
import { consentHandlers } from '../../consent.ts';
import { bearer, bodyFields, empty, json, type Call, type Reply } from '../../exchange.ts';
import { createGrants, type Grants, type Issued } from '../../grants.ts';
import { identifyGrant } from '../../identity.ts';
import { createKeyRing } from '../../key-ring.ts';
import { secretText } from '../../random.ts';
import type { Limiter } from '../../rate-limiter.ts';
import { route, type Route } from '../../route.ts';
import type { Identity, World } from '../../vendor.ts';
import { portals } from './data.ts';
import { expired, hubspotError, missingScopes, rateLimited, unauthenticated } from './errors.ts';

const app = sandboxApps.hubspot;
const lifetimeMs = 30 * 60_000;
const scopePattern = /^(oauth|crm\.(objects|schemas|lists|import|export)[\w.]*|settings\.[\w.]+|tickets|automation|files|forms|timeline|account-info\.[\w.]+|sales-email-read)$/;

export interface Access {
  readonly grants: Grants;
  readonly routes: readonly Route[];
  readonly tenSecondly: Limiter;
  readonly daily: Limiter;
  identify(call: Call): Identity | null;
  revokeWhere: Grants['revokeWhere'];
  /** The portal when the credential is good, has the scope and is within its quota; else the refusal. */
  admit(call: Call, scope: string | null): { ok: true; portal: string; scopes: readonly string[] | null } | { ok: false; reply: Reply };
}

function tokenBody(issued: Issued, now: number): Reply {
  const seconds = Math.round(((issued.expiresAt ?? now) - now) / 1000);
  return json(200, { token_type: 'bearer', refresh_token: issued.refresh, access_token: issued.access, hub_id: Number(issued.grant.account), scopes: [...issued.grant.scopes], expires_in: seconds });
}
/** The older endpoint names its failures in `status`, the newer one as RFC 6749 does; both send both here. */
const tokenError = (status: string, message: string, error: string): Reply => json(400, { status, message, correlationId: randomUUID(), error, error_description: message });

function token(call: Call, world: World, grants: Grants): Reply {
  const form = bodyFields(call);
  if (form.get('client_id') !== app.client_id || form.get('client_secret') !== app.client_secret) return tokenError('BAD_CLIENT_ID', 'missing or invalid client id or secret', 'invalid_client');
  if (form.get('grant_type') === 'authorization_code') {
    const redeemed = grants.redeem(form.get('code') ?? '', { clientId: app.client_id, redirectUri: form.get('redirect_uri'), verifier: form.get('code_verifier') });
    if (redeemed.ok) return tokenBody(redeemed.issued, world.clock.now());
    return redeemed.reason === 'redirect_uri' ? tokenError('BAD_REDIRECT_URI', 'missing or invalid redirect uri', 'invalid_grant') : tokenError('BAD_AUTH_CODE', 'missing or unknown auth code', 'invalid_grant');
  }
  if (form.get('grant_type') === 'refresh_token') {
    const refreshed = grants.refresh(form.get('refresh_token') ?? '', app.client_id);
    return refreshed.ok ? tokenBody(refreshed.issued, world.clock.now()) : tokenError('BAD_REFRESH_TOKEN', 'missing or invalid refresh token', 'invalid_grant');
  }
  return tokenError('BAD_GRANT_TYPE', 'missing or unknown grant type', 'unsupported_grant_type');
}

function describeAccess(presented: string, world: World, grants: Grants): Reply {
  const found = grants.find(presented);
  if (found === null || found.state !== 'valid') return hubspotError(404, 'OBJECT_NOT_FOUND', 'access token not found or expired');
  const portal = found.grant.account;
  return json(200, {
    token: presented, user: `admin@portal-${portal}.example`, hub_domain: `portal-${portal}.example`, scopes: [...found.grant.scopes], hub_id: Number(portal), app_id: Number(app.app_id),
    expires_in: Math.max(0, Math.round(((found.expiresAt ?? 0) - world.clock.now()) / 1000)), user_id: 9_586_504, token_type: 'access',
  });
}

function describeRefresh(presented: string, grants: Grants): Reply {
  const grant = grants.findRefresh(presented);
  if (grant === null || grant.revoked) return hubspotError(404, 'OBJECT_NOT_FOUND', 'refresh token not found');
  return json(200, { token: presented, user: `admin@portal-${grant.account}.example`, hub_domain: `portal-${grant.account}.example`, scopes: [...grant.scopes], hub_id: Number(grant.account), client_id: grant.clientId, user_id: 9_586_504, token_type: 'refresh' });
}

export function createAccess(world: World): Access {
  const grants = createGrants({
    clock: world.clock, memory: world.memory('grants'), codeLifetimeMs: 60_000, accessLifetimeMs: () => lifetimeMs, refreshLifetimeMs: null, rotation: () => 'none',
    accessToken: () => `C${secretText(71)}`, refreshToken: () => `na1-${randomUUID().slice(0, 4)}-${randomUUID().slice(9, 13)}-${randomUUID()}`,
  });
  const tenSecondly = world.limits.limiter('ten_secondly', { limit: 110, windowMs: 10_000 });
  const daily = world.limits.limiter('daily', { limit: 250_000, windowMs: 86_400_000 });
  const consent = consentHandlers({
    vendorName: 'HubSpot (sandbox)', clientId: app.client_id, accounts: portals, grants, pkce: false, redirectAllowed: (uri) => world.redirectAllowed(uri),
    readScopes(query) {
      const wanted = (name: string): string[] => (query.get(name) ?? '').split(/[ ,]+/).filter(Boolean);
      const scopes = [...wanted('scope'), ...wanted('optional_scope')];
      const stranger = scopes.find((scope) => !scopePattern.test(scope));
      return stranger === undefined && wanted('scope').length > 0 ? { ok: true, scopes: [...new Set(scopes)] } : { ok: false, error: 'invalid_scope', description: `Unknown or missing scope ${stranger ?? ''}`.trim() };
    },
  });
  const keys = createKeyRing(sandboxKeys.hubspot, portals);
  const introspect = (call: Call): Reply => {
    const form = bodyFields(call);
    return form.get('token_type_hint') === 'refresh_token' ? describeRefresh(form.get('token') ?? '', grants) : describeAccess(form.get('token') ?? '', world, grants);
  };
  return {
    grants, tenSecondly, daily,
    routes: [
      route('GET app /oauth/authorize', consent.show, 'authorize'),
      route('POST app /oauth/authorize', consent.decide, 'authorize'),
      route('GET app /oauth/:portal/authorize', consent.show, 'authorize'),
      route('POST app /oauth/:portal/authorize', consent.decide, 'authorize'),
      ...['v1', 'v3'].map((version) => route(`POST api /oauth/${version}/token`, (call) => token(call, world, grants), 'token')),
      route('POST api /oauth/v3/token/introspect', introspect),
      route('POST api /oauth/v3/token/revoke', (call) => (grants.revokeToken(bodyFields(call).get('token') ?? ''), empty(200))),
      route('GET api /oauth/v1/access-tokens/:token', (call) => describeAccess(call.params['token'] ?? '', world, grants)),
      route('GET api /oauth/v1/refresh-tokens/:token', (call) => describeRefresh(call.params['token'] ?? '', grants)),
      route('DELETE api /oauth/v1/refresh-tokens/:token', (call) => (grants.revokeToken(call.params['token'] ?? '') ? empty(204) : hubspotError(404, 'OBJECT_NOT_FOUND', 'refresh token not found'))),
    ],
    identify: (call) => keys.identify(bearer(call)) ?? identifyGrant(grants, call),
    revokeWhere: (matches) => keys.revokeWhere(matches) + grants.revokeWhere(matches),
    admit(call, scope) {
      const presented = bearer(call);
      if (presented === null) return { ok: false, reply: unauthenticated() };
      const privateApp = keys.find(presented);
      const privatePortal = privateApp?.account ?? null;
      const found = grants.find(presented);
      const portal = privatePortal ?? found?.grant.account;
      if (portal === undefined || found?.state === 'revoked' || privateApp?.revoked === true) return { ok: false, reply: unauthenticated() };
      if (found?.state === 'expired') return { ok: false, reply: expired(Math.round((world.clock.now() - (found.expiresAt ?? 0)) / 1000)) };
      if (privatePortal !== null && !daily.take(portal).allowed) return { ok: false, reply: rateLimited('DAILY') };
      if (!tenSecondly.take(portal).allowed) return { ok: false, reply: rateLimited('TEN_SECONDLY_ROLLING') };
      const scopes = privatePortal === null ? (found?.grant.scopes ?? []) : null;
      if (scope !== null && scopes !== null && !scopes.includes(scope)) return { ok: false, reply: missingScopes([scope]) };
      return { ok: true, portal, scopes };
    },
  };
}
