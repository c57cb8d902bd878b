/** The inbound side of one account: where its vendor sends, its standing tasks, and what waits or was given up. */
import type { AccountInbound, InboundAddress, InboundTask } from '@evenkeel/contract/api/inbound.ts';
import type { Webhooks } from '@evenkeel/contract/manifest/webhooks.ts';
import type { Queryable } from '../../database/pool.ts';

interface TaskRow {
  kind: InboundTask['kind'];
  name: string;
  state: InboundTask['state'];
  pages: number;
  records: number;
  recreated: number;
  expires_at: Date | null;
  due_at: Date | null;
  succeeded_at: Date | null;
  finished_at: Date | null;
  failures: number;
  last_error: string | null;
}

const iso = (date: Date | null): string | null => date?.toISOString() ?? null;

export function shownAddress(rules: Webhooks | undefined, url: string | null): InboundAddress {
  return { url, setup: rules?.setup ?? null, docs_url: rules?.docs_url ?? null };
}

export async function readAccountInbound(database: Queryable, accountId: string): Promise<Omit<AccountInbound, keyof InboundAddress>> {
  const tasks = await database.query<TaskRow>(
    `select kind, name, state, pages, records, recreated, expires_at, due_at, succeeded_at, finished_at, failures, last_error
     from inbound_tasks where account_id = $1 order by kind, name`,
    [accountId],
  );
  const { rows } = await database.query<{ waiting: number; dead: number; last: Date | null }>(
    `select (select count(*) from inbound_work where account_id = $1) as waiting,
            (select count(*) from inbound_events where state in ('pending', 'dead') and state = 'dead' and account_id = $1) as dead,
            (select max(received_at) from inbound_events where account_id = $1) as last`,
    [accountId],
  );
  const [counts] = rows;
  return { tasks: tasks.rows.map(shownTask), waiting: counts?.waiting ?? 0, dead: counts?.dead ?? 0, last_received_at: iso(counts?.last ?? null) };
}

function shownTask({ expires_at, due_at, succeeded_at, finished_at, ...rest }: TaskRow): InboundTask {
  return { ...rest, expires_at: iso(expires_at), next_at: iso(due_at), succeeded_at: iso(succeeded_at), finished_at: iso(finished_at) };
}
