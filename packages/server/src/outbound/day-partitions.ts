/**
 * Days of what outbound stores: partitions are made ahead and dropped when their time is over. Most tables are placed by
 * id, whose first characters are the time it was made (identifier.ts), so a day is a range of ids.
 */
import { transaction, type Pool } from '../database/pool.ts';
import { isPresent } from '../database/time-partitions.ts';
import { newId } from '../identifier.ts';

const dayMs = 86_400_000;
/** A node that was down this long still finds its partition. */
const daysAhead = 3;
/** Any constant that nothing else in the database uses. */
const lockKey = 4_400_015;

interface DayTable {
  readonly name: string;
  /** The column that says the day, and the prefix of ids when it is one. */
  readonly column: 'id' | 'hour';
  readonly prefix: string;
}

const tables: readonly DayTable[] = [
  { name: 'events', column: 'id', prefix: 'evt' },
  { name: 'deliveries_closed', column: 'id', prefix: 'dlv' },
  { name: 'delivery_attempts', column: 'id', prefix: 'att' },
  { name: 'delivery_counts', column: 'hour', prefix: '' },
];

/** The smallest id that can be made at a moment: what sorts before it is older. */
export const firstIdAt = (prefix: string, ms: number): string => newId(prefix, Math.max(0, Math.floor(ms))).slice(0, prefix.length + 11);

const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
const partitionName = (table: DayTable, day: string): string => `${table.name}_${day.replaceAll('-', '')}`;
const boundAt = ({ column, prefix }: DayTable, ms: number): string => (column === 'id' ? firstIdAt(prefix, ms) : `${dayOf(ms)} 00:00:00+00`);

/** Makes what is missing of yesterday, today and the coming days. Safe on several nodes at once. Returns the names made. */
export async function makeDayPartitions(pool: Pool, nowMs: number): Promise<string[]> {
  const made: string[] = [];
  for (const table of tables) {
    for (let day = -1; day <= daysAhead; day += 1) {
      const startMs = Math.floor(nowMs / dayMs + day) * dayMs;
      if (await makePartition(pool, table, startMs)) made.push(partitionName(table, dayOf(startMs)));
    }
  }
  return made;
}

async function makePartition(pool: Pool, table: DayTable, startMs: number): Promise<boolean> {
  const name = partitionName(table, dayOf(startMs));
  if (await isPresent(pool, table.name, name)) return false;
  return transaction(pool, async (client) => {
    await client.query('select pg_advisory_xact_lock($1)', [lockKey]);
    if (await isPresent(client, table.name, name)) return false;
    const [from, to] = [boundAt(table, startMs), boundAt(table, startMs + dayMs)];
    await client.query(`create table ${name} (like ${table.name} including defaults including constraints)`);
    // Rows of that day that were caught by the default partition move, or the bounds would contradict them.
    await client.query(`with caught as (delete from ${table.name}_default where ${table.column} >= $1 and ${table.column} < $2 returning *) insert into ${name} select * from caught`, [from, to]);
    await client.query(`alter table ${table.name} attach partition ${name} for values from ('${from}') to ('${to}')`);
    return true;
  });
}

/** Drops whole days older than `keepDays`. Returns the names dropped. */
export async function dropDayPartitions(pool: Pool, nowMs: number, keepDays: number): Promise<string[]> {
  const oldestMs = Math.floor(nowMs / dayMs - keepDays) * dayMs;
  const dropped: string[] = [];
  for (const table of tables) {
    const { rows } = await pool.query<{ name: string }>(
      `select child.relname as name from pg_inherits join pg_class child on child.oid = inhrelid
       where inhparent = $1::regclass and child.relname ~ ('^' || $1 || '_[0-9]{8}$') and child.relname < $2
       order by 1`,
      [table.name, partitionName(table, dayOf(oldestMs))],
    );
    for (const { name } of rows) {
      await transaction(pool, async (client) => {
        await client.query('select pg_advisory_xact_lock($1)', [lockKey]);
        // Detaching and dropping wait for readers; who reads for long must not stop those who publish.
        await client.query(`set local lock_timeout = '5s'`);
        await client.query(`drop table if exists ${name}`);
      });
      dropped.push(name);
    }
    await pool.query(`delete from ${table.name}_default where ${table.column} < $1`, [boundAt(table, oldestMs)]);
  }
  return dropped;
}
