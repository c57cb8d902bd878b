/**
 * What every token endpoint has in common: the client proves itself, then a code is redeemed or a grant refreshed
 * (RFC 6749 sections 4.1.3 and 6). How success and refusal are worded is the vendor's.
 */
import type { SandboxApp } from './apps.ts';
import { clientCredentials } from './client-credentials.ts';
import { bodyFields, type Call } from './exchange.ts';
import type { Grants, Issued } from './grants.ts';

export type GrantExchange =
  | { ok: true; how: 'code' | 'refresh'; issued: Issued }
  | { ok: false; reason: 'client' | 'code' | 'redirect_uri' | 'pkce' | 'refresh' | 'grant_type' };

export function exchangeGrant(call: Call, app: SandboxApp, grants: Grants): GrantExchange {
  const client = clientCredentials(call);
  if (client.id !== app.client_id || client.secret !== app.client_secret) return { ok: false, reason: 'client' };
  const form = bodyFields(call);
  if (form.get('grant_type') === 'authorization_code') {
    const redeemed = grants.redeem(form.get('code') ?? '', { clientId: app.client_id, redirectUri: form.get('redirect_uri'), verifier: form.get('code_verifier') });
    return redeemed.ok ? { ok: true, how: 'code', issued: redeemed.issued } : { ok: false, reason: redeemed.reason };
  }
  if (form.get('grant_type') !== 'refresh_token') return { ok: false, reason: 'grant_type' };
  const refreshed = grants.refresh(form.get('refresh_token') ?? '', app.client_id);
  return refreshed.ok ? { ok: true, how: 'refresh', issued: refreshed.issued } : { ok: false, reason: 'refresh' };
}

/** Seconds an issued token has left; undefined when it has no end. */
export const secondsLeft = (issued: Issued, now: number): number | undefined => (issued.expiresAt === null ? undefined : Math.round((issued.expiresAt - now) / 1000));
