/**
 * Keeps due times right when a connector changes: its lifetimes and leads hold for tokens granted before, too. Which
 * revision of the connector they fit stands in the database, so that a change is made up for whoever made it and however
 * (put, rolled out, back, or come with a release), once, by whichever nodes are there, and on after a crash.
 */
import { randomInt } from 'node:crypto';
import { isRenewable } from '@evenkeel/core/accounts/connect-steps.ts';
import { refreshOf } from '@evenkeel/core/accounts/refresh-rules.ts';
import { adjustedDue } from '@evenkeel/core/accounts/token.ts';
import { transaction, type Pool, type Queryable } from '../../database/pool.ts';
import type { Log } from '../../log.ts';
import { openCredential, type CredentialRow } from '../credential-store.ts';
import { SealBroken, type Vault } from '../vault/vault.ts';
import type { ConnectorSource } from '../vendor.ts';

export interface DueTimesParts {
  readonly pool: Pool;
  readonly vault: Vault;
  readonly connectors: ConnectorSource;
  /** Of every connector, as this node serves it now; grows with each change. */
  readonly revisions: () => readonly ConnectorRevision[];
  readonly log: Log;
}

export interface ConnectorRevision {
  readonly id: string;
  readonly revision: number;
}

/** Accounts looked at in one transaction. */
const batchSize = 500;
/** In this order, newest first: as the index on accounts has them. What is still connecting gets its times anew. */
const states = ['active', 'needs_reauth', 'post_install_error', 'validation_error'] as const;

export class DueTimes {
  readonly #parts: DueTimesParts;
  /** Up to which revision this process knows them to be right. */
  readonly #fitting = new Map<string, number>();
  #running: Promise<number> | undefined;
  #closed = false;

  constructor(parts: DueTimesParts) {
    this.#parts = parts;
  }

  /** Looks whether a connector has changed, and corrects what is due otherwise. Resolves with how many accounts that were. */
  adjust(): Promise<number> {
    this.#running ??= this.#adjust().finally(() => (this.#running = undefined));
    return this.#running;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#running?.catch(() => undefined);
  }

  async #adjust(): Promise<number> {
    let moved = 0;
    for (const { id, revision } of this.#parts.revisions()) {
      if (this.#fitting.get(id) === revision) continue;
      for (let more = true; more && !this.#closed; ) {
        const batch = await this.#batch(id, revision);
        moved += batch.moved;
        more = batch.outcome === 'more';
        if (batch.outcome === 'done') this.#fitting.set(id, revision);
      }
    }
    return moved;
  }

  /** `elsewhere`: another node is at it, or has seen a newer revision than this one. */
  #batch(connectorId: string, revision: number): Promise<{ outcome: 'more' | 'done' | 'elsewhere'; moved: number }> {
    const { pool, log } = this.#parts;
    return transaction(pool, async (client) => {
      const taken = await takePosition(client, connectorId, revision);
      if (taken === undefined) return { outcome: 'elsewhere', moved: 0 };
      const { position } = taken;
      if (position === null) return { outcome: 'done', moved: 0 };
      const rows = await readScheduled(client, connectorId, position);
      const changes = rows.flatMap((row) => {
        const dueAtMs = this.#dueOf(row);
        return dueAtMs === undefined || dueAtMs === (row.refresh_due_at?.getTime() ?? null) ? [] : [{ id: row.account_id, version: row.version, dueAtMs }];
      });
      const moved = await writeDue(client, changes);
      const next = positionAfter(position, rows);
      await client.query('update refresh_rules set position = $2 where connector_id = $1', [connectorId, next]);
      if (moved > 0) log.info({ connector: connectorId, revision, accounts: moved }, 'accounts: the connector has changed, refreshes are due at other times');
      return { outcome: next === null ? 'done' : 'more', moved };
    });
  }

  /** Undefined: as it is. */
  #dueOf(row: ScheduledRow): number | null | undefined {
    const { connectors, vault } = this.#parts;
    const scheme = connectors.get(row.connector_id, row.account_id)?.connector.scheme(row.account_scheme_id)?.source;
    const refresh = scheme === undefined ? undefined : refreshOf(scheme);
    if (scheme === undefined) return undefined;
    const times = { grantedAtMs: (row.refreshed_at ?? row.granted_at).getTime(), expiresAtMs: row.expires_at?.getTime() ?? null, refresh };
    const dueAtMs = adjustedDue({ ...times, dueAtMs: row.refresh_due_at?.getTime() ?? null, random: randomInt(1_000_000) / 1_000_000 });
    // What has no due time may be what cannot be renewed.
    if (row.refresh_due_at !== null || dueAtMs === null) return dueAtMs;
    try {
      return isRenewable(scheme, openCredential(vault, row).token) ? dueAtMs : undefined;
    } catch (error) {
      if (error instanceof SealBroken) return undefined;
      throw error;
    }
  }
}

