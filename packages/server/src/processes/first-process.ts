/**
 * The first process of a node and the further ones it keeps, since one process uses one core. They are nodes like any
 * other (role `api`), hold nothing that another needs, and share the port by SO_REUSEPORT: the kernel deals out connections.
 * They get their configuration over the channel between the processes, not in an environment that others could read.
 * What the node as a whole tells, its metrics and whether it is ready, comes together here.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Configuration } from '../configuration.ts';
import type { Log } from '../log.ts';
import type { Metric, MetricSource } from '../telemetry/metrics/exposition.ts';
import { mergeMetrics, onlyGrowing } from '../telemetry/metrics/merging.ts';
import { Channel } from './channel.ts';
import type { NodeProcesses } from './node-processes.ts';

/** The argument that tells main.ts to be a further process. */
export const furtherProcessArgument = 'api-process';
/** What a further process says when it listens. */
export const listening = 'listening';

const restartAfterMs = 1_000;
/** Requests under way have 10 s (`http/application.ts`); then the buffers are written. */
const stopWithinMs = 25_000;
/** A process that does not answer a scrape within this time is told of as it was. */
const answerWithinMs = 2_000;
/** One that says nothing for so long stands still, and the connections the kernel gives it with it. */
const standstillMs = 30_000;

interface Further {
  readonly child: ChildProcess;
  readonly channel: Channel;
  listens: boolean;
  /** What it told of itself last. */
  told: readonly Metric[];
}

export class FirstProcess implements NodeProcesses {
  readonly #log: Log;
  readonly #standstillMs: number;
  readonly #running = new Set<Further>();
  readonly #restarts = new Set<NodeJS.Timeout>();
  #replaced = 0;
  #stopping = false;
  /** What processes that are gone had counted: nothing the node told ever gets less. */
  #ended: readonly Metric[] = [];
  #own: { readonly metrics: MetricSource; readonly faults: () => Promise<readonly string[]> } = { metrics: () => [], faults: () => Promise.resolve([]) };

  constructor(log: Log, options: { readonly standstillMs?: number } = {}) {
    this.#log = log;
    this.#standstillMs = options.standstillMs ?? standstillMs;
  }

  /** One that is being replaced takes nothing from the others: the node is ready without it. */
  readonly checks = [];

  tells(own: { readonly metrics: MetricSource; readonly faults: () => Promise<readonly string[]> }): void {
    this.#own = own;
  }

  /** Of the further ones. */
  pids(): readonly number[] {
    return [...this.#running].flatMap(({ child }) => child.pid ?? []);
  }

  async metrics(): Promise<readonly Metric[]> {
    const [own] = await Promise.all([this.#own.metrics(), ...[...this.#running].map((one) => this.#hear(one))]);
    // Read after all have told: what one that ended meanwhile had counted is in one of both.
    return [...mergeMetrics([own, ...[...this.#running].map(({ told }) => told), this.#ended]), ...this.#metricsOfProcesses()];
  }

  #metricsOfProcesses(): Metric[] {
    return [
      { name: 'evenkeel_api_processes', type: 'gauge', help: 'Processes of this node that answer on its port.', samples: [[{}, 1 + [...this.#running].filter((one) => one.listens).length]] },
      { name: 'evenkeel_api_processes_replaced_total', type: 'counter', help: 'Processes of this node that ended by themselves. What they counted after the last scrape is not told.', samples: [[{}, this.#replaced]] },
    ];
  }

  async #hear(one: Further): Promise<void> {
    if (!one.listens) return;
    try {
      one.told = await one.channel.ask('metrics', answerWithinMs);
    } catch (error) {
      this.#log.warn({ err: error, pid: one.child.pid }, 'an API process did not tell its metrics; those it told last are shown');
    }
  }

  /** Resolves when `count` further processes listen; one that ends by itself is replaced. Rejects when one cannot start. */
  async start(configuration: Configuration, count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.#startOne(configuration)));
  }

  async #startOne(configuration: Configuration): Promise<void> {
    const child = fork(join(import.meta.dirname, '../main.ts'), [furtherProcessArgument], { serialization: 'advanced' });
    const channel = new Channel(child, { nodeMetrics: () => this.metrics(), faults: () => this.#own.faults() });
    const further: Further = { child, channel, listens: false, told: [] };
    this.#running.add(further);
    child.once('exit', (code, signal) => {
      this.#running.delete(further);
      this.#ended = mergeMetrics([this.#ended, onlyGrowing(further.told)]);
      if (!this.#stopping) this.#replace(configuration, { pid: child.pid, code, signal });
    });
    child.send(configuration);
    const gone = once(child, 'exit').then(() => Promise.reject(new Error('An API process ended before it listened. Its log, on standard output, tells why.')));
    await Promise.race([once(child, 'message'), gone]);
    gone.catch(() => undefined);
    further.listens = true;
    void this.#watch(further);
  }

  /** Kills one that stands still, so that it is replaced. */
  async #watch({ child, channel }: Further): Promise<void> {
    while (child.exitCode === null && child.signalCode === null && !this.#stopping) {
      const answered = await channel.ask('alive', this.#standstillMs).catch(() => false);
      if (!answered && child.connected && !this.#stopping) {
        this.#log.error({ pid: child.pid }, `an API process said nothing for ${this.#standstillMs / 1000} s and is ended`);
        child.kill('SIGKILL');
        return;
      }
      await sleep(this.#standstillMs / 6, undefined, { ref: false });
    }
  }

  #replace(configuration: Configuration, ended: { pid: number | undefined; code: number | null; signal: string | null }): void {
    this.#replaced += 1;
    this.#log.error(ended, 'an API process ended by itself and is replaced');
    const timer = setTimeout(() => {
      this.#restarts.delete(timer);
      this.#startOne(configuration).catch((error: unknown) => this.#log.error({ err: error }, 'an API process could not be replaced yet'));
    }, restartAfterMs);
    this.#restarts.add(timer);
  }

  /** Lets them end their requests, and waits until they are gone. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#restarts) clearTimeout(timer);
    await Promise.all([...this.#running].map(({ child }) => end(child)));
  }
}

async function end(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  if (child.connected) child.disconnect();
  const late = setTimeout(() => child.kill('SIGKILL'), stopWithinMs);
  await gone;
  clearTimeout(late);
}
