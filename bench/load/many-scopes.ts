/**
 * A tick of the playbook that comes with Evenkeel over a thousand tenants that all call every minute: quiet, and in the
 * minute in which an outage of one vendor uses up every one of their budgets at once.
 */
import { definitionsOf } from '@evenkeel/server/objectives/definitions.ts';
import { tick } from '@evenkeel/server/objectives/tick.ts';
import type { Pool } from '@evenkeel/server/database/pool.ts';
import { readPlaybook } from '@evenkeel/server/playbook/playbook.ts';
import { sealMinute, type PlantedCounts } from '../../tests/harness/sealed-minutes.ts';
import { median, note, quantile, report } from './measurement.ts';

const tenants = 1_000;
const callsAMinute = 100;

export async function measureManyScopes(pool: Pool, rounds: number): Promise<void> {
  const reading = await readPlaybook(undefined);
  if (!reading.ok) throw new Error('the playbook has faults');
  const definitions = definitionsOf(reading.playbook);
  await pool.query('truncate objective_sums, objective_tracks, objective_coverage, unmeasured_minutes, objective_counters, minute_counts, telemetry_minutes, telemetry_series restart identity cascade');
  await pool.query('update objective_progress set amendment_seq = 0, first_minute = null, last_minute = null');
  const { rows } = await pool.query<{ id: number }>(
    `insert into telemetry_series (kind, surface, tenant_id, account_id, connector_id, category)
     select 'call', 'proxy', 'tenant-' || n, 'acc-' || n, 'connector-' || n % 10, 'crm' from generate_series(1, $1::int) n returning id`,
    [tenants],
  );
  const seal = async (minute: number, bad: number): Promise<void> => {
    await pool.query(
      `insert into minute_counts (minute, series_id, total, success, upstream, upstream_5xx)
       select $1, id, $3::int, $3::int - $4::int, $4::int, $4::int from unnest($2::bigint[]) id`,
      [new Date(minute * 60_000), rows.map(({ id }) => id), callsAMinute, bad],
    );
    await sealMinute(pool, minute, [] satisfies PlantedCounts[]);
  };
  // An hour first, so that windows are covered and the volume is there.
  let minute = Math.floor(Date.now() / 60_000) - 600;
  for (const end = minute + 60; minute < end; minute += 1) await seal(minute, 0);
  await tick(pool, definitions);
  await pool.query('vacuum analyze objective_sums, objective_tracks');
  const timed = async (bad: number): Promise<{ tookMs: number; done: Awaited<ReturnType<typeof tick>> }> => {
    await seal((minute += 1), bad);
    const from = performance.now();
    const done = await tick(pool, definitions);
    return { tookMs: performance.now() - from, done };
  };
  const quiet: number[] = [];
  let scopes = 0;
  for (let round = 0; round < rounds + 3; round += 1) {
    const { tookMs, done } = await timed(0);
    scopes = done.evaluated;
    if (round >= 3) quiet.push(tookMs);
  }
  const outage = [await timed(callsAMinute), await timed(callsAMinute)];
  const { rows: sums } = await pool.query<{ n: number; bytes: number }>(`select count(*) as n, pg_total_relation_size('objective_sums') as bytes from objective_sums`);
  const { n = 0, bytes = 0 } = sums[0] ?? {};
  note(`${tenants} tenants that call every minute: ${scopes} budgets of the shipped playbook; ${n} sums take ${Math.round(bytes / Math.max(1, n))} bytes each, ${((bytes / (rounds + 65)) * 1440 / 1e9).toFixed(2)} GB a day`);
  report('objectives', 'tick_ms_1000_tenants', median(quiet), 'ms', { below: 1_000 });
  note(`quiet: p90 ${quantile(quiet.toSorted((a, b) => a - b), 0.9).toFixed(0)} ms`);
  for (const { done } of outage) note(`outage: ${done.modeChanges} modes changed, ${done.fired} alerts fired`);
  report('objectives', 'tick_ms_1000_tenants_outage', Math.max(...outage.map(({ tookMs }) => tookMs)), 'ms', { below: 10_000 });
}
