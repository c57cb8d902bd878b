/**
 * Standing tasks as rows: subscriptions, pulls and backfills of accounts. A task is made once for each account of a
 * connector that declares it, is worked on under a lease by one node at a time, and says itself when it is due again.
 */
import type { GrantFailure } from '@evenkeel/core/accounts/token.ts';
import type { Queryable } from '../../database/pool.ts';

export type TaskKind = 'subscription' | 'pull' | 'backfill';
export interface DeclaredTask {
  readonly connectorId: string;
  readonly kind: TaskKind;
  readonly name: string;
}

/** Where a task goes on from; free of secrets. */
export interface Progress {
  readonly registered_at?: number;
  readonly checked_at?: number;
  /** Of a pull: the newest `updated_at` read, in epoch milliseconds. */
  readonly newest?: number;
  /** Of a backfill: the cursor of the next page. */
  readonly cursor?: string;
  /** How often reading began anew, since the vendor did not go on from where it had come to. */
  readonly restarts?: number;
  /** Of a feed: where it goes on, in the vendor's own words. */
  readonly feed?: unknown;
}

export interface Task {
  readonly account_id: string;
  readonly kind: TaskKind;
  readonly name: string;
  readonly connector_id: string;
  readonly tenant_id: string;
  readonly state: 'starting' | TaskEnd['state'];
  readonly progress: Progress;
  readonly expires_at: Date | null;
  readonly failures: number;
  readonly lease_fence: number;
  /** How often a process that had taken it did not come to an end with it. */
  readonly lost: number;
}

/** Why it failed, as set-up keeps it for evidence. */
export type TaskFailure = Pick<GrantFailure, 'kind' | 'status' | 'vendorCode' | 'retryAfterS'>;

/** What a turn of work leaves. `dueAtMs` null: nothing will be due. */
export interface TaskEnd {
  /** `failed`: given up; somebody has to ask for it again. */
  readonly state: 'active' | 'failing' | 'failed' | 'done' | 'removed';
  readonly dueAtMs: number | null;
  /** Null: as it was last stored. */
  readonly progress: Progress | null;
  readonly expiresAtMs?: number | null;
  readonly recreated?: number;
  /** What was counted so far counts no more: it is read from the start. */
  readonly startedOver?: true;
  /** In a row; default one more than before. */
  readonly failures?: number;
  /** Why it failed; null: it succeeded. */
  readonly error: string | null;
  readonly failure?: TaskFailure;
}

/**
 * Makes the tasks that active accounts of these connectors do not have yet. `accountId`: of this account only. Tasks of
 * deleted accounts are not due any more.
 */
export async function planTasks(database: Queryable, declared: readonly DeclaredTask[], accountId: string | null, limit = 1_000): Promise<number> {
  const { rowCount } = await database.query(
    `insert into inbound_tasks (account_id, kind, name, connector_id, tenant_id)
     select a.id, d.kind, d.name, a.connector_id, a.tenant_id
     from accounts a join unnest($1::text[], $2::text[], $3::text[]) as d (connector_id, kind, name) on d.connector_id = a.connector_id
     where a.state = 'active' and a.deleted_at is null and ($4::text is null or a.id = $4)
       and not exists (select from inbound_tasks t where t.account_id = a.id and t.kind = d.kind and t.name = d.name)
     limit $5
     on conflict do nothing`,
    [declared.map(({ connectorId }) => connectorId), declared.map(({ kind }) => kind), declared.map(({ name }) => name), accountId, limit],
  );
  return rowCount ?? 0;
}

const taken = 't.account_id, t.kind, t.name, t.connector_id, t.tenant_id, t.state, t.progress, t.expires_at, t.failures, t.lease_fence, t.lost';
const lost = 't.lost + case when t.lease_owner <> $1 then 1 else 0 end';

/** Undefined when there is none yet. */
export async function stateOfTask(database: Queryable, { accountId, kind, name }: { readonly accountId: string; readonly kind: TaskKind; readonly name: string }): Promise<Task['state'] | undefined> {
  const { rows } = await database.query<Pick<Task, 'state'>>('select state from inbound_tasks where account_id = $1 and kind = $2 and name = $3', [accountId, kind, name]);
  return rows[0]?.state;
}

/** Makes one task, of an account that need not be active yet, and takes it; undefined when somebody else has it. */
export async function takeTask(database: Queryable, task: DeclaredTask & { readonly accountId: string; readonly tenantId: string }, owner: string, leaseS: number): Promise<Task | undefined> {
  const { rows } = await database.query<Task>(
    `insert into inbound_tasks as t (account_id, kind, name, connector_id, tenant_id, lease_owner, lease_until, lease_fence)
     values ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7), 1)
     on conflict (account_id, kind, name) do update
     set lease_owner = excluded.lease_owner, lease_until = excluded.lease_until, lease_fence = t.lease_fence + 1
     where t.lease_until is null or t.lease_until < now()
     returning ${taken}`,
    [task.accountId, task.kind, task.name, task.connectorId, task.tenantId, owner, leaseS],
  );
  return rows[0];
}

/** Of a deleted account: nothing is due any more. */
export async function removeTasks(client: Queryable, accountId: string): Promise<void> {
  await client.query(`update inbound_tasks set state = 'removed', due_at = null, finished_at = now(), lease_owner = null, lease_until = null, lease_fence = lease_fence + 1 where account_id = $1`, [accountId]);
}

