/**
 * What counting costs: an observation on the path of a call, over many series and with failures among them, the turn of
 * the half second included; and the memory of the series. Each round is timed by CPU time of this process alone.
 * Options: --series=5000 --observations=2000000; and what judging a minute costs: --evaluated=500000 --minutes=20
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { SeriesCounter } from '../packages/server/src/telemetry/counting/series-counter.ts';
import type { Observation } from '../packages/server/src/telemetry/observation.ts';
import { measureEvaluation } from './load/evaluation.ts';
import { median, note, report } from './load/measurement.ts';

/** The garbage collector, which Node hides unless it is asked for. */
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const perHalf = 10_000;

export async function run(options: readonly string[]): Promise<void> {
  const option = (name: string, standard: number): number => Number(options.find((one) => one.startsWith(`--${name}=`))?.split('=')[1] ?? standard);
  const observations = observationsOf(option('series', 5_000));
  const counter = new SeriesCounter();
  const costs: number[] = [];
  let packedBytes = 0;
  const rounds = Math.ceil(option('observations', 2_000_000) / perHalf);
  for (let round = 0; round < rounds; round += 1) {
    const before = process.cpuUsage();
    for (let at = 0; at < perHalf; at += 1) {
      const observation = observations[(round * 7919 + at * 31) % observations.length];
      if (observation !== undefined) counter.count(observation);
    }
    packedBytes = counter.turn().packed.length;
    const { user, system } = process.cpuUsage(before);
    // The first rounds compile.
    if (round >= rounds / 10) costs.push((user + system) / perHalf);
  }
  note(`${observations.length} series; ${perHalf} observations a half second are packed into ${packedBytes} bytes; slowest round ${Math.max(...costs).toFixed(3)} µs an observation`);
  report('telemetry', 'record_cost_us', median(costs), 'µs', { below: 3 });
  report('telemetry', 'memory_bytes_per_series', memoryOf(observations), 'B', { below: 2_000 });
  await measureEvaluation(option('evaluated', 500_000), option('minutes', 20));
}

/** Calls as the gateway observes them: texts made anew for each, as there; one in twenty fails. */
function observationsOf(series: number): Observation[] {
  return Array.from({ length: series * 4 }, (_, at) => {
    const account = at % (series / 10);
    const endpoint = ['contacts', 'companies', 'deals', 'notes', 'users', 'tickets', 'jobs', 'people', 'files', 'events'][Math.floor(at / (series / 10)) % 10] ?? '';
    const failed = at % 20 === 0;
    return {
      kind: 'call',
      surface: 'proxy',
      tenantId: `tenant_${account % 97}`,
      accountId: `acc_${account}`,
      connectorId: `vendor-${account % 30}`,
      category: 'crm',
      endpoint: `${endpoint}.list`,
      vendorEndpoint: `${endpoint}.list`,
      outcome: failed ? 'failure' : 'success',
      origin: failed ? 'upstream' : null,
      code: failed ? 'upstream_unavailable' : null,
      atMs: 0,
      totalUs: 20_000 + ((at * 7907) % 400_000),
      upstreamUs: 19_000 + ((at * 7907) % 390_000),
    };
  });
}

/** Bytes of heap and buffers for each series that is kept, after a turn. */
function memoryOf(observations: readonly Observation[]): number {
  const counter = new SeriesCounter();
  const used = (): number => {
    collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const before = used();
  for (const observation of observations) counter.count(observation);
  counter.turn();
  const after = used();
  note(`${counter.figures.series} series in memory`);
  return Math.max(0, after - before) / counter.figures.series;
}
