/**
 * LISTEN on one dedicated connection for all rooms. After a lost connection it reconnects and tells every listener
 * to resynchronise, since notifications sent meanwhile are gone. The same connection shows that this process is there.
 */
import pg from 'pg';
import type { Log } from '../log.ts';

export interface Listener {
  /** One payload of NOTIFY. */
  readonly notified: (payload: string) => void;
  /** The connection was lost and is back: whatever is cached may be stale. */
  readonly resynchronise: () => void;
}

export interface Notifications {
  /** Channel names are plain identifiers. Resolves once LISTEN is in effect. */
  listen(channel: string, listener: Listener): Promise<void>;
  /**
   * Shows to all nodes that `name` is there, by a lock that PostgreSQL takes back when the connection ends: at once when
   * the process is killed. While a lost connection is restored the name is missing although the process lives.
   */
  show(name: string): Promise<void>;
  close(): Promise<void>;
}

/** SQL: whether the holder of a name, an expression, is connected. */
export const isShown = (name: string): string => `exists (
  select from pg_locks
  where locktype = 'advisory' and classid = ${presenceKey} and objid = (hashtext(${name})::bigint & 4294967295)::oid and objsubid = 2
    and database = (select oid from pg_database where datname = current_database()))`;
const presenceKey = 4_400_007;

export async function createNotifications(connectionString: string, log: Log): Promise<Notifications> {
  const channels = new Map<string, Listener[]>();
  const names = new Set<string>();
  let client = await connect();
  let closed = false;
  let retry: NodeJS.Timeout | undefined;

  async function connect(): Promise<pg.Client> {
    const fresh = new pg.Client({ connectionString, application_name: 'evenkeel notifications', keepAlive: true });
    fresh.on('notification', ({ channel, payload }) => {
      for (const listener of channels.get(channel) ?? []) listener.notified(payload ?? '');
    });
    fresh.on('error', () => undefined);
    await fresh.connect();
    // A machine that dies sends no end: PostgreSQL looks after half a minute, not after two hours. Without TCP this changes nothing.
    await fresh.query('set tcp_keepalives_idle = 15; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3');
    // Only now: a connection that never came about ends as well, and its failure is repeated below.
    fresh.once('end', () => {
      if (!closed) retry = setTimeout(() => void reconnect(200), 50);
    });
    return fresh;
  }

  // Shared: the connection before this one may not have ended yet where PostgreSQL is.
  const holdName = (name: string): Promise<unknown> => client.query(`select pg_advisory_lock_shared(${presenceKey}, hashtext($1))`, [name]);

  async function reconnect(delayMs: number): Promise<void> {
    try {
      client = await connect();
      for (const name of names) await holdName(name);
      for (const channel of channels.keys()) await client.query(`listen ${pg.escapeIdentifier(channel)}`);
      for (const listener of [...channels.values()].flat()) listener.resynchronise();
    } catch (error) {
      log.warn({ err: error }, 'notifications: PostgreSQL is not reachable, trying again');
      if (!closed) retry = setTimeout(() => void reconnect(Math.min(delayMs * 2, 5_000)), delayMs);
    }
  }

  return {
    async listen(channel, listener) {
      const present = channels.get(channel);
      channels.set(channel, [...(present ?? []), listener]);
      if (present === undefined) await client.query(`listen ${pg.escapeIdentifier(channel)}`);
    },
    async show(name) {
      names.add(name);
      await holdName(name);
    },
    async close() {
      closed = true;
      clearTimeout(retry);
      await client.end().catch(() => undefined);
    },
  };
}
