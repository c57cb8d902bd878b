/**
 * Tokens that end before their stated time. A refusal alone proves nothing (an endpoint may answer 401 for its own
 * reasons): it counts once a call has passed with the next token. The differences tell which connectors state lifetimes
 * that are too long (shown by GET /v1/monitoring/token-drift); `refresh.effective_lifetime_s` of the manifest shortens them.
 */
import type { Queryable } from '../../database/pool.ts';
import { noteCredentialEvent } from './credential-events.ts';

export interface EarlyEnd {
  readonly accountId: string;
  readonly tenantId: string;
  readonly connectorId: string;
  readonly version: number;
  /** The end that was stated, and the refusal before it. */
  readonly expectedAtMs: number;
  readonly failedAtMs: number;
}

interface Proof {
  readonly id: string;
  readonly credentialVersion: number;
}

const remembered = 10_000;

/** Refusals that wait for their proof. In this process only: a restart loses a figure, nothing else. */
export class DriftWatch {
  readonly #refused = new Map<string, EarlyEnd>();

  /** A token was refused before its end and a newer one is stored now. */
  refused(end: EarlyEnd): void {
    if (this.#refused.size >= remembered) this.#refused.clear();
    this.#refused.set(end.accountId, end);
  }

  /** A call passed: the refusal of an earlier version, if one waits, was the token's own end. Free when none waits. */
  proven({ id, credentialVersion }: Proof): EarlyEnd | undefined {
    if (this.#refused.size === 0) return undefined;
    const end = this.#refused.get(id);
    if (end === undefined || credentialVersion <= end.version) return undefined;
    this.#refused.delete(id);
    return end;
  }

  /** The newer token was refused as well: the access was taken back, or the endpoint refuses everybody. */
  dismiss(accountId: string): void {
    this.#refused.delete(accountId);
  }
}

/** Once for each version. The lifetime is that of the timeline's entry for the version, where it is still known. */
export async function storeDrift(database: Queryable, end: EarlyEnd): Promise<void> {
  const { accountId, version, connectorId, tenantId, expectedAtMs, failedAtMs } = end;
  const [expectedAt, failedAt] = [new Date(expectedAtMs), new Date(failedAtMs)];
  const { rowCount } = await database.query(
    `insert into token_drift (connector_id, account_id, tenant_id, credential_version, expected_at, failed_at, drift_s, lifetime_s)
     values ($1, $2, $3, $4, $5, $6, $7, (
       select extract(epoch from $5::timestamptz - at)::integer from credential_events
       where account_id = $2 and version = $4 and outcome in ('granted', 'refreshed') and expires_at is not null
       limit 1))
     on conflict do nothing`,
    [connectorId, accountId, tenantId, version, expectedAt, failedAt, Math.round((expectedAtMs - failedAtMs) / 1000)],
  );
  if (rowCount !== 1) return;
  await noteCredentialEvent(database, { accountId, version, outcome: 'ended_early', actor: 'system:401', message: `Refused ${Math.round((expectedAtMs - failedAtMs) / 1000)} s before its stated end.`, expiresAt: expectedAt });
}

const keptDays = 90;

/** Removes what is older than 90 days. */
export async function forgetOldDrift(database: Queryable): Promise<number> {
  const { rowCount } = await database.query(`delete from token_drift where failed_at < now() - interval '${keptDays} days'`);
  return rowCount ?? 0;
}
