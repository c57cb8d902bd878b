/**
 * How long what came in is kept: whole days of requests and events are dropped; keys of events are forgotten when no
 * vendor can send the event again.
 */
import { webhooksOf } from '@evenkeel/core/inbound/rules.ts';
import type { Connector } from '@evenkeel/core/connectors/connector.ts';
import { dropPartitions, makePartitions } from '../database/time-partitions.ts';
import type { Pool } from '../database/pool.ts';
import { job, type AnyJob } from '../jobs/runner.ts';
import type { Log } from '../log.ts';

const requests = { table: 'inbound_requests', column: 'received_at', unit: 'day' } as const;
const events = { table: 'inbound_events', column: 'received_at', unit: 'day' } as const;
const deleteAtMost = 10_000;
const dayS = 86_400;

export interface RetentionParts {
  readonly pool: Pool;
  readonly log: Log;
  readonly now: () => number;
  /** Days that requests and events are kept. */
  readonly keepDays: number;
  /** Days that an event is known as a repetition. */
  readonly dedupeDays: number;
  readonly connectors: () => readonly Connector[];
}

export async function makeInboundPartitions(pool: Pool, nowMs: number): Promise<void> {
  await makePartitions(pool, requests, nowMs);
  await makePartitions(pool, events, nowMs);
}

export function inboundRetentionJob(parts: RetentionParts): AnyJob {
  return job({
    name: 'inbound-retention',
    cron: '23 * * * *',
    timeoutMs: 300_000,
    parse: () => undefined,
    async run(_, signal) {
      const { pool, now, keepDays } = parts;
      await makeInboundPartitions(pool, now());
      await dropPartitions(pool, events, now(), keepDays);
      await dropPartitions(pool, requests, now(), keepDays);
      // Work on what is dropped would stand before later events of its object for ever.
      await pool.query('delete from inbound_work where received_at < $1', [new Date(now() - (keepDays + 1) * dayS * 1000)]);
      await forgetKeys(parts, signal);
    },
  });
}

/** Never before the vendor that repeats longest has given up: what the installation set is raised to that. */
export async function forgetKeys({ pool, log, dedupeDays, connectors }: RetentionParts, signal?: AbortSignal): Promise<number> {
  const longestS = Math.max(0, ...connectors().map((connector) => webhooksOf(connector)?.source.redelivery_s ?? 0));
  const seconds = Math.max(dedupeDays * dayS, longestS + dayS);
  if (longestS > dedupeDays * dayS) log.info({ dedupeDays, days: seconds / dayS }, 'inbound: a connector\'s vendor repeats events for longer than EVENKEEL_INBOUND_DEDUPE_DAYS; keys are kept for as long');
  for (let forgotten = 0; ; ) {
    signal?.throwIfAborted();
    const { rowCount } = await pool.query(
      `delete from inbound_event_keys where key in (select key from inbound_event_keys where seen_at < now() - $1 * interval '1 second' order by seen_at limit $2)`,
      [seconds, deleteAtMost],
    );
    forgotten += rowCount ?? 0;
    if ((rowCount ?? 0) < deleteAtMost) return forgotten;
  }
}
