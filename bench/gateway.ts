/**
 * What the gateway costs against two peers that do nothing but pass on: node:http + undici, and nginx with one worker.
 * The same vendor behind all, each its own process, measured alternately in one run; medians over rounds. The rates tell
 * who is faster on this machine with all of it on two or more cores; the processor time a call tells what each costs.
 * Options: --rounds=5 --seconds=3 --connections=64 --processes=1 (of each: ours, the bare peer's, nginx's workers)
 * --million (a full million calls for the memory figure).
 */
import { readFile } from 'node:fs/promises';
import { cpuUs } from './load/cpu-time.ts';
import { median, note, report } from './load/measurement.ts';
import type { LoadResult } from './load/generator.ts';
import { runLoad, startProgram, type Program } from './load/process.ts';
import { startNginx } from './peers/nginx.ts';

interface Subject {
  readonly name: string;
  readonly port: number;
  readonly pids: readonly number[];
  readonly request: string;
}

const warmUpCalls = 150_000;
const vendorPath = '/crm/v3/objects/contacts/51?properties=email%2Cfirstname';

export async function run(options: readonly string[]): Promise<void> {
  const number = (name: string, fallback: number): number => Number(options.find((option) => option.startsWith(`--${name}=`))?.split('=')[1] ?? fallback);
  const rounds = number('rounds', 5);
  const durationMs = number('seconds', 3) * 1000;
  const connections = number('connections', 64);
  const processes = number('processes', 1);
  const vendor = await startProgram('peers/vendor.ts');
  const started: { stop(): Promise<void> }[] = [vendor];
  try {
    const origin = `http://127.0.0.1:${vendor.line}`;
    const plain = await startPlain(origin, processes, started);
    const evenkeel = await startProgram('peers/evenkeel.ts', [origin, String(processes)], ['--expose-gc']);
    started.push(evenkeel);
    const nginx = await startNginx(Number(vendor.line), processes);
    if (nginx !== undefined) started.push(nginx);
    const ours = subjectOf(evenkeel);
    const peers: Subject[] = [
      { name: 'undici', ...plain, request: get(vendorPath) },
      ...(nginx === undefined ? [] : [{ name: 'nginx', port: nginx.port, pids: nginx.pids, request: get(vendorPath) }]),
    ];
    await throughput([ours, ...peers], { rounds, durationMs, connections });
    await latency(ours, peers[0] ?? ours, { name: 'vendor', port: Number(vendor.line), pids: pidsOf(vendor), request: get(vendorPath) }, { rounds, durationMs, connections });
    await memory(ours, evenkeel, connections, options.includes('--million') ? 1_000_000 : 100_000);
  } finally {
    for (const program of started.toReversed()) await program.stop();
  }
}

const pidsOf = ({ child }: Program): number[] => (child.pid === undefined ? [] : [child.pid]);

/** Several of them share a port as ours do. */
async function startPlain(origin: string, processes: number, started: { stop(): Promise<void> }[]): Promise<{ port: number; pids: number[] }> {
  const first = await startProgram('peers/plain-proxy.ts', processes === 1 ? [origin] : [origin, '0']);
  const programs = [first];
  while (programs.length < processes) programs.push(await startProgram('peers/plain-proxy.ts', [origin, first.line]));
  started.push(...programs);
  return { port: Number(first.line), pids: programs.flatMap(pidsOf) };
}

function get(path: string, headers = ''): string {
  return `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: application/json\r\nuser-agent: bench\r\n${headers}\r\n`;
}

function subjectOf(evenkeel: Program): Subject {
  const { port, key, account, pids } = JSON.parse(evenkeel.line) as { port: number; key: string; account: string; pids: number[] };
  return { name: 'evenkeel', port, pids, request: get('/v1/proxy/contacts/51', `authorization: Bearer ${key}\r\nevenkeel-account: ${account}\r\n`) };
}

async function measure({ name, port, request }: Subject, plan: { connections: number; durationMs: number; rate?: number }): Promise<LoadResult> {
  const result = await runLoad({ port, request, ...plan });
  if (result.notOk > 0 || result.failed > 0) throw new Error(`${name} answered ${result.notOk} calls with errors and lost ${result.failed} connections: not a measurement.`);
  return result;
}

