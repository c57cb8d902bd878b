/** The connection to PostgreSQL: one pool a process, and the narrow type that store functions take. */
import pg from 'pg';

/** What a store function needs: a pool, a client or a transaction. */
export interface Queryable {
  query<Row extends pg.QueryResultRow = pg.QueryResultRow>(config: pg.QueryConfig | string, values?: unknown[]): Promise<pg.QueryResult<Row>>;
}

export type Pool = pg.Pool;

// Counts and bytes arrive as bigint (int8); all of ours fit a double exactly.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

export function createPool(connectionString: string, options: { max?: number; onError: (error: Error) => void }): Pool {
  const pool = new pg.Pool({
    connectionString,
    max: options.max ?? 16,
    application_name: 'evenkeel',
    connectionTimeoutMillis: 10_000,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
  });
  // An idle connection that PostgreSQL closes (a restart) must not end the process; the pool replaces it.
  const lost = (error: Error): void => {
    // The pool hangs the whole client on it, with the key that cancels its queries: nothing for a log.
    Reflect.deleteProperty(error, 'client');
    options.onError(error);
  };
  pool.on('error', lost);
  pool.on('connect', (client) => client.on('error', lost));
  return pool;
}

/** Runs `act` in one transaction; a throw rolls back and is passed on. */
export async function transaction<Result>(pool: Pool, act: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('begin');
    const result = await act(client);
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch((failure: unknown) => {
      broken = failure instanceof Error ? failure : new Error(String(failure));
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

/** System errors of a connection, and PostgreSQL's classes 08 (connection), 57P0x (shutting down, starting) and 53300 (no slot left). */
const outageCodes = /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|08...|57P0[123]|53300)$/;
const outageMessages = /^(timeout exceeded when trying to connect|Connection terminated|Client has encountered a connection error)/;

/** Whether a query failed because the database could not be reached; the same query may succeed later. */
export function isDatabaseOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (error instanceof AggregateError && error.errors.some(isDatabaseOutage)) return true;
  return outageCodes.test(code) || outageMessages.test(error.message);
}
