/** Who a call is from, by the bearer token or by the token in a token request's form. */
import { bearer, bodyFields, type Call } from './exchange.ts';
import type { Grants } from './grants.ts';
import type { Identity } from './vendor.ts';

/** Null for no token or an unknown one; expired and revoked ones are still known. */
export function identifyGrant(grants: Grants, call: Call): Identity | null {
  const presented = bearer(call) ?? bodyFields(call).get('refresh_token') ?? bodyFields(call).get('token');
  if (presented === null) return null;
  const found = grants.find(presented);
  const account = found?.grant.account ?? grants.findRefresh(presented)?.account;
  return account === undefined ? null : { account, token: presented, issuedAt: found?.issuedAt ?? null };
}

/** The number of an error status in a fault's params, else the fallback. */
export const statusOf = (details: Readonly<Record<string, unknown>>, fallback: number): number => (typeof details['status'] === 'number' ? details['status'] : fallback);
