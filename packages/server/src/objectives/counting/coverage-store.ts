/** How much of the time was measured, as prefix sums, and the minutes that were not. */
import { isMeasured } from '@evenkeel/core/objectives/tally.ts';
import type { Queryable } from '../../database/pool.ts';
import type { SealedMinute } from './minute-reading.ts';

/** Adds new or changed minutes. A minute between sealed ones that has no row was not covered at all. */
export async function writeCoverage(database: Queryable, sealed: readonly SealedMinute[]): Promise<void> {
  for (const one of sealed) await writeMinute(database, one);
}

async function writeMinute(database: Queryable, { minute, coveredSeconds, lostSeconds }: SealedMinute): Promise<void> {
  const measured = isMeasured(coveredSeconds, lostSeconds) ? 1 : 0;
  const { rows } = await database.query<{ minute: number; measured: number; covered: number; lost: number }>(
    `select minute, measured_minutes as measured, covered_seconds as covered, lost_seconds as lost from objective_coverage where minute <= $1 order by minute desc limit 2`,
    [minute],
  );
  const [newest, second] = rows;
  const hasRow = newest?.minute === minute;
  const before = (hasRow ? second : newest) ?? { minute: minute - 1, measured: 0, covered: 0, lost: 0 };
  if (!hasRow) {
    await database.query('insert into objective_coverage (minute, measured_minutes, covered_seconds, lost_seconds) values ($1, $2, $3, $4)', [minute, before.measured, before.covered, before.lost]);
    await markGap(database, before.minute + 1, minute);
  }
  const old = hasRow ? { measured: newest.measured - before.measured, covered: newest.covered - before.covered, lost: newest.lost - before.lost } : { measured: 0, covered: 0, lost: 0 };
  await database.query(
    `update objective_coverage set measured_minutes = measured_minutes + $2, covered_seconds = covered_seconds + $3, lost_seconds = lost_seconds + $4 where minute >= $1`,
    [minute, measured - old.measured, coveredSeconds - old.covered, lostSeconds - old.lost],
  );
  if (measured === 1) await database.query('delete from unmeasured_minutes where minute = $1', [minute]);
  else await database.query('insert into unmeasured_minutes (minute) values ($1) on conflict do nothing', [minute]);
}

/** Minutes that were passed over; one sealed later leaves the list again. */
async function markGap(database: Queryable, from: number, to: number): Promise<void> {
  if (to <= from) return;
  await database.query(
    `insert into unmeasured_minutes (minute)
     select m from generate_series($1::int, $2::int - 1) m
     where exists (select 1 from objective_coverage where minute < $1) and not exists (select 1 from objective_coverage where minute = m)
     on conflict do nothing`,
    [from, to],
  );
}

/** Edge → minutes measured before it. */
export async function readMeasured(database: Queryable, edges: readonly number[]): Promise<Map<number, number>> {
  const { rows } = await database.query<{ edge: number; measured: number }>({
    name: 'read-objective-coverage',
    text: `select e.edge, c.measured_minutes as measured from unnest($1::int[]) as e (edge)
           cross join lateral (select measured_minutes from objective_coverage where minute < e.edge order by minute desc limit 1) c`,
    values: [[...new Set(edges)]],
  });
  return new Map(rows.map(({ edge, measured }) => [edge, measured]));
}

/** Minutes of the range that were not measured, ascending. */
export async function readUnmeasured(database: Queryable, from: number, to: number): Promise<number[]> {
  const { rows } = await database.query<{ minute: number }>('select minute from unmeasured_minutes where minute >= $1 and minute < $2 order by minute', [from, to]);
  return rows.map(({ minute }) => minute);
}
