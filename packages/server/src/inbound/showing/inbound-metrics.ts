/** What came in as metrics: what waits, on all nodes, and what this node has received and ended since its start. */
import type { Queryable } from '../../database/pool.ts';
import type { Metric } from '../../telemetry/metrics/exposition.ts';
import type { EventCounts } from '../processing/event-counts.ts';
import type { GroupWriter } from '../receiving/group-writer.ts';
import type { RefusalLog } from '../receiving/refusal-log.ts';

export interface InboundCounts {
  readonly database: Queryable;
  readonly writer: Pick<GroupWriter<unknown>, 'counts'>;
  readonly events: EventCounts;
  readonly refusals: RefusalLog;
}

export async function inboundMetrics({ database, writer, events, refusals }: InboundCounts): Promise<Metric[]> {
  const { rows } = await database.query<{ requests: number; events: number }>('select (select coalesce(sum(cardinality(request_ids)), 0) from inbound_queue) as requests, (select count(*) from inbound_work) as events');
  const [waiting] = rows;
  const tasks = await database.query<{ kind: string; state: string; n: number }>(`select kind, state, count(*) as n from inbound_tasks where state <> 'removed' group by kind, state order by kind, state`);
  const { rows: stored, groups, refused, failed } = writer.counts;
  return [
    { name: 'evenkeel_inbound_waiting', type: 'gauge', help: 'Requests that wait to be split, and events that wait for a record, their turn or their next attempt; of all nodes.', samples: [[{ of: 'requests' }, waiting?.requests ?? 0], [{ of: 'events' }, waiting?.events ?? 0]] },
    { name: 'evenkeel_inbound_tasks', type: 'gauge', help: 'Subscriptions, pulls and backfills of accounts by state, of all nodes. failing is tried again, failed was given up.', samples: tasks.rows.map(({ kind, state, n }) => [{ kind, state }, n]) },
    { name: 'evenkeel_inbound_requests_total', type: 'counter', help: 'Proven requests by outcome, on this node since its start: stored, failed (the database), refused (too much waited).', samples: [[{ outcome: 'stored' }, stored], [{ outcome: 'failed' }, failed], [{ outcome: 'refused' }, refused]] },
    { name: 'evenkeel_inbound_commits_total', type: 'counter', help: 'Commits that stored the requests, on this node since its start.', samples: [[{}, groups]] },
    { name: 'evenkeel_inbound_unproven_total', type: 'counter', help: 'Requests that were not proven to come from the vendor, by reason, on this node since its start.', samples: [...refusals.counts].map(([reason, n]) => [{ reason }, n]) },
    { name: 'evenkeel_inbound_events_total', type: 'counter', help: 'Events that ended, by how, on this node since its start.', samples: Object.entries(events.totals).map(([state, n]) => [{ state }, n]) },
  ];
}
