/**
 * Tables whose partitions are days or months (UTC): made ahead of time and dropped whole when their time is over.
 * Retention never deletes rows of a partition; what fell into the default partition is deleted there.
 */
import { transaction, type Pool, type Queryable } from './pool.ts';

export interface PartitionedTable {
  /** Its default partition is `<table>_default`. */
  readonly table: string;
  /** The timestamptz column it is partitioned by. */
  readonly column: string;
  readonly unit: 'day' | 'month';
}

/** A node that was down for this many units still finds its partition. */
const unitsAhead = 3;
/** Any constant that nothing else in the database uses. */
const lockKey = 4_400_010;

/** The first day of the unit that lies `ahead` units after the one of `ms`: 2026-11-24 or 2026-11-01. */
function unitStart(ms: number, ahead: number, unit: PartitionedTable['unit']): string {
  const at = new Date(ms);
  const start = unit === 'day' ? Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate() + ahead) : Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + ahead);
  return new Date(start).toISOString().slice(0, 10);
}

const partitionName = ({ table, unit }: PartitionedTable, start: string): string => `${table}_${start.slice(0, unit === 'day' ? 10 : 7).replaceAll('-', '')}`;

/** Makes what is missing of the present unit and the coming ones. Safe on several nodes at once. Returns the names made. */
export async function makePartitions(pool: Pool, partitioned: PartitionedTable, nowMs: number): Promise<string[]> {
  const made: string[] = [];
  for (let ahead = 0; ahead <= unitsAhead; ahead += 1) {
    const start = unitStart(nowMs, ahead, partitioned.unit);
    if (await makePartition(pool, partitioned, start, unitStart(nowMs, ahead + 1, partitioned.unit))) made.push(partitionName(partitioned, start));
  }
  return made;
}

async function makePartition(pool: Pool, partitioned: PartitionedTable, start: string, next: string): Promise<boolean> {
  const { table, column } = partitioned;
  const name = partitionName(partitioned, start);
  if (await isPresent(pool, table, name)) return false;
  return transaction(pool, async (client) => {
    await client.query('select pg_advisory_xact_lock($1)', [lockKey]);
    if (await isPresent(client, table, name)) return false;
    await client.query(`create table ${name} (like ${table} including defaults including constraints)`);
    // Rows of that time that were caught by the default partition move, or the bounds would contradict them.
    await client.query(
      `with caught as (delete from ${table}_default where ${column} >= $1::timestamptz and ${column} < $2::timestamptz returning *)
       insert into ${name} select * from caught`,
      [`${start} 00:00:00+00`, `${next} 00:00:00+00`],
    );
    await client.query(`alter table ${table} attach partition ${name} for values from ('${start} 00:00:00+00') to ('${next} 00:00:00+00')`);
    return true;
  });
}

/** Read from the table of tables: what a session remembers of a name (to_regclass) is not renewed by the lock, and two nodes would make the same. */
export async function isPresent(database: Queryable, table: string, partition: string): Promise<boolean> {
  const { rows } = await database.query<{ present: boolean }>(
    'select exists (select from pg_inherits join pg_class child on child.oid = inhrelid where inhparent = $1::regclass and child.relname = $2) as present',
    [table, partition],
  );
  return rows[0]?.present === true;
}

/** Drops whole units that ended more than `keepDays` ago. Returns the names dropped. */
export async function dropPartitions(pool: Pool, partitioned: PartitionedTable, nowMs: number, keepDays: number): Promise<string[]> {
  const { table, column, unit } = partitioned;
  const oldestKept = unitStart(nowMs - keepDays * 86_400_000, 0, unit);
  const { rows } = await pool.query<{ name: string }>(
    `select child.relname as name from pg_inherits
     join pg_class child on child.oid = inhrelid
     where inhparent = $1::regclass and child.relname ~ ('^' || $1 || '_[0-9]+$') and child.relname < $2
     order by 1`,
    [table, partitionName(partitioned, oldestKept)],
  );
  for (const { name } of rows) {
    await transaction(pool, async (client) => {
      await client.query('select pg_advisory_xact_lock($1)', [lockKey]);
      await client.query(`drop table if exists ${name}`);
    });
  }
  await pool.query(`delete from ${table}_default where ${column} < $1::timestamptz`, [`${oldestKept} 00:00:00+00`]);
  return rows.map(({ name }) => name);
}
