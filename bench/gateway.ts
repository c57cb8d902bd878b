/**
 * What the gateway costs against two peers that do nothing but pass on: node:http + undici, and nginx with one worker.
 * The same vendor behind all, each its own process, measured alternately in one run; medians over rounds. The rates tell
 * who is faster on this machine with all of it on two or more cores; the processor time a call tells what each costs.
 * Evenkeel runs twice, one after the other: as it ships (`evenkeel`: a process for each core) against nginx, and with one
 * process (`evenkeel_one_process`) against the bare peer, which is one process too. Never both at once: one that only waits
 * has its timers and its own PostgreSQL, 4 % of a core here, and what it pushes out of the caches is paid by the other.
 * Options: --rounds=5 --seconds=3 --connections=64 --processes=auto (of Evenkeel as it ships) --million (a full million
 * calls for the memory figure).
 */
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
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

const warmUpCalls = 500_000;
const settleMs = 1_500;
const vendorPath = '/crm/v3/objects/contacts/51?properties=email%2Cfirstname';

export async function run(options: readonly string[]): Promise<void> {
  const option = (name: string, fallback: string): string => options.find((one) => one.startsWith(`--${name}=`))?.split('=')[1] ?? fallback;
  const plan = { rounds: Number(option('rounds', '5')), durationMs: Number(option('seconds', '3')) * 1000, connections: Number(option('connections', '64')) };
  const started: { stop(): Promise<void> }[] = [];
  const start = async (...program: Parameters<typeof startProgram>): Promise<Program> => {
    const running = await startProgram(...program);
    started.push(running);
    return running;
  };
  try {
    const vendor = await start('peers/vendor.ts');
    const origin = `http://127.0.0.1:${vendor.line}`;
    const bare = await start('peers/plain-proxy.ts', [origin]);
    const nginx = await startNginx(Number(vendor.line));
    if (nginx !== undefined) started.push(nginx);
    const peer = (name: string, port: number, pids: readonly number[]): Subject => ({ name, port, pids, request: get(vendorPath) });
    const peers = { undici: peer('undici', Number(bare.line), pidsOf(bare)), ...(nginx === undefined ? {} : { nginx: peer('nginx', nginx.port, nginx.pids) }) };
    for (const subject of peersIn(peers)) await warmUp(subject, plan);
    const alone = peer('vendor', Number(vendor.line), pidsOf(vendor));
    const against = async (name: string, processes: string, suffix: string, then?: (ours: Subject, program: Program) => Promise<void>): Promise<void> => {
      const program = await start('peers/evenkeel.ts', [origin, processes], then === undefined ? [] : ['--expose-gc']);
      const ours = subjectOf(name, program);
      note(`${availableParallelism()} cores for all programs together; ${name}: ${ours.pids.length} process(es)`);
      await warmUp(ours, plan);
      const rate = await throughput({ ours, ...peers }, plan, suffix);
      await latency({ ours, peer: peers.undici, vendor: alone, rate: rate / 2 }, plan, suffix);
      await then?.(ours, program);
      started.splice(started.indexOf(program), 1);
      await program.stop();
    };
    await against('evenkeel', option('processes', 'auto'), '');
    await against('evenkeel_one_process', '1', '_one_process', (ours, program) => memory(ours, program, plan.connections, options.includes('--million') ? 1_000_000 : 100_000));
  } finally {
    for (const program of started.toReversed()) await program.stop();
  }
}

const pidsOf = ({ child }: Program): number[] => (child.pid === undefined ? [] : [child.pid]);

function get(path: string, headers = ''): string {
  return `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: application/json\r\nuser-agent: bench\r\n${headers}\r\n`;
}

function subjectOf(name: string, evenkeel: Program): Subject {
  const { port, key, account, pids } = JSON.parse(evenkeel.line) as { port: number; key: string; account: string; pids: number[] };
  return { name, port, pids, request: get('/v1/proxy/contacts/51', `authorization: Bearer ${key}\r\nevenkeel-account: ${account}\r\n`) };
}

async function measure({ name, port, request }: Subject, plan: { connections: number; durationMs: number; rate?: number; settleMs?: number }): Promise<LoadResult> {
  const result = await runLoad({ port, request, ...plan });
  if (result.notOk > 0 || result.failed > 0) throw new Error(`${name} answered ${result.notOk} calls with errors and lost ${result.failed} connections: not a measurement.`);
  return result;
}

