/** What the authorisation server keeps of a grant and its tokens, and how that outlives a restart as JSON. Codes do not: they live for minutes. */
import { asArray, asObject, asText, type Json } from './json.ts';

export interface Grant {
  readonly id: string;
  readonly account: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly createdAt: number;
  /** What the vendor wants to remember, e.g. the scopes of a second token. */
  readonly extra: Readonly<Record<string, string>>;
  revoked: boolean;
}
export interface AccessRecord {
  readonly grant: Grant;
  readonly issuedAt: number;
  readonly expiresAt: number | null;
  revoked: boolean;
}
export interface RefreshRecord {
  readonly grant: Grant;
  readonly issuedAt: number;
  /** Set when a newer token took over. */
  state: 'live' | 'superseded' | 'spent';
  readonly previous: RefreshRecord | null;
}

interface Records {
  readonly accesses: Map<string, AccessRecord>;
  readonly refreshes: Map<string, RefreshRecord>;
}

/** Access tokens that ended before `endedBefore` are left out. */
export function describeGrants({ accesses, refreshes }: Records, endedBefore: number): Json {
  const live = [...accesses].filter(([, { expiresAt }]) => expiresAt === null || expiresAt >= endedBefore);
  const grants = new Set([...live.map(([, { grant }]) => grant), ...[...refreshes.values()].map(({ grant }) => grant)]);
  const tokenOf = new Map([...refreshes].map(([token, record]) => [record, token]));
  return {
    grants: [...grants].map((grant) => ({ ...grant, scopes: [...grant.scopes], extra: { ...grant.extra } })),
    accesses: live.map(([token, { grant, issuedAt, expiresAt, revoked }]) => ({ token, grant: grant.id, issuedAt, expiresAt, revoked })),
    refreshes: [...refreshes].map(([token, { grant, issuedAt, state, previous }]) => ({ token, grant: grant.id, issuedAt, state, previous: previous === null ? null : (tokenOf.get(previous) ?? null) })),
  };
}

/** Fills the records from what `describeGrants` wrote; anything that is not understood is left out. */
export function restoreGrants({ accesses, refreshes }: Records, kept: Json | undefined): void {
  const source = asObject(kept);
  const grants = new Map<string, Grant>();
  for (const one of asArray(source?.['grants']).map(asObject)) {
    if (one === null) continue;
    const extra = Object.fromEntries(Object.entries(asObject(one['extra']) ?? {}).map(([name, value]) => [name, asText(value)]));
    const grant = { id: asText(one['id']), account: asText(one['account']), clientId: asText(one['clientId']), scopes: asArray(one['scopes']).map(asText), createdAt: numberOf(one['createdAt']), extra, revoked: one['revoked'] === true };
    grants.set(grant.id, grant);
  }
  for (const one of asArray(source?.['accesses']).map(asObject)) {
    const grant = grants.get(asText(one?.['grant']));
    if (one === null || grant === undefined) continue;
    accesses.set(asText(one['token']), { grant, issuedAt: numberOf(one['issuedAt']), expiresAt: one['expiresAt'] === null ? null : numberOf(one['expiresAt']), revoked: one['revoked'] === true });
  }
  // A token is written after the one it replaced, so that one is known already.
  for (const one of asArray(source?.['refreshes']).map(asObject)) {
    const grant = grants.get(asText(one?.['grant']));
    const state = one?.['state'];
    if (one === null || grant === undefined || (state !== 'live' && state !== 'superseded' && state !== 'spent')) continue;
    refreshes.set(asText(one['token']), { grant, issuedAt: numberOf(one['issuedAt']), state, previous: refreshes.get(asText(one['previous'])) ?? null });
  }
}

function numberOf(value: Json | undefined): number {
  return typeof value === 'number' ? value : 0;
}
