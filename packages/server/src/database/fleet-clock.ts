/**
 * One clock for all nodes: the database's, carried on between looks by this machine's monotonic clock. When tokens end
 * and when they are due is written by one node and read by another: with clocks of their own, one that is wrong, or that
 * is set right while it runs, would store ends that no other node may believe.
 */
import type { Log } from '../log.ts';
import type { Queryable } from './pool.ts';

export interface FleetClock {
  /** Ms since the epoch. */
  readonly now: () => number;
  /** Compares with the database again; the timer calls it by itself. */
  look(): Promise<void>;
  close(): void;
}

export interface FleetClockParts {
  readonly database: Queryable;
  readonly log: Log;
  /** Default 5 s. */
  readonly everyMs?: number;
  /** Replaced in tests: this machine's monotonic clock, and the one it shows to people. */
  readonly monotonic?: () => number;
  readonly wall?: () => number;
}

/** From this difference on somebody should look after a clock. */
const notableMs = 2_000;

export async function startFleetClock({ database, log, everyMs = 5_000, monotonic = () => performance.now(), wall = Date.now }: FleetClockParts): Promise<FleetClock> {
  let offsetMs = wall() - monotonic();
  let warned = false;
  const now = (): number => monotonic() + offsetMs;
  const look = async (): Promise<void> => {
    const sentAt = monotonic();
    const { rows } = await database.query<{ ms: number }>({ name: 'fleet-clock', text: 'select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms' });
    const answeredAt = monotonic();
    const seen = (rows[0]?.ms ?? now()) - (sentAt + answeredAt) / 2;
    // Within half the round trip the difference may be its own: then nothing is corrected, and the clock runs evenly.
    if (Math.abs(seen - offsetMs) > (answeredAt - sentAt) / 2 + 1) offsetMs = seen;
    const apartMs = Math.round(wall() - now());
    const notable = Math.abs(apartMs) > notableMs;
    if (notable && !warned) log.warn({ apartMs }, 'the clocks of this machine and of the database differ: tokens go by the database, signatures of calls by this machine. Set the wrong one right');
    warned = notable;
  };
  await look();
  await look();
  const timer = setInterval(() => void look().catch(() => undefined), everyMs);
  timer.unref();
  return { now, look, close: () => clearInterval(timer) };
}
