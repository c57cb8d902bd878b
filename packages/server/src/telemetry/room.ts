/** What the room gives to the whole: a recorder for calls, their list, and the job that keeps their days. */
import type { Pool } from '../database/pool.ts';
import type { Route } from '../http/route.ts';
import type { AnyJob } from '../jobs/runner.ts';
import type { Log } from '../log.ts';
import { BufferedCallRecorder } from './buffered-recorder.ts';
import { makeCallPartitions } from './call-partitions.ts';
import { callRetentionJob } from './call-retention.ts';
import { callRoutes } from './call-routes.ts';

export interface TelemetryRoom {
  readonly recorder: BufferedCallRecorder;
  readonly routes: readonly Route[];
  readonly jobs: readonly AnyJob[];
  /** Writes what is queued. Close the gateway first, the database last. */
  close(): Promise<void>;
}

/** Makes the partitions of the coming days, so that the first call finds its own. */
export async function openTelemetry({ pool, log, now }: { pool: Pool; log: Log; now: () => number }, options: { sampleEvery?: number; keepDays?: number } = {}): Promise<TelemetryRoom> {
  await makeCallPartitions(pool, now());
  const recorder = new BufferedCallRecorder({ database: pool, log, ...(options.sampleEvery === undefined ? {} : { sampleEvery: options.sampleEvery }) });
  return {
    recorder,
    routes: callRoutes(pool),
    jobs: [callRetentionJob(pool, { now, ...(options.keepDays === undefined ? {} : { keepDays: options.keepDays }) })],
    close: () => recorder.close(),
  };
}