interface Plan {
  readonly rounds: number;
  readonly durationMs: number;
  readonly connections: number;
}

interface Peers {
  readonly undici: Subject;
  readonly nginx?: Subject;
}

const peersIn = ({ undici, nginx }: Peers): readonly Subject[] => (nginx === undefined ? [undici] : [undici, nginx]);

/** As many calls for each process, until the compiler has done its work: a server that has run for a minute is what is compared. */
const warmUp = ({ port, request, pids }: Subject, { connections }: Plan): Promise<LoadResult> => runLoad({ port, request, connections, durationMs: 0, count: warmUpCalls * Math.max(1, pids.length) });

/** Resolves with the median rate of Evenkeel, calls a second. */
async function throughput(subjects: Peers & { readonly ours: Subject }, plan: Plan, suffix: string): Promise<number> {
  const { ours, undici, nginx } = subjects;
  const all = [ours, ...peersIn(subjects)];
  const rates = new Map<Subject, number[]>(all.map((subject) => [subject, []]));
  const costs = new Map<Subject, number[]>(all.map((subject) => [subject, []]));
  for (let round = 1; round <= plan.rounds; round += 1) {
    for (const subject of all) {
      const before = await cpuUs(subject.pids);
      const { rps, answered } = await measure(subject, plan);
      const cost = ((await cpuUs(subject.pids)) - before) / answered;
      note(`round ${round}: ${subject.name} ${Math.round(rps)} calls/s, ${cost.toFixed(1)} µs of processor time a call`);
      rates.get(subject)?.push(rps);
      costs.get(subject)?.push(cost);
    }
  }
  const named = ({ name }: Subject): string => (suffix === '' || name === ours.name ? name : `${name}_beside${suffix}`);
  for (const [subject, values] of rates) report('gateway', `rps_${named(subject)}`, median(values), 'calls/s');
  for (const [subject, values] of costs) if (!values.some(Number.isNaN)) report('gateway', `cpu_us_${named(subject)}`, median(values), 'µs/call');
  const ratio = (peer: Subject): number => median((rates.get(ours) ?? []).map((rps, round) => rps / (rates.get(peer)?.[round] ?? Number.NaN)));
  const single = suffix !== '';
  report('gateway', single ? 'rps_ratio_vs_undici' : 'rps_ratio_vs_undici_as_shipped', ratio(undici), 'ratio', single ? { atLeast: 0.75 } : null);
  if (nginx !== undefined) report('gateway', `rps_ratio_vs_nginx${suffix}`, ratio(nginx), 'ratio', single ? null : { atLeast: 0.6 });
  return median(rates.get(ours) ?? []);
}

/**
 * Open loop at half of what it can do; what the vendor takes by itself at the same rate, a moment before, is subtracted.
 * The bare peer takes its turn in each round: what it adds as well is the machine's. The first moments, in which connections
 * are made on both sides and the load's own program is cold, are told apart.
 */
async function latency({ ours, peer, vendor, rate }: { ours: Subject; peer: Subject; vendor: Subject; rate: number }, plan: Plan, suffix: string): Promise<void> {
  const half = { connections: plan.connections, durationMs: plan.durationMs, rate, settleMs };
  const added: { p50: number[]; p99: number[]; peer: number[] } = { p50: [], p99: [], peer: [] };
  for (let round = 0; round < plan.rounds; round += 1) {
    const direct = await measure(vendor, half);
    const through = await measure(ours, half);
    const bare = await measure(peer, half);
    const shown = (name: string, { p99Ms, settlingP99Ms, sentLateP99Ms }: LoadResult): string => `${name} ${p99Ms.toFixed(2)} (first moments ${settlingP99Ms.toFixed(1)}, sent late ${sentLateP99Ms.toFixed(1)})`;
    note(`half load ${Math.round(rate)} calls/s, p99 ms: ${shown(ours.name, through)}, ${shown(peer.name, bare)}, ${shown('vendor alone', direct)}`);
    added.p50.push(through.p50Ms - direct.p50Ms);
    added.p99.push(through.p99Ms - direct.p99Ms);
    added.peer.push(bare.p99Ms - direct.p99Ms);
  }
  report('gateway', `added_p50_ms${suffix}`, median(added.p50), 'ms');
  report('gateway', `added_p99_ms${suffix}`, median(added.p99), 'ms', suffix === '' ? { below: 5 } : null);
  report('gateway', `added_p99_ms${suffix}_${peer.name}`, median(added.peer), 'ms');
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
