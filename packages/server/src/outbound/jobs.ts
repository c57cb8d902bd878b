/** Jobs of outbound: what takes longer than a request, and what the clock asks for. */
import { transaction, type Pool } from '../database/pool.ts';
import { queueJob } from '../jobs/job.ts';
import { job, type AnyJob } from '../jobs/runner.ts';
import type { Mailer } from '../mail/mailer.ts';
import { dropDayPartitions, makeDayPartitions } from './day-partitions.ts';
import { cancelSome } from './delivery-store.ts';
import { closeDeliveriesJob, sendMailJob } from './endpoint-disabling.ts';
import { announceDeliveries } from './publish.ts';
import { resendBatch } from './resend-batch.ts';
import { keepProgress, resendJob, type ResendRow } from './resend-store.ts';

const batchRows = 1_000;

export interface JobParts {
  readonly pool: Pool;
  readonly now: () => number;
  readonly keepDays: number;
  /** Null: there is no SMTP_URL, so nobody can be told. */
  readonly mailer: Mailer | null;
}

export function outboundJobs(parts: JobParts): AnyJob[] {
  return [resend(parts), closeDeliveries(parts), sweep(parts), retention(parts), mail(parts)];
}

const idOf = (payload: unknown, name: string): string => {
  const value: unknown = typeof payload === 'object' && payload !== null ? Reflect.get(payload, name) : undefined;
  if (typeof value !== 'string') throw new Error(`the payload of the job has no ${name}`);
  return value;
};

function resend({ pool }: JobParts): AnyJob {
  return job({
    name: resendJob,
    timeoutMs: 600_000,
    parse: (payload) => idOf(payload, 'resendId'),
    async run(id, signal) {
      for (let more = true; more; ) {
        signal.throwIfAborted();
        more = await transaction(pool, async (client) => {
          // One node at a time, by a lock of its own: with the row's, who wants to cancel would wait for batch after batch.
          await client.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [id]);
          const { rows } = await client.query<ResendRow>(`select * from resends where id = $1 and state = 'running'`, [id]);
          const row = rows[0];
          if (row === undefined) return false;
          const batch = await resendBatch(client, row);
          await keepProgress(client, id, batch);
          if (batch.queued > 0) await announceDeliveries(client);
          return batch.position !== null;
        });
      }
    },
  });
}

/** Cancels what is pending for one endpoint that is disabled or deleted. */
function closeDeliveries({ pool }: JobParts): AnyJob {
  return job({
    name: closeDeliveriesJob,
    timeoutMs: 600_000,
    parse: (payload) => idOf(payload, 'endpointId'),
    async run(endpointId, signal) {
      for (let closed = batchRows; closed > 0; ) {
        signal.throwIfAborted();
        closed = await transaction(pool, async (client) => {
          // Shared, so that nobody enables it in the middle of a batch.
          const { rows } = await client.query<{ deleted: boolean }>(`select deleted_at is not null as deleted from endpoints where id = $1 and (disabled_at is not null or deleted_at is not null) for share`, [endpointId]);
          const endpoint = rows[0];
          if (endpoint === undefined) return 0;
          return cancelSome(client, endpointId, endpoint.deleted ? 'endpoint_deleted' : 'endpoint_disabled', batchRows);
        });
      }
    },
  });
}

/** Finds deliveries that were queued by a transaction that had not yet seen its endpoint go. */
function sweep({ pool }: JobParts): AnyJob {
  return job({
    name: 'sweep-closed-endpoints',
    cron: '*/5 * * * *',
    timeoutMs: 60_000,
    parse: () => undefined,
    async run() {
      const { rows } = await pool.query<{ id: string }>(
        `select e.id from endpoints e
         where (e.disabled_at is not null or e.deleted_at is not null) and exists (select from deliveries_open o where o.endpoint_id = e.id)`,
      );
      for (const { id } of rows) await queueJob(pool, closeDeliveriesJob, { endpointId: id }, { key: `close-deliveries ${id}` });
    },
  });
}

function retention({ pool, now, keepDays }: JobParts): AnyJob {
  return job({
    name: 'outbound-retention',
    cron: '27 * * * *',
    timeoutMs: 300_000,
    parse: () => undefined,
    async run() {
      await makeDayPartitions(pool, now());
      await dropDayPartitions(pool, now(), keepDays);
    },
  });
}

function mail({ mailer }: JobParts): AnyJob {
  return job({
    name: sendMailJob,
    timeoutMs: 60_000,
    parse: (payload) => ({ to: idOf(payload, 'to'), subject: idOf(payload, 'subject'), text: idOf(payload, 'text') }),
    async run(message) {
      await mailer?.send(message);
    },
  });
}
