/**
 * The large form of the crash test of ingest: 2,000 events a second for two minutes, server and PostgreSQL killed in
 * turn at random. Options: --seconds=120 --rate=2000 --kills=12.
 */
import { crashIngest } from '@evenkeel/tests/harness/ingest-crash.ts';
import { note, report } from './load/measurement.ts';

export async function run(options: readonly string[]): Promise<void> {
  const number = (name: string, fallback: number): number => Number(options.find((option) => option.startsWith(`--${name}=`))?.split('=')[1] ?? fallback);
  const [seconds, eventsPerSecond, kills] = [number('seconds', 120), number('rate', 2_000), number('kills', 12)];
  const gapMs = (seconds * 1000) / (kills + 1);
  const result = await crashIngest({
    seconds,
    eventsPerSecond,
    // A start takes seconds of its own, which the next kill waits for.
    kills: Array.from({ length: kills }, (_, index) => ({ what: index % 2 === 0 ? ('server' as const) : ('postgres' as const), afterMs: gapMs * 0.6 * (0.5 + Math.random()) })),
    note,
  });
  report('crash', 'events_acknowledged', result.events, 'events', { exactly: seconds * eventsPerSecond });
  report('crash', 'kills', result.kills, 'kills');
  report('crash', 'requests_sent', result.requests, 'requests');
  report('crash', 'duplicates_told_apart', result.duplicates, 'events');
  report('crash', 'acknowledged_not_processed', result.lost, 'events', { exactly: 0 });
  report('crash', 'effects_doubled', result.doubled, 'events', { exactly: 0 });
  report('crash', 'answers_4xx', Object.entries(result.statuses).reduce((sum, [status, n]) => (status.startsWith('4') ? sum + n : sum), 0), 'answers', { exactly: 0 });
  report('crash', 'drain_ms', result.drainMs, 'ms');
}