/** Takes what is due, the longest due first, of other connectors than `without`. Another node's task is taken over when its lease has ended. */
export async function claimTasks(database: Queryable, owner: string, leaseS: number, { limit, without }: { readonly limit: number; readonly without: readonly string[] }): Promise<Task[]> {
  const { rows } = await database.query<Task>({
    name: 'claim-inbound-tasks',
    text: `with due as (
             select account_id, kind, name from inbound_tasks
             where due_at <= now() and (lease_until is null or lease_until < now()) and connector_id <> all ($4)
               -- Of an account that is being set up, set-up itself takes them.
               and not exists (select from accounts a where a.id = account_id and a.setup_due_at is not null)
             order by due_at limit $3
             for update skip locked
           )
           update inbound_tasks t
           set lease_owner = $1, lease_until = now() + make_interval(secs => $2), lease_fence = t.lease_fence + 1, lost = ${lost}
           from due where (t.account_id, t.kind, t.name) = (due.account_id, due.kind, due.name)
           returning ${taken}`,
    values: [owner, leaseS, limit, without],
  });
  return rows;
}

/** Holds a task on while its turn goes on; nothing when somebody else has it by now. */
export async function holdTask(database: Queryable, task: Task, leaseS: number): Promise<void> {
  await database.query('update inbound_tasks set lease_until = now() + make_interval(secs => $5) where account_id = $1 and kind = $2 and name = $3 and lease_fence = $4 and lease_owner is not null', [
    task.account_id, task.kind, task.name, task.lease_fence, leaseS,
  ]);
}

/** Keeps what was read so far, in the transaction that stores it; false when somebody else has the task by now. */
export async function advanceTask(client: Queryable, task: Task, advance: { readonly progress: Progress; readonly pages: number; readonly records: number; readonly leaseS: number }): Promise<boolean> {
  const { rowCount } = await client.query(
    `update inbound_tasks set progress = $5, pages = pages + $6, records = records + $7, lost = 0, lease_until = now() + make_interval(secs => $8)
     where account_id = $1 and kind = $2 and name = $3 and lease_fence = $4`,
    [task.account_id, task.kind, task.name, task.lease_fence, advance.progress, advance.pages, advance.records, advance.leaseS],
  );
  return rowCount === 1;
}

/** Ends a turn and gives the lease back; changes nothing when somebody else has the task by now. */
export async function endTask(database: Queryable, task: Task, end: TaskEnd): Promise<void> {
  const date = (ms: number | null | undefined): Date | null => (ms === null || ms === undefined ? null : new Date(ms));
  await database.query(
    `update inbound_tasks
     set state = $5, due_at = $6, progress = coalesce($7, progress), expires_at = $8, recreated = recreated + $9, failures = $10, last_error = $11,
         pages = case when $12 then 0 else pages end, records = case when $12 then 0 else records end,
         succeeded_at = case when $11::text is null then now() else succeeded_at end, finished_at = case when $5 in ('failed', 'done', 'removed') then now() end,
         lost = 0, lease_owner = null, lease_until = null
     where account_id = $1 and kind = $2 and name = $3 and lease_fence = $4`,
    [
      task.account_id, task.kind, task.name, task.lease_fence,
      end.state, date(end.dueAtMs), end.progress, end.expiresAtMs === undefined ? task.expires_at : date(end.expiresAtMs), end.recreated ?? 0,
      end.failures ?? (end.error === null ? 0 : task.failures + 1), end.error?.slice(0, 1_000) ?? null, end.startedOver ?? false,
    ],
  );
}

/**
 * Makes an account's tasks due that have failed or wait to be tried again; how many. Subscriptions that are asked for by
 * their kind are checked, also where nothing failed. `fromStart`: a backfill begins anew, also one that was done.
 */
export async function askTasksAgain(database: Queryable, asked: { readonly accountId: string; readonly kind: TaskKind | null; readonly name: string | null; readonly fromStart: boolean }): Promise<number> {
  const { rowCount } = await database.query(
    `update inbound_tasks
     set due_at = now(), state = case when state in ('failed', 'done') then 'active' else state end, finished_at = null, failures = 0,
         progress = case when kind = 'backfill' and $4 then '{}' when kind = 'subscription' then progress || '{"checked_at": 0}' else progress - 'restarts' end,
         pages = case when kind = 'backfill' and $4 then 0 else pages end, records = case when kind = 'backfill' and $4 then 0 else records end
     where account_id = $1 and ($2::text is null or kind = $2) and ($3::text is null or name = $3)
       and (state in ('failing', 'failed') or (kind = 'subscription' and $2 = 'subscription' and state = 'active') or (kind = 'backfill' and $4 and state <> 'removed')) and (lease_until is null or lease_until < now())`,
    [asked.accountId, asked.kind, asked.name, asked.fromStart],
  );
  return rowCount ?? 0;
}

/** Of an account that was not ready and may be now: what was put off until then is due. */
export async function takeUpTasks(database: Queryable, accountId: string, putOffUntil: readonly Date[]): Promise<void> {
  await database.query('update inbound_tasks set due_at = now() where account_id = $1 and due_at = any($2)', [accountId, putOffUntil]);
}

/** Gives a lease back without a word about success: the account was not ready. */
export async function postponeTask(database: Queryable, task: Task, dueAtMs: number | null): Promise<void> {
  await database.query('update inbound_tasks set due_at = $5, lease_owner = null, lease_until = null where account_id = $1 and kind = $2 and name = $3 and lease_fence = $4', [
    task.account_id, task.kind, task.name, task.lease_fence, dueAtMs === null ? null : new Date(dueAtMs),
  ]);
}
