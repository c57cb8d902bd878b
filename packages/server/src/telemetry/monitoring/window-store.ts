/**
 * Sums of two adjacent windows by whatever dimensions of the series are asked for; amendments are in them. Integers are
 * added up by PostgreSQL, sketches here.
 */
import { countColumns, type CountColumn } from '@evenkeel/core/telemetry/outcome.ts';
import { unpackSketches } from '@evenkeel/core/telemetry/sketch-codec.ts';
import { Sketch } from '@evenkeel/core/telemetry/sketch.ts';
import type { Queryable } from '../../database/pool.ts';
import type { SeriesKey } from '../observation.ts';
import type { Windows } from './span.ts';

export type Dimension = 'surface' | 'tenant_id' | 'account_id' | 'connector_id' | 'category' | 'endpoint' | 'vendor_endpoint';

export interface SeriesFilter {
  readonly kind: SeriesKey['kind'];
  readonly tenantId: string | null;
  readonly connectorId: string | null;
  /** Null: of whatever surface. */
  readonly surfaces?: readonly string[];
}

type Sums = Readonly<Record<CountColumn, number>> & { readonly accounts: number; readonly failing_accounts: number; readonly codes: Readonly<Record<string, number>> };

export interface WindowSums {
  readonly dimensions: Readonly<Record<Dimension, string | null>>;
  readonly now: Sums;
  readonly before: Sums;
}

const seriesOf = `select id from telemetry_series where kind = $4 and ($5::text is null or tenant_id = $5) and ($6::text is null or connector_id = $6) and ($7::text[] is null or surface = any($7))`;
const valuesOf = ({ from, mid, to }: Windows, { kind, tenantId, connectorId, surfaces }: SeriesFilter): unknown[] => [from, mid, to, kind, tenantId, connectorId, surfaces ?? null];

/** The rows of both windows, as `parts`, each with the time it belongs to as `at`. */
function partsOf({ grain }: Windows, columns: string): string {
  const [table, time] = grain === 'minute' ? ['minute_counts', 'minute'] : ['hour_counts', 'hour'];
  // Hours hold their amendments already.
  const amendments = grain === 'minute' ? `union all select series_id, minute as at, ${columns} from minute_amendments where minute >= $1 and minute < $3 and series_id in (${seriesOf})` : '';
  return `parts as (select series_id, ${time} as at, ${columns} from ${table} where ${time} >= $1 and ${time} < $3 and series_id in (${seriesOf}) ${amendments})`;
}

export async function sumWindows(database: Queryable, windows: Windows, filter: SeriesFilter, dimensions: readonly Dimension[]): Promise<WindowSums[]> {
  const both = (make: (prefix: string, condition: string) => string): string => [make('now', 'at >= $2'), make('before', 'at < $2')].join(', ');
  const names = dimensions.join(', ');
  const [{ rows }, codes] = await Promise.all([
    database.query<Record<string, number | string | null>>(
      `with ${partsOf(windows, countColumns.join(', '))},
            by_series as (select series_id, ${both((prefix, condition) => countColumns.map((name) => `coalesce(sum(${name}) filter (where ${condition}), 0)::bigint as ${prefix}_${name}`).join(', '))} from parts group by series_id)
       select ${names},
         ${both((prefix) => countColumns.map((name) => `sum(${prefix}_${name})::bigint as ${prefix}_${name}`).join(', '))},
         ${both((prefix) => `count(distinct account_id) filter (where ${prefix}_total > 0) as ${prefix}_accounts, count(distinct account_id) filter (where ${prefix}_platform + ${prefix}_upstream > 0) as ${prefix}_failing_accounts`)}
       from by_series join telemetry_series on id = series_id
       group by ${names}`,
      valuesOf(windows, filter),
    ),
    sumCodes(database, windows, filter, dimensions),
  ]);
  return rows.map((row) => {
    const dimensionsOfRow = Object.fromEntries(dimensions.map((name) => [name, row[name] ?? null])) as Record<Dimension, string | null>;
    const found = codes.get(groupKey(dimensions, row));
    const side = (prefix: 'now' | 'before'): Sums =>
      ({ ...Object.fromEntries([...countColumns, 'accounts', 'failing_accounts'].map((name) => [name, Number(row[`${prefix}_${name}`] ?? 0)])), codes: found?.[prefix] ?? {} }) as unknown as Sums;
    return { dimensions: dimensionsOfRow, now: side('now'), before: side('before') };
  });
}

async function sumCodes(database: Queryable, windows: Windows, filter: SeriesFilter, dimensions: readonly Dimension[]): Promise<Map<string, { now: Record<string, number>; before: Record<string, number> }>> {
  const { rows } = await database.query<Partial<Record<Dimension, string | null>> & { code: string; late: boolean; times: number }>(
    `with ${partsOf(windows, 'codes')}
     select ${dimensions.join(', ')}, code, at >= $2 as late, sum(times::bigint)::bigint as times
     from parts join telemetry_series on id = series_id, jsonb_each_text(codes) as each_code (code, times)
     where codes <> '{}'
     group by ${dimensions.join(', ')}, code, at >= $2`,
    valuesOf(windows, filter),
  );
  const found = new Map<string, { now: Record<string, number>; before: Record<string, number> }>();
  for (const row of rows) {
    const key = groupKey(dimensions, row);
    const sides = found.get(key) ?? { now: {}, before: {} };
    found.set(key, sides);
    sides[row.late ? 'now' : 'before'][row.code] = row.times;
  }
  return found;
}

const groupKey = (dimensions: readonly Dimension[], row: Readonly<Record<string, unknown>>): string => JSON.stringify(dimensions.map((name) => row[name] ?? null));

export interface WindowSketches {
  readonly now: Sketch;
  readonly before: Sketch;
}

/** Distributions of one kind, by group, joined as bytes by PostgreSQL: a row a minute would cost ten times as much; a group without a measurement is missing. `keyOf` finds a group by its dimensions. */
export async function sketchWindows(
  database: Queryable,
  windows: Windows,
  filter: SeriesFilter,
  dimensions: readonly Dimension[],
  column: 'overhead_sketch' | 'total_sketch' | 'lag_sketch',
): Promise<{ of(group: Readonly<Record<Dimension, string | null>>): WindowSketches | undefined }> {
  const { rows } = await database.query<Partial<Record<Dimension, string | null>> & { late: boolean; sketch: Buffer }>(
    `with ${partsOf(windows, `${column} as sketch`)}
     select ${dimensions.join(', ')}, at >= $2 as late, string_agg(sketch, '') as sketch from parts join telemetry_series on id = series_id where sketch is not null
     group by ${dimensions.join(', ')}, at >= $2`,
    valuesOf(windows, filter),
  );
  const found = new Map<string, WindowSketches>();
  for (const { late, sketch, ...row } of rows) {
    const key = groupKey(dimensions, row);
    let sides = found.get(key);
    if (sides === undefined) found.set(key, (sides = { now: new Sketch(), before: new Sketch() }));
    unpackSketches(sketch, late ? sides.now : sides.before);
  }
  return { of: (group) => found.get(groupKey(dimensions, group)) };
}
