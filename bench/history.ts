/**
 * Reading deliveries with very many attempts stored: the pages of the list, attempts, statistics, recovering an endpoint of no
 * tenant from 200,000 events, and dropping a day. Prints the time and the pages touched of each, and their plans on standard
 * error. Options: --attempts=10000000 --short (200,000)
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '@evenkeel/server/database/embedded.ts';
import { migrate, readMigrations } from '@evenkeel/server/database/migrate.ts';
import { createPool, type Pool } from '@evenkeel/server/database/pool.ts';
import { dropDayPartitions, firstIdAt } from '@evenkeel/server/outbound/day-partitions.ts';
import { attemptsStatement, listStatement, type DeliveryFilter } from '@evenkeel/server/outbound/delivery-store.ts';
import { countResend, resendBatch } from '@evenkeel/server/outbound/resend-batch.ts';
import { findResend, insertResend, keepProgress, type ResendFilter } from '@evenkeel/server/outbound/resend-store.ts';
import { statisticsStatement } from '@evenkeel/server/outbound/statistics.ts';
import { explain, fillHistory } from '@evenkeel/tests/harness/delivery-history.ts';
import { median, note, report } from './load/measurement.ts';

const days = 30;
const dayMs = 86_400_000;

export async function run(options: readonly string[]): Promise<void> {
  const wanted = Number(options.find((option) => option.startsWith('--attempts='))?.split('=')[1] ?? (options.includes('--short') ? 200_000 : 10_000_000));
  const dataDir = await mkdtemp(join(tmpdir(), 'evenkeel-bench-'));
  await chmod(dataDir, 0o755);
  // What is filled here is thrown away: nothing has to be durable.
  const postgres = await startEmbeddedPostgres(dataDir, { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off', max_wal_size: '4GB' });
  const pool = createPool(postgres.url, { max: 2, onError: () => undefined });
  try {
    await migrate(postgres.url, await readMigrations());
    const untilMs = Date.now();
    const total = await fillHistory(pool, { days, perMinute: Math.max(1, Math.round(wanted / days / 1_440)), endpoints: 200, untilMs, onDay: (day) => note(`day ${day} of ${days}`) });
    report('history', 'attempts_stored', total, 'attempts');
    await readAll(pool, untilMs);
    await recover(pool, untilMs);
    const startedAt = performance.now();
    const dropped = await dropDayPartitions(pool, untilMs, days - 2);
    report('history', 'drop_a_day_ms', performance.now() - startedAt, 'ms', { below: 1_000 });
    note(`dropped ${dropped.join(', ')}`);
  } finally {
    await pool.end();
    await postgres.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function readAll(pool: Pool, untilMs: number): Promise<void> {
  const all: DeliveryFilter = { endpointIds: null, eventId: null, state: null, eventType: null, sinceMs: null, before: null, limit: 51 };
  const middle = firstIdAt('dlv', Math.floor(untilMs / dayMs - days / 2) * dayMs + 43_200_000);
  const statements: Readonly<Record<string, { text: string; values: unknown[] }>> = {
    list: listStatement(all),
    list_in_the_middle: listStatement({ ...all, before: middle }),
    list_of_endpoint: listStatement({ ...all, endpointIds: ['ep_fill_3'] }),
    list_of_20_endpoints: listStatement({ ...all, endpointIds: Array.from({ length: 20 }, (_, n) => `ep_fill_${n}`), before: middle }),
    list_failed_of_endpoint: listStatement({ ...all, state: 'failed', endpointIds: ['ep_fill_3'] }),
    list_of_event: listStatement({ ...all, eventId: `evt_${middle.slice(4)}0000000000000001` }),
    attempts_of_delivery: attemptsStatement(`${middle}0000000000000001`),
    statistics_30_days: { text: statisticsStatement, values: ['ep_fill_3', new Date(untilMs - 30 * dayMs), 'day'] },
  };
  for (const [name, { text, values }] of Object.entries(statements)) {
    const times: number[] = [];
    for (let round = 0; round < 15; round += 1) {
      const startedAt = performance.now();
      await pool.query(text, values);
      times.push(performance.now() - startedAt);
    }
    const { nodes, pages } = await explain(pool, text, values);
    report('history', `${name}_ms`, median(times), 'ms', { below: 50 });
    report('history', `${name}_pages`, pages, 'pages');
    note(`${name}: ${nodes.map((node) => [node['Node Type'], node['Relation Name']].filter(Boolean).join(' ')).slice(0, 12).join(' · ')}${nodes.length > 12 ? ` … (${nodes.length} nodes ran)` : ''}`);
  }
}

/** Everybody's events of a day, of which an endpoint of no tenant has missed every tenth: the longest batch is what others wait for. */
async function recover(pool: Pool, untilMs: number): Promise<void> {
  const endpointId = 'ep_fill_0';
  const [events, share] = [200_000, 10];
  const sinceMs = Math.floor(untilMs / dayMs) * dayMs;
  await pool.query(`update endpoints set type_patterns = '{%}' where id = $1`, [endpointId]);
  // Five a millisecond.
  const moments = Array.from({ length: events / 5 }, (_, n) => firstIdAt('evt', sinceMs + n));
  await pool.query(
    `insert into events (id, type, payload) select moment || lpad(n::text, 16, '0'), 'crm.contact.updated', '{}' from unnest($1::text[]) as m (moment) cross join generate_series(1, 5) as n`,
    [moments],
  );
  await pool.query(
    `insert into deliveries_closed (id, endpoint_id, event_id, event_type, cause, state, accepted_at, closed_at, attempts)
     select delivery_id(id, $1), $1, id, type, 'event', 'delivered', now(), now(), 1 from (select *, row_number() over (order by id) as nr from events) e where nr % $2 <> 0`,
    [endpointId, share],
  );
  await pool.query('analyze events, deliveries_closed');
  const filter: ResendFilter = { states: ['failed', 'cancelled'], eventTypes: null, sinceMs, untilMs: sinceMs + events, missing: true };
  const startedAt = performance.now();
  const counted = await countResend(pool, endpointId, filter);
  report('history', 'recover_count_ms', performance.now() - startedAt, 'ms');
  const { id } = await insertResend(pool, { endpointId, kind: 'recover', filter, total: counted, createdBy: 'bench' });
  const batches: number[] = [];
  for (let row = await findResend(pool, endpointId, id); row?.state === 'running'; row = await findResend(pool, endpointId, id)) {
    const batchAt = performance.now();
    await keepProgress(pool, id, await resendBatch(pool, row));
    batches.push(performance.now() - batchAt);
  }
  const done = (await findResend(pool, endpointId, id))?.done ?? 0;
  report('history', 'recovered', done, 'deliveries', { atLeast: events / share });
  report('history', 'recover_batches', batches.length, 'batches');
  report('history', 'recover_longest_batch_ms', Math.max(...batches), 'ms', { below: 1_000 });
}
