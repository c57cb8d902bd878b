/**
 * What a tick costs by the length of the objective's window: one more minute sealed, counted and evaluated, with 1, 30
 * and 90 days of history behind it. The three take turns on the same database, so that they meet the same machine.
 * Then a tick over a thousand tenants.
 * Options: --rounds=60, --only=many-scopes
 */
import { definePolicy, type ObjectiveDefinition } from '@evenkeel/core/objectives/definition.ts';
import { readPercent, whole } from '@evenkeel/core/objectives/share.ts';
import type { Pool } from '@evenkeel/server/database/pool.ts';
import { createPool } from '@evenkeel/server/database/pool.ts';
import { migrate, readMigrations } from '@evenkeel/server/database/migrate.ts';
import type { Definitions } from '@evenkeel/server/objectives/definitions.ts';
import { tick } from '@evenkeel/server/objectives/tick.ts';
import { readPlaybook } from '@evenkeel/server/playbook/playbook.ts';
import { mkdtemp, rm, chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '@evenkeel/server/database/embedded.ts';
import { plantSeries, sealMinute } from '../tests/harness/sealed-minutes.ts';
import { measureManyScopes } from './load/many-scopes.ts';
import { median, note, quantile, report } from './load/measurement.ts';

const days = [1, 30, 90] as const;
const tenants = 20;
const target = readPercent('99.9') ?? 0n;

export async function run(options: readonly string[]): Promise<void> {
  const rounds = Number(options.find((option) => option.startsWith('--rounds='))?.split('=')[1] ?? 60);
  const dir = await mkdtemp(join(tmpdir(), 'evenkeel-bench-'));
  await chmod(dir, 0o755);
  const postgres = await startEmbeddedPostgres(dir);
  const pool = createPool(postgres.url, { onError: () => undefined });
  try {
    await migrate(postgres.url, await readMigrations());
    if (!options.includes('--only=many-scopes')) await measure(pool, rounds);
    await measureManyScopes(pool, Math.ceil(rounds / 6));
  } finally {
    await pool.end();
    await postgres.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

async function measure(pool: Pool, rounds: number): Promise<void> {
  const reading = await readPlaybook(undefined);
  if (!reading.ok) throw new Error('the playbook has faults');
  const policy = definePolicy(reading.playbook.budgetPolicy);
  const definitionsOf = (length: number): Definitions => ({ objectives: [objective(length)], policy, terms: {}, agreementsOfFile: [] });
  const series: number[] = [];
  for (let at = 0; at < tenants; at += 1) series.push(await plantSeries(pool, { tenantId: `tenant-${at}`, connectorId: `connector-${at % 5}`, category: 'crm' }));
  const now = Math.floor(Date.now() / 60_000);
  const first = now - 91 * 1440;
  // One sealed minute makes the tracks; the 91 days behind the present are then written as sums, as ticks would have.
  const seal = (minute: number): Promise<void> => sealMinute(pool, minute, series.map((id, at) => ({ series: id, counts: { total: 100, success: 99, platform: at % 7 === 0 ? 1 : 0, platform_5xx: at % 7 === 0 ? 1 : 0 } })));
  await seal(first);
  await tick(pool, definitionsOf(90));
  await plantHistory(pool, first, now);
  const times = new Map<number, number[]>(days.map((length) => [length, []]));
  let minute = now;
  for (let round = 0; round < rounds + 5; round += 1) {
    const order = round % 2 === 0 ? days : days.toReversed();
    for (const length of order) {
      await seal(minute);
      minute += 1;
      const from = performance.now();
      const done = await tick(pool, definitionsOf(length));
      const tookMs = performance.now() - from;
      if (done.minutes !== 1 || done.evaluated === 0) throw new Error(`a tick counted ${done.minutes} minutes and evaluated ${done.evaluated} scopes`);
      // The first ticks compile and warm up.
      if (round >= 5) times.get(length)?.push(tookMs);
    }
  }
  const { rows } = await pool.query<{ n: number }>('select count(*) as n from objective_sums');
  note(`${rows[0]?.n ?? 0} sums of ${tenants + 7} scopes over 91 days; a tick counts one minute and evaluates every scope; medians of ${rounds} ticks, in turns`);
  for (const length of days) report('objectives', `tick_ms_${length}d`, median(times.get(length) ?? []), 'ms');
  for (const length of days) note(`${length} d: p90 ${quantile((times.get(length) ?? []).toSorted((a, b) => a - b), 0.9).toFixed(2)} ms`);
  report('objectives', 'tick_ratio_90d_to_1d', median(times.get(90) ?? []) / median(times.get(1) ?? []), 'ratio', { below: 1.25 });
}

const objective = (length: number): ObjectiveDefinition => ({
  id: `over-${length}d`, title: '', description: null, indicatorName: 'platform', indicator: { measure: 'availability', upstream: 'excluded' }, target, budget: whole - target,
  window: { kind: 'rolling', days: length }, method: 'events', sliceBadAbove: 0n, scopes: ['overall', 'connector', 'category', 'tenant'], minimum: { events: 1000, bad: 5 }, minMeasuredMinutes: 720, burnMinimum: { events: 1000, bad: 5 }, service: 'evenkeel', terms: null, openslo: null,
});

/** A row for every track and minute: 91 days in which something happened all the time. */
async function plantHistory(pool: Pool, first: number, to: number): Promise<void> {
  await pool.query(
    `insert into objective_sums (track_id, minute, events, bad, platform, upstream, slow, bad_minutes, blind_minutes)
     select s.track_id, m, s.events * (m - $1 + 1), s.bad * (m - $1 + 1), s.platform * (m - $1 + 1), 0, 0, 0, 0
     from objective_sums s cross join generate_series($1::int + 1, $2::int - 1) m where s.minute = $1`,
    [first, to],
  );
  await pool.query(
    `insert into objective_coverage (minute, measured_minutes, covered_seconds, lost_seconds)
     select m, m - $1 + 1, (m - $1 + 1) * 60, 0 from generate_series($1::int + 1, $2::int - 1) m`,
    [first, to],
  );
  await pool.query('update objective_progress set last_minute = $1', [to - 1]);
  await pool.query('vacuum analyze objective_sums, objective_coverage');
}
