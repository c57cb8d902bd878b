/**
 * Tables with one partition a day (UTC): made ahead and dropped when their time is over, so that retention never
 * deletes rows one by one. What fell into the default partition is moved, or deleted there.
 */
import { transaction, type Pool } from './pool.ts';

export interface DayPartitioned {
  /** The table; its default partition is `<table>_default`. */
  readonly table: string;
  /** The timestamptz column it is partitioned by. */
  readonly column: string;
}

const dayMs = 86_400_000;
/** A node that was down this long still finds its partition. */
const daysAhead = 3;
/** Any constant that nothing else in the database uses. */
const lockKey = 4_400_012;

const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
const partitionName = (table: string, day: string): string => `${table}_${day.replaceAll('-', '')}`;

/** Makes what is missing of today and the coming days. Safe on several nodes at once. Returns the names made. */
export async function makeDayPartitions(pool: Pool, of: DayPartitioned, nowMs: number): Promise<string[]> {
  const made: string[] = [];
  for (let ahead = 0; ahead <= daysAhead; ahead += 1) {
    const day = dayOf(nowMs + ahead * dayMs);
    if (await makePartition(pool, of, day, dayOf(nowMs + (ahead + 1) * dayMs))) made.push(partitionName(of.table, day));
  }
  return made;
}

async function makePartition(pool: Pool, { table, column }: DayPartitioned, day: string, nextDay: string): Promise<boolean> {
  const name = partitionName(table, day);
  const { rows: present } = await pool.query<{ present: boolean }>('select to_regclass($1) is not null as present', [name]);
  if (present[0]?.present === true) return false;
  return transaction(pool, async (client) => {
    await client.query('select pg_advisory_xact_lock($1)', [lockKey]);
    const { rows } = await client.query<{ present: boolean }>('select to_regclass($1) is not null as present', [name]);
    if (rows[0]?.present === true) return false;
    const bounds = [`${day} 00:00:00+00`, `${nextDay} 00:00:00+00`] as const;
    await client.query(`create table ${name} (like ${table} including defaults including constraints)`);
    // Rows of that day that the default partition caught move, or the bounds would contradict them.
    await client.query(`with caught as (delete from ${table}_default where ${column} >= $1::timestamptz and ${column} < $2::timestamptz returning *) insert into ${name} select * from caught`, [...bounds]);
    await client.query(`alter table ${table} attach partition ${name} for values from ('${bounds[0]}') to ('${bounds[1]}')`);
    return true;
  });
}

/** Drops whole days older than `keepDays`. Returns the names dropped. */
export async function dropDayPartitions(pool: Pool, { table, column }: DayPartitioned, nowMs: number, keepDays: number): Promise<string[]> {
  const oldestKept = dayOf(nowMs - keepDays * dayMs);
  const { rows } = await pool.query<{ name: string }>(
    `select child.relname as name from pg_inherits
     join pg_class child on child.oid = inhrelid
     where inhparent = $1::regclass and child.relname ~ ('^' || $1 || '_[0-9]{8}$') and child.relname < $2
     order by 1`,
    [table, partitionName(table, oldestKept)],
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