/** A state and the last account of it that was looked at. */
const startOf = (state: string): string => `${state} ~`;

function positionAfter(position: string, rows: readonly ScheduledRow[]): string | null {
  const [state = ''] = position.split(' ');
  const last = rows.at(-1);
  if (last !== undefined && rows.length === batchSize) return `${state} ${last.account_id}`;
  const next = states[states.findIndex((one) => one === state) + 1];
  return next === undefined ? null : startOf(next);
}

/** Where to go on; null: nowhere, all is done. Undefined when it is not for this node to go on. */
async function takePosition(client: Queryable, connectorId: string, revision: number): Promise<{ readonly position: string | null } | undefined> {
  await client.query(`insert into refresh_rules (connector_id, revision, position) values ($1, $2, $3) on conflict do nothing`, [connectorId, revision, startOf(states[0])]);
  const { rows } = await client.query<{ revision: number; position: string | null }>('select revision, position from refresh_rules where connector_id = $1 for update skip locked', [connectorId]);
  const [row] = rows;
  if (row === undefined || row.revision > revision) return undefined;
  if (row.revision === revision) return { position: row.position };
  await client.query(`update refresh_rules set revision = $2, position = $3 where connector_id = $1`, [connectorId, revision, startOf(states[0])]);
  return { position: startOf(states[0]) };
}

type ScheduledRow = CredentialRow & { readonly account_scheme_id: string };

/** Those that wait for their time: not the ones being renewed, backing off, held for a lost answer, or refused. */
async function readScheduled(client: Queryable, connectorId: string, position: string): Promise<ScheduledRow[]> {
  const { rows } = await client.query<ScheduledRow>(
    `select c.*, a.scheme_id as account_scheme_id
     from accounts a join credentials c on c.account_id = a.id and c.slot = 'current'
     where a.connector_id = $1 and a.state = $2 and a.id < $3 and a.deleted_at is null
       and c.refresh_failures = 0 and c.in_doubt_since is null and (c.lease_until is null or c.lease_until < clock_timestamp())
       and (a.state <> 'needs_reauth' or a.regranted)
     order by a.id desc limit ${batchSize}`,
    [connectorId, ...position.split(' ')],
  );
  return rows;
}

async function writeDue(client: Queryable, changes: readonly { id: string; version: number; dueAtMs: number | null }[]): Promise<number> {
  if (changes.length === 0) return 0;
  const { rowCount } = await client.query(
    `update credentials c set refresh_due_at = d.due_at
     from unnest($1::text[], $2::bigint[], $3::timestamptz[]) as d (account_id, version, due_at)
     where c.account_id = d.account_id and c.slot = 'current' and c.version = d.version
       and c.refresh_failures = 0 and (c.lease_until is null or c.lease_until < clock_timestamp())`,
    [changes.map(({ id }) => id), changes.map(({ version }) => version), changes.map(({ dueAtMs }) => (dueAtMs === null ? null : new Date(dueAtMs)))],
  );
  return rowCount ?? 0;
}
