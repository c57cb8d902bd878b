/**
 * Moving accounts: the state machine decides, and the new state, its record and its one outgoing event are written
 * in the caller's transaction. No other code writes `accounts.state`.
 */
import type { AccountState, AccountEventType } from '@evenkeel/contract/accounts.ts';
import type { AccountTransition } from '@evenkeel/contract/api/accounts.ts';
import type { AccountEventData } from '@evenkeel/contract/events.ts';
import { transition, type AccountEvent, type Decision } from '@evenkeel/core/accounts/state-machine.ts';
import type { Queryable } from '../database/pool.ts';
import { newId } from '../identifier.ts';
import { publishEvents } from '../outbound/publish.ts';
import { announceAccount, lockAccount, type AccountRow, type JsonObject } from './account-store.ts';

/** Who moves it, what is known about why, and what its owner is told. Evidence and message must be free of secrets. */
export interface Note {
  readonly actor: string;
  readonly evidence: JsonObject;
  readonly message?: string | null;
}

export type Moved = { readonly decision: Decision; readonly account: AccountRow | undefined };

/** The account of a row that is about to be made. */
export interface NewAccount {
  readonly id: string;
  readonly tenantId: string;
  readonly connectorId: string;
  readonly schemeId: string;
  readonly config: JsonObject;
  readonly captured: JsonObject;
}

/** Makes the account in the state the machine says a first submission leads to, with its transition and event. */
export async function createAccount(client: Queryable, account: NewAccount, note: Note): Promise<AccountRow> {
  const decision = transition(null, { type: 'credentials_submitted' });
  if (decision.kind !== 'moved') throw new Error('a first submission must make an account');
  const { rows } = await client.query<AccountRow>(
    `insert into accounts (id, tenant_id, connector_id, scheme_id, state, config, captured, setup_due_at)
     values ($1, $2, $3, $4, $5, $6, $7, now())
     returning *`,
    [account.id, account.tenantId, account.connectorId, account.schemeId, decision.to, account.config, account.captured],
  );
  const row = only(rows);
  await writeTransition(client, row, { from: null, to: decision.to, cause: decision.cause, emits: decision.emits }, note);
  return row;
}

/** Lets an event happen to an account: locks its row, decides, and writes what follows. A deleted account is unknown. */
export async function moveAccount(client: Queryable, accountId: string, event: AccountEvent, note: Note): Promise<Moved> {
  const before = await lockAccount(client, accountId);
  const decision = transition(before?.state ?? null, event);
  if (before === undefined || decision.kind === 'unchanged' || decision.kind === 'refused') return { decision, account: before };
  const to = decision.kind === 'moved' ? decision.to : null;
  const updated = await client.query<AccountRow>(
    `update accounts
     set state = coalesce($2, state),
         state_since = now(),
         message = $3,
         regranted = false,
         deleted_at = case when $2::text is null then now() end,
         setup_due_at = case when $2::text is null then null else setup_due_at end,
         updated_at = now()
     where id = $1
     returning *`,
    [accountId, to, to === 'active' ? null : (note.message ?? null)],
  );
  const account = only(updated.rows);
  await writeTransition(client, account, { from: before.state, to, cause: decision.cause, emits: decision.emits }, note);
  return { decision, account };
}

interface Step {
  readonly from: AccountState | null;
  readonly to: AccountState | null;
  readonly cause: string;
  readonly emits: AccountEventType;
}

async function writeTransition(client: Queryable, account: AccountRow, step: Step, note: Note): Promise<void> {
  const [eventId, transitionId] = [newId('evt'), newId('atr')];
  const payload: AccountEventData = {
    account_id: account.id,
    tenant_id: account.tenant_id,
    connector: account.connector_id,
    external_id: account.external_id,
    label: account.label,
    from: step.from,
    to: step.to,
    cause: step.cause,
    message: note.message ?? null,
    transition_id: transitionId,
    occurred_at: account.state_since.toISOString(),
  };
  await publishEvents(client, [{ id: eventId, tenantId: account.tenant_id, accountId: account.id, type: step.emits, data: payload }]);
  await client.query(
    `insert into account_transitions (id, account_id, tenant_id, from_state, to_state, cause, actor, evidence, event_id)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [transitionId, account.id, account.tenant_id, step.from, step.to, step.cause, note.actor, note.evidence, eventId],
  );
  await announceAccount(client, account.id);
}

interface TransitionRow {
  seq: number;
  id: string;
  account_id: string;
  from_state: AccountState | null;
  to_state: AccountState | null;
  cause: string;
  actor: string;
  evidence: JsonObject;
  event_id: string;
  at: Date;
}

/** Newest first. */
export async function listTransitions(database: Queryable, page: { accountId: string; limit: number; before: number | null }): Promise<TransitionRow[]> {
  const { rows } = await database.query<TransitionRow>(
    `select seq, id, account_id, from_state, to_state, cause, actor, evidence, event_id, at
     from account_transitions
     where account_id = $1 and ($2::bigint is null or seq < $2)
     order by seq desc
     limit $3`,
    [page.accountId, page.before, page.limit],
  );
  return rows;
}

export function shownTransition(row: TransitionRow): AccountTransition {
  const { id, account_id, from_state: from, to_state: to, cause, actor, evidence, event_id } = row;
  return { id, account_id, from, to, cause, actor, evidence, event_id, at: row.at.toISOString() };
}

function only<Row>(rows: readonly Row[]): Row {
  const row = rows[0];
  if (row === undefined) throw new Error('a statement with RETURNING gave no row');
  return row;
}
