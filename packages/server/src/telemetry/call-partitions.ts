/**
 * Days of call records: partitions are made ahead and dropped when their time is over. Retention never deletes rows of
 * a day's partition; what fell into the default partition is deleted there.
 */
import { transaction, type Pool } from '../database/pool.ts';

const dayMs = 86_400_000;
/** A node that was down this long still finds its partition. */
const daysAhead = 3;
/** Any constant that nothing else in the database uses. */
const lockKey = 4_400_010;

const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
const partitionName = (day: string): string => `calls_${day.replaceAll('-', '')}`;

/** Makes what is missing of today and the coming days. Safe on several nodes at once. Returns the names made. */
export async function makeCallPartitions(pool: Pool, nowMs: number): Promise<string[]> {
  const made: string[] = [];
  for (let ahead = 0; ahead <= daysAhead; ahead += 1) {
    const day = dayOf(nowMs + ahead * dayMs);
    if (await makePartition(pool, day, dayOf(nowMs + (ahead + 1) * dayMs))) made.push(partitionName(day));
  }
  return made;
}

async function makePartition(pool: Pool, day: string, nextDay: string): Promise<boolean> {
  return transaction(pool, async (client) => {
    await client.query('select pg_advisory_xact_lock($1)', [lockKey]);
    const name = partitionName(day);
    const { rows } = await client.query<{ present: boolean }>('select to_regclass($1) is not null as present', [name]);
    if (rows[0]?.present === true) return false;
    const bounds = `from ('${day} 00:00:00+00') to ('${nextDay} 00:00:00+00')`;
    await client.query(`create table ${name} (like calls including defaults including constraints)`);
    // Rows of that day that were caught by the default partition move, or the bounds would contradict them.
    await client.query(
      `with caught as (delete from calls_default where at >= $1::timestamptz and at < $2::timestamptz returning *)
       insert into ${name} select * from caught`,
      [`${day} 00:00:00+00`, `${nextDay} 00:00:00+00`],
    );
    await client.query(`alter table calls attach partition ${name} for values ${bounds}`);
    return true;
  });
}

/** Drops whole days older than `keepDays`. Returns the names dropped. */
export async function dropCallPartitions(pool: Pool, nowMs: number, keepDays: number): Promise<string[]> {
  const oldestKept = dayOf(nowMs - keepDays * dayMs);
  const { rows } = await pool.query<{ name: string }>(
    `select child.relname as name from pg_inherits
     join pg_class child on child.oid = inhrelid
     where inhparent = 'calls'::regclass and child.relname ~ '^calls_[0-9]{8}$' and child.relname < $1
     order by 1`,
    [partitionName(oldestKept)],
  );
  for (const { name } of rows) {
    await transaction(pool, async (client) => {
      await client.query('select pg_advisory_xact_lock($1)', [lockKey]);
      await client.query(`drop table if exists ${name}`);
    });
  }
  await pool.query('delete from calls_default where at < $1::timestamptz', [`${oldestKept} 00:00:00+00`]);
  return rows.map(({ name }) => name);
}
