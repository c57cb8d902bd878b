/**
 * The timeline of a credential: what became of each version, the newest of them kept. Written with what it tells of;
 * never holds a secret. Repeated outcomes of one version are one row with a count, so that an outage of a day stays small.
 */
import type { CredentialEvent } from '@evenkeel/contract/api/accounts.ts';
import type { Queryable } from '../../database/pool.ts';

export type CredentialOutcome = CredentialEvent['outcome'];

/** Versions of which an account keeps its events. */
export const keptVersions = 50;

export interface EventNote {
  readonly accountId: string;
  readonly version: number;
  readonly outcome: CredentialOutcome;
  readonly actor: string;
  readonly message?: string | null;
  readonly expiresAt?: Date | null;
  readonly nextDueAt?: Date | null;
}

/** Repeats count up; the actor, message and due time are those of the last one. */
export async function noteCredentialEvent(database: Queryable, note: EventNote): Promise<void> {
  await database.query({
    name: 'note-credential-event',
    text: `insert into credential_events as e (account_id, version, outcome, actor, message, expires_at, next_due_at)
           values ($1, $2, $3, $4, $5, $6, $7)
           on conflict (account_id, version, outcome) do update
           set attempts = e.attempts + 1, at = now(), actor = excluded.actor, message = excluded.message, expires_at = excluded.expires_at, next_due_at = excluded.next_due_at`,
    values: [note.accountId, note.version, note.outcome, note.actor, note.message ?? null, note.expiresAt ?? null, note.nextDueAt ?? null],
  });
}

/** New credentials of the owner were put in place. Older versions are forgotten on the way. */
export async function noteGranted(database: Queryable, accountId: string, times: { expiresAtMs: number | null; refreshDueAtMs: number | null }): Promise<void> {
  const { rows } = await database.query<{ version: number }>(`select version from credentials where account_id = $1 and slot = 'current'`, [accountId]);
  const version = rows[0]?.version;
  if (version === undefined) return;
  const date = (ms: number | null): Date | null => (ms === null ? null : new Date(ms));
  await noteCredentialEvent(database, { accountId, version, outcome: 'granted', actor: 'owner', expiresAt: date(times.expiresAtMs), nextDueAt: date(times.refreshDueAtMs) });
  await database.query('delete from credential_events where account_id = $1 and version <= $2', [accountId, version - keptVersions]);
}

interface EventRow {
  version: number;
  outcome: CredentialOutcome;
  actor: string;
  attempts: number;
  first_at: Date;
  at: Date;
  message: string | null;
  expires_at: Date | null;
  next_due_at: Date | null;
}

/** Newest first. */
export async function readTimeline(database: Queryable, accountId: string, limit: number): Promise<CredentialEvent[]> {
  const { rows } = await database.query<EventRow>(
    `select version, outcome, actor, attempts, first_at, at, message, expires_at, next_due_at
     from credential_events
     where account_id = $1
     order by at desc, version desc
     limit $2`,
    [accountId, limit],
  );
  const iso = (date: Date | null): string | null => date?.toISOString() ?? null;
  return rows.map((row) => ({
    at: row.at.toISOString(),
    first_at: row.first_at.toISOString(),
    outcome: row.outcome,
    attempts: row.attempts,
    version: row.version,
    actor: row.actor,
    message: row.message,
    expires_at: iso(row.expires_at),
    next_due_at: iso(row.next_due_at),
  }));
}
