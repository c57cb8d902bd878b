/**
 * What Prometheus scrapes. Labels are bounded: outcomes, connectors, endpoints and states, never accounts or tenants. It
 * takes a read key that belongs to no tenant, since counts tell about customers.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Refusal } from '../../http/problem.ts';
import { route, type Route } from '../../http/route.ts';
import type { RecorderCounts } from '../buffered-recorder.ts';
import type { CountingFigures } from '../counting/node-counter.ts';
import type { SealingFigures } from '../sealing/sealer.ts';
import type { CumulativeCounts } from './cumulative-counts.ts';
import { writeMetric, type Metric, type MetricSource } from './exposition.ts';
import type { StandingMetrics } from './standing-metrics.ts';

export interface MetricsParts {
  readonly recorder: () => RecorderCounts;
  readonly counting: () => CountingFigures;
  readonly sealing: () => SealingFigures;
  readonly cumulative: CumulativeCounts;
  readonly standing: StandingMetrics;
  /** Of other rooms: of this process, and those that are the same whichever process is asked. */
  readonly sources: readonly MetricSource[];
  readonly sharedSources: readonly MetricSource[];
  /** All processes of this node, added up. */
  readonly node: () => Promise<readonly Metric[]>;
  readonly version: string;
}

/** What this process tells of itself. */
export function processMetrics({ recorder, counting, sealing, cumulative, sources, version }: Omit<MetricsParts, 'standing' | 'sharedSources' | 'node'>): MetricSource {
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  return async () => {
    const eventLoopP99S = delay.percentile(99) / 1e9;
    delay.reset();
    const others = (await Promise.all(sources.map(async (source) => source()))).flat();
    return [...callMetrics(recorder()), ...cumulative.metrics(), ...countingMetrics(counting(), sealing()), ...runtimeMetrics(version, eventLoopP99S), ...others];
  };
}

export function metricsRoutes({ standing, sharedSources, node }: Pick<MetricsParts, 'standing' | 'sharedSources' | 'node'>): Route[] {
  return [
    route({
      method: 'GET',
      path: '/metrics',
      summary: 'Metrics for Prometheus',
      tag: 'probes',
      access: 'read',
      audit: { none: 'reads only' },
      schema: { response: { 200: null } },
      async handle({ reply, caller }) {
        if (caller.tenantId !== null) throw new Refusal('forbidden', `This key belongs to tenant ${caller.tenantId}, and metrics count every tenant's calls and accounts. Use a read key without a tenant.`);
        const counted = await node().catch((error: unknown) => {
          // Its own counts alone would look like a restart of the node.
          throw new Refusal('internal', `The other processes of this node could not be asked: ${error instanceof Error ? error.message : String(error)}. Try again.`, { status: 503, retry_after: 2 });
        });
        // Without its database a node still tells of itself: that is when it is looked at.
        const shared = await standing.metrics().catch(() => null);
        const others = (await Promise.all(sharedSources.map(async (source) => source()))).flat();
        return reply.type('text/plain; version=0.0.4; charset=utf-8').send([...counted, databaseMetric(shared !== null), ...others, ...(shared ?? [])].map(writeMetric).join(''));
      },
    }),
  ];
}

function callMetrics({ calls, failuresByOrigin, written, dropped, queued }: RecorderCounts): Metric[] {
  return [
    { name: 'evenkeel_calls_total', type: 'counter', help: 'Calls to vendors by outcome, on this node since its start.', samples: Object.entries(calls).map(([outcome, n]) => [{ outcome }, n]) },
    { name: 'evenkeel_call_failures_total', type: 'counter', help: 'Failed calls by whom they are attributed to.', samples: Object.entries(failuresByOrigin).map(([origin, n]) => [{ origin }, n]) },
    { name: 'evenkeel_call_records_written_total', type: 'counter', help: 'Call records written to the database.', samples: [[{}, written]] },
    { name: 'evenkeel_call_records_dropped_total', type: 'counter', help: 'Call records lost to a full queue or an unreachable database.', samples: [[{}, dropped]] },
    { name: 'evenkeel_call_records_queued', type: 'gauge', across: 'sum', help: 'Call records waiting to be written.', samples: [[{}, queued]] },
  ];
}

function countingMetrics(counting: CountingFigures, sealing: SealingFigures): Metric[] {
  return [
    { name: 'evenkeel_telemetry_series', type: 'gauge', across: 'sum', help: 'Series held in memory by this node.', samples: [[{}, counting.series]] },
    { name: 'evenkeel_telemetry_overflowed_total', type: 'counter', help: 'Observations counted under "other", because this node held all the series it may hold.', samples: [[{}, counting.overflowed]] },
    { name: 'evenkeel_telemetry_queued_bytes', type: 'gauge', across: 'sum', help: 'Counts that wait for the database.', samples: [[{}, counting.queuedBytes]] },
    { name: 'evenkeel_telemetry_lost_halves_total', type: 'counter', help: 'Half seconds whose counts were given up.', samples: [[{}, counting.lostHalves]] },
    { name: 'evenkeel_telemetry_write_seconds', type: 'gauge', help: 'From the end of the last half second to the commit of its row.', samples: [[{}, counting.writeMs / 1000]] },
    { name: 'evenkeel_telemetry_clock_offset_seconds', type: 'gauge', help: 'How far the database\'s clock is ahead of this node\'s.', samples: [[{}, counting.clockOffsetMs / 1000]] },
    { name: 'evenkeel_telemetry_seals_total', type: 'counter', help: 'Minutes sealed by this node.', samples: [[{}, sealing.sealed]] },
    { name: 'evenkeel_telemetry_late_rows_total', type: 'counter', help: 'Rows that came after their minute was sealed and became amendments, taken in by this node.', samples: [[{}, sealing.amended]] },
    { name: 'evenkeel_telemetry_seal_seconds', type: 'gauge', help: 'How long the last minute took to be sealed.', samples: [[{}, sealing.lastMs / 1000]] },
  ];
}

const databaseMetric = (reached: boolean): Metric => ({ name: 'evenkeel_database_reachable', type: 'gauge', help: '1 when the database answered this scrape.', samples: [[{}, reached ? 1 : 0]] });

function runtimeMetrics(version: string, eventLoopP99S: number): Metric[] {
  return [
    { name: 'evenkeel_build_info', type: 'gauge', help: 'The running version.', samples: [[{ version }, 1]] },
    { name: 'process_resident_memory_bytes', type: 'gauge', across: 'sum', help: 'Resident memory.', samples: [[{}, process.memoryUsage.rss()]] },
    { name: 'process_cpu_seconds_total', type: 'counter', help: 'User and system CPU time.', samples: [[{}, (process.cpuUsage().user + process.cpuUsage().system) / 1e6]] },
    { name: 'nodejs_eventloop_delay_p99_seconds', type: 'gauge', help: 'P99 of the event loop delay since the last scrape.', samples: [[{}, eventLoopP99S]] },
  ];
}
