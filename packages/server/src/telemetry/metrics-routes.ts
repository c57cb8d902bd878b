/**
 * What Prometheus scrapes (text format 0.0.4). Labels are bounded: outcomes, origins and states, never accounts or
 * tenants. It takes a read key that belongs to no tenant, since counts tell about customers.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Queryable } from '../database/pool.ts';
import { Refusal } from '../http/problem.ts';
import { route, type Route } from '../http/route.ts';
import type { RecorderCounts } from './buffered-recorder.ts';
import type { Metric, MetricSource, Sample } from './metric.ts';

export interface MetricsParts {
  readonly database: Queryable;
  readonly counts: () => RecorderCounts;
  /** Of other rooms. */
  readonly sources: readonly MetricSource[];
  readonly version: string;
}

export function metricsRoutes({ database, counts, sources, version }: MetricsParts): Route[] {
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
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
        const { rows } = await database.query<{ connector_id: string; state: string; n: number }>(
          `select connector_id, state, count(*) as n from accounts where deleted_at is null group by connector_id, state`,
        );
        const accounts = rows.map(({ connector_id: connector, state, n }): Sample => [{ connector, state }, n]);
        const eventLoopP99S = delay.percentile(99) / 1e9;
        delay.reset();
        const text = [...callMetrics(counts()), ...sources.flatMap((source) => source()), ...processMetrics(version, eventLoopP99S), accountMetric(accounts)].map(write).join('');
        return reply.type('text/plain; version=0.0.4; charset=utf-8').send(text);
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
    { name: 'evenkeel_call_records_queued', type: 'gauge', help: 'Call records waiting to be written.', samples: [[{}, queued]] },
  ];
}

function processMetrics(version: string, eventLoopP99S: number): Metric[] {
  return [
    { name: 'evenkeel_build_info', type: 'gauge', help: 'The running version.', samples: [[{ version }, 1]] },
    { name: 'process_resident_memory_bytes', type: 'gauge', help: 'Resident memory.', samples: [[{}, process.memoryUsage.rss()]] },
    { name: 'process_cpu_seconds_total', type: 'counter', help: 'User and system CPU time.', samples: [[{}, (process.cpuUsage().user + process.cpuUsage().system) / 1e6]] },
    { name: 'nodejs_eventloop_delay_p99_seconds', type: 'gauge', help: 'P99 of the event loop delay since the last scrape.', samples: [[{}, eventLoopP99S]] },
  ];
}

const accountMetric = (samples: readonly Sample[]): Metric => ({
  name: 'evenkeel_accounts',
  type: 'gauge',
  help: 'Accounts by connector and state.',
  samples,
});

function write({ name, type, help, samples }: Metric): string {
  const lines = samples.map(([labels, value]) => {
    const pairs = Object.entries(labels).map(([key, label]) => `${key}="${label.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`))}"`);
    return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}\n`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}