async function throughput(subjects: readonly Subject[], plan: { rounds: number; durationMs: number; connections: number }): Promise<void> {
  const rates = new Map<string, number[]>(subjects.map(({ name }) => [name, []]));
  const costs = new Map<string, number[]>(subjects.map(({ name }) => [name, []]));
  // As many calls for each, until the compiler has done its work: a server that has run for a minute is what is compared.
  for (const { port, request } of subjects) await runLoad({ port, request, connections: plan.connections, durationMs: 0, count: warmUpCalls });
  for (let round = 1; round <= plan.rounds; round += 1) {
    for (const subject of subjects) {
      const before = await cpuUs(subject.pids);
      const { rps, answered } = await measure(subject, plan);
      const cost = ((await cpuUs(subject.pids)) - before) / answered;
      note(`round ${round}: ${subject.name} ${Math.round(rps)} calls/s, ${cost.toFixed(1)} µs of processor time a call`);
      rates.get(subject.name)?.push(rps);
      costs.get(subject.name)?.push(cost);
    }
  }
  for (const [name, values] of rates) report('gateway', `rps_${name}`, median(values), 'calls/s');
  const ratio = (peer: string): number => median((rates.get('evenkeel') ?? []).map((rps, round) => rps / (rates.get(peer)?.[round] ?? Number.NaN)));
  report('gateway', 'rps_ratio_vs_undici', ratio('undici'), 'ratio', { atLeast: 0.75 });
  if (rates.has('nginx')) report('gateway', 'rps_ratio_vs_nginx', ratio('nginx'), 'ratio', { atLeast: 0.6 });
  for (const [name, values] of costs) if (!values.some(Number.isNaN)) report('gateway', `cpu_us_${name}`, median(values), 'µs/call');
}

/**
 * Open loop at half of what it can do; what the vendor takes by itself at the same rate, a moment before, is subtracted.
 * The bare peer takes its turn in each round: what it adds as well is the machine's.
 */
async function latency(ours: Subject, peer: Subject, vendor: Subject, plan: { rounds: number; durationMs: number; connections: number }): Promise<void> {
  const { rps } = await measure(ours, plan);
  const half = { connections: plan.connections, durationMs: plan.durationMs, rate: rps / 2 };
  const added: { p50: number[]; p99: number[]; peer: number[] } = { p50: [], p99: [], peer: [] };
  for (let round = 0; round < plan.rounds; round += 1) {
    const direct = await measure(vendor, half);
    const through = await measure(ours, half);
    const bare = await measure(peer, half);
    note(`half load ${Math.round(half.rate)} calls/s: p99 ${through.p99Ms.toFixed(2)} ms, ${peer.name} ${bare.p99Ms.toFixed(2)} ms, vendor alone ${direct.p99Ms.toFixed(2)} ms`);
    added.p50.push(through.p50Ms - direct.p50Ms);
    added.p99.push(through.p99Ms - direct.p99Ms);
    added.peer.push(bare.p99Ms - direct.p99Ms);
  }
  report('gateway', 'added_p50_ms', median(added.p50), 'ms');
  report('gateway', 'added_p99_ms', median(added.p99), 'ms', { below: 5 });
  report('gateway', `added_p99_ms_${peer.name}`, median(added.peer), 'ms');
}

/**
 * The slope of resident memory over as many calls as are asked for, after as many that fill caches. Read after a full
 * collection each time: garbage waits in the old generation for up to a million calls and would look like a leak.
 */
async function memory({ port, request }: Subject, program: Program, connections: number, calls: number): Promise<void> {
  const steps = 10;
  const resident: number[] = [];
  await runLoad({ port, request, connections, durationMs: 0, count: calls });
  for (let step = 0; step < steps; step += 1) {
    await runLoad({ port, request, connections, durationMs: 0, count: calls / steps });
    const collected = program.nextLine();
    program.child.kill('SIGUSR2');
    await collected;
    resident.push(await residentMb(program.child.pid ?? 0));
  }
  if (resident.some(Number.isNaN)) {
    note('There is no /proc here: rss_growth_mb_per_million is left out.');
    return;
  }
  note(`resident after each ${calls / steps} calls: ${resident.map((mb) => mb.toFixed(0)).join(' ')} MB`);
  report('gateway', 'rss_growth_mb_per_million', slope(resident) * (1_000_000 / (calls / steps)), 'MB');
}

async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) / 1024;
}

/** Least squares, per step. */
function slope(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  let above = 0;
  let below = 0;
  for (const [at, value] of values.entries()) {
    above += (at - middle) * (value - mean);
    below += (at - middle) ** 2;
  }
  return above / below;
}
