/**
 * Which version of a connector an account works on, and what rolling out and rolling back make of it. A new version
 * may be tried on a share of accounts: an account's place is a hash of connector, version and account, so that it is
 * the same on every node, stays when the share grows, and differs from one trial to the next.
 */

/** `stable` serves everyone but the candidate's share. `percent` is from 1 to 99. */
export interface Rollout {
  readonly stable: number;
  readonly candidate: { readonly version: number; readonly percent: number } | null;
}

export type RolloutDecision = { readonly ok: true; readonly rollout: Rollout } | { readonly ok: false; readonly message: string };

/** The version for one account; without an account the stable one. */
export function versionFor(connectorId: string, rollout: Rollout, accountId: string | undefined): number {
  const { stable, candidate } = rollout;
  if (candidate === null || accountId === undefined) return stable;
  return placeOf(connectorId, candidate.version, accountId) < candidate.percent ? candidate.version : stable;
}

/** The account's place in a trial, from 0 inclusive to 100 exclusive, evenly spread: FNV-1a with the finaliser of MurmurHash3. */
export function placeOf(connectorId: string, version: number, accountId: string): number {
  let hash = 0x811c9dc5;
  const text = `${connectorId}\n${version}\n${accountId}`;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (((hash ^ (hash >>> 16)) >>> 0) / 0x1_0000_0000) * 100;
}

/** What a rollout refuses, in words; the present state stays as it is. */
export function rollOut(present: Rollout | null, version: number, percent: number): RolloutDecision {
  if (!Number.isInteger(percent) || percent < 0 || percent > 100) return refused(`percent must be a whole number from 0 to 100, not ${percent}.`);
  if (present === null) {
    if (percent === 100) return { ok: true, rollout: { stable: version, candidate: null } };
    return refused('The first version of a connector serves every account: there is no other for the rest. Put it with percent 100.');
  }
  if (percent === 100) return { ok: true, rollout: { stable: version, candidate: null } };
  if (version === present.stable && percent > 0) {
    return refused(`Version ${version} is the stable one and serves every account outside a trial. Name another version, or end the trial with a rollback.`);
  }
  if (percent > 0) return { ok: true, rollout: { stable: present.stable, candidate: { version, percent } } };
  // 0 % ends this version's trial and no other's.
  return { ok: true, rollout: present.candidate?.version === version ? { stable: present.stable, candidate: null } : present };
}

/**
 * Without a version a trial ends, or else the newest earlier version that once was stable returns. `onceStable` lists
 * those versions in any order. With a version, that one becomes stable.
 */
export function rollBack(present: Rollout, onceStable: readonly number[], version?: number): RolloutDecision {
  if (version !== undefined) {
    if (version === present.stable && present.candidate === null) return refused(`Version ${version} is in effect already.`);
    return { ok: true, rollout: { stable: version, candidate: null } };
  }
  if (present.candidate !== null) return { ok: true, rollout: { stable: present.stable, candidate: null } };
  const earlier = Math.max(...onceStable.filter((one) => one < present.stable));
  if (!Number.isFinite(earlier)) return refused(`Version ${present.stable} is the first that was ever in effect. Name a version to go to, or put a new one.`);
  return { ok: true, rollout: { stable: earlier, candidate: null } };
}

const refused = (message: string): RolloutDecision => ({ ok: false, message });
