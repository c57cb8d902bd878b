/**
 * Connect sessions and the OAuth states they lead to. Tokens and states are 256 random bits, stored as SHA-256 only; a
 * state is used once, before it ends, by the browser it was given to.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Queryable } from '../../database/pool.ts';
import { newId } from '../../identifier.ts';
import type { JsonObject } from '../account-store.ts';

export const sessionLifetimeMs = 24 * 3_600_000;
const stateLifetimeMs = 15 * 60_000;

export interface SessionRow {
  id: string;
  tenant_id: string;
  connector_id: string;
  scheme_id: string;
  account_id: string | null;
  reauthorises: boolean;
  return_url: string | null;
  status: 'open' | 'submitted';
  fields: JsonObject;
  notice: string | null;
  expires_at: Date;
}

export const hashToken = (token: string): Buffer => createHash('sha256').update(token).digest();
export const newToken = (): string => randomBytes(32).toString('base64url');

export interface NewSession {
  readonly tenantId: string;
  readonly connectorId: string;
  readonly schemeId: string;
  readonly accountId: string | null;
  readonly returnUrl: string | null;
  readonly createdBy: string;
}

/** Returns the token in clear, this once. */
export async function createSession(database: Queryable, session: NewSession): Promise<{ id: string; token: string; expiresAt: Date }> {
  const [id, token] = [newId('ses'), newToken()];
  const { rows } = await database.query<{ expires_at: Date }>(
    `insert into connect_sessions (id, token_hash, tenant_id, connector_id, scheme_id, account_id, reauthorises, return_url, created_by, expires_at)
     values ($1, $2, $3, $4, $5, $6, $6::text is not null, $7, $8, now() + $9 * interval '1 millisecond')
     returning expires_at`,
    [id, hashToken(token), session.tenantId, session.connectorId, session.schemeId, session.accountId, session.returnUrl, session.createdBy, sessionLifetimeMs],
  );
  const row = rows[0];
  if (row === undefined) throw new Error('insert into connect_sessions returned no row');
  return { id, token, expiresAt: row.expires_at };
}

/** Undefined for a token that was never given out; `expired` for one whose time is over. */
export async function findSession(database: Queryable, token: string): Promise<{ session: SessionRow; expired: boolean } | undefined> {
  const { rows } = await database.query<SessionRow & { expired: boolean }>('select *, expires_at <= now() as expired from connect_sessions where token_hash = $1', [hashToken(token)]);
  const row = rows[0];
  return row === undefined ? undefined : { session: row, expired: row.expired };
}

/** Locks an open session for taking credentials; undefined when it was used or has ended meanwhile. */
export async function lockOpenSession(client: Queryable, id: string): Promise<SessionRow | undefined> {
  const { rows } = await client.query<SessionRow>(`select * from connect_sessions where id = $1 and status = 'open' and expires_at > now() for update`, [id]);
  return rows[0];
}

export async function markSubmitted(client: Queryable, id: string, accountId: string, fields: JsonObject): Promise<void> {
  await client.query(`update connect_sessions set status = 'submitted', account_id = $2, fields = $3, notice = null where id = $1`, [id, accountId, fields]);
}

/** What the owner is to correct; the page shows the form again with it. */
export async function noteOnSession(database: Queryable, id: string, notice: string): Promise<void> {
  await database.query(`update connect_sessions set notice = $2 where id = $1`, [id, notice]);
}

/** Opens the sessions that led to credentials which did not work, so that their owner can give others. */
export async function reopenSessions(client: Queryable, accountId: string, notice: string): Promise<void> {
  await client.query(`update connect_sessions set status = 'open', notice = $2 where account_id = $1 and status = 'submitted' and expires_at > now()`, [accountId, notice]);
}

export interface StateRow {
  session_id: string;
  browser_hash: Buffer;
  sealed: Buffer;
  config: JsonObject;
  redirect_uri: string;
  expired: boolean;
  used: boolean;
}

export async function createState(database: Queryable, state: { hash: Buffer; sessionId: string; browserHash: Buffer; sealed: Buffer; config: JsonObject; redirectUri: string }): Promise<void> {
  await database.query(
    `insert into oauth_states (state_hash, session_id, browser_hash, sealed, config, redirect_uri, expires_at)
     values ($1, $2, $3, $4, $5, $6, now() + $7 * interval '1 millisecond')`,
    [state.hash, state.sessionId, state.browserHash, state.sealed, state.config, state.redirectUri, stateLifetimeMs],
  );
}

export async function findState(database: Queryable, hash: Buffer): Promise<StateRow | undefined> {
  const { rows } = await database.query<StateRow>('select *, expires_at <= now() as expired, used_at is not null as used from oauth_states where state_hash = $1', [hash]);
  return rows[0];
}

/** True for exactly one caller. What was sealed for the way there and back is wiped with it. */
export async function useState(database: Queryable, hash: Buffer): Promise<boolean> {
  const { rowCount } = await database.query(`update oauth_states set used_at = now(), sealed = '' where state_hash = $1 and used_at is null and expires_at > now()`, [hash]);
  return rowCount === 1;
}

/** Removes states a day after their end, and sessions a month after theirs. */
export async function removeEndedSessions(database: Queryable): Promise<void> {
  await database.query(`delete from oauth_states where expires_at < now() - interval '1 day'`);
  await database.query(`delete from connect_sessions where expires_at < now() - interval '30 days'`);
}
