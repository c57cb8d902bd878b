/**
 * `evenkeel demo`, which `npm start` runs: simulated vendors, the server with its embedded database in .evenkeel/,
 * accounts connected through the pages their owners would see, and traffic. Ends cleanly on Ctrl-C.
 */
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, relative } from 'node:path';
import { startSandbox, type Sandbox } from '@evenkeel/sandbox/sandbox.ts';
import { Evenkeel } from '@evenkeel/sdk/client.ts';
import { readConfiguration, type Configuration } from '@evenkeel/server/configuration.ts';
import { explain } from '@evenkeel/server/main.ts';
import { startServer, type RunningServer } from '@evenkeel/server/server.ts';
import { UsageError, type Invocation } from '../command.ts';
import { textOf } from '../connection.ts';
import { exitCodes, type ExitCode } from '../exit-code.ts';
import { banner } from './banner.ts';
import { assembleCast, registerApps, troubleVendors } from './cast.ts';
import { startReceiver, type Receiver } from './receiver.ts';
import { startTraffic } from './traffic.ts';
import { bringToSend } from './webhooks.ts';

const checkout = join(import.meta.dirname, '../../../..');

/** Runs until interrupted. Whatever was started is stopped again, in the reverse order, also after a failure. */
export async function runDemo({ environment, values, out, signal, cwd }: Invocation): Promise<ExitCode> {
  const sandboxPort = portOf('--sandbox-port', textOf(values['sandbox-port']) ?? '4410');
  const receiverPort = portOf('--receiver-port', textOf(values['receiver-port']) ?? '4420');
  const rate = rateOf(textOf(values['rate']) ?? '4');
  const configuration = configure(environment, sandboxPort);
  const closers: (() => Promise<void>)[] = [];
  try {
    for (const [port, advice] of [[configuration.port, 'set PORT to another'], [sandboxPort, 'pass --sandbox-port with another'], [receiverPort, 'pass --receiver-port with another']] as const) {
      if (await isTaken(port, configuration.host)) throw new UsageError(`port ${port} is in use; end what listens there (another demo?), or ${advice}.`);
    }
    await mkdir(configuration.dataDir, { recursive: true });
    const sandbox = await startSandbox({ port: sandboxPort, memoryFile: join(configuration.dataDir, 'sandbox.json') });
    closers.push(() => sandbox.close());
    const server = await startServer({ ...configuration, hostMap: { ...configuration.hostMap, '*': `${sandbox.url}/{host}` } });
    closers.push(() => server.close());
    return await perform({ server, sandbox, configuration, receiverPort, rate, signal, out, cwd });
  } catch (error) {
    if (error instanceof UsageError) throw error;
    if (!signal.aborted) {
      out.note(`evenkeel: the demo could not start: ${explain(error, configuration.port)}`);
      return exitCodes.findings.code;
    }
    return exitCodes.ok.code;
  } finally {
    for (const close of closers.toReversed()) await close();
  }
}

interface Stage {
  readonly server: RunningServer;
  readonly sandbox: Sandbox;
  readonly configuration: Configuration;
  readonly receiverPort: number;
  readonly rate: number;
  readonly signal: AbortSignal;
  readonly out: Invocation['out'];
  readonly cwd: string;
}

async function perform({ server, sandbox, configuration, receiverPort, rate, signal, out, cwd }: Stage): Promise<ExitCode> {
  const apiKey = configuration.adminKey ?? server.adminKey;
  if (apiKey === undefined) throw new Error('with a database of your own, set EVENKEEL_ADMIN_KEY to the key the demo shall use');
  const client = new Evenkeel({ baseUrl: server.url, apiKey, backoff: false, breaker: false });
  await registerApps(client, signal);
  const receiver = await startReceiver(client, receiverPort, signal);
  try {
    return await play({ server, sandbox, configuration, rate, signal, out, cwd, client, apiKey, receiver });
  } finally {
    await receiver.close();
  }
}

async function play({ server, sandbox, configuration, rate, signal, out, cwd, client, apiKey, receiver }: Omit<Stage, 'receiverPort'> & { client: Evenkeel; apiKey: string; receiver: Receiver }): Promise<ExitCode> {
  const cast = await assembleCast(client, signal, progress(out));
  await bringToSend(client, sandbox.url, cast.members, signal);
  await troubleVendors(sandbox.url, cast.members, signal);
  for (const { plan, reason } of cast.failures) out.note(`${plan.connector} of ${plan.tenant} could not be connected: ${reason}`);
  out.line(banner({ url: server.url, sandboxUrl: sandbox.url, receiverUrl: receiver.url, apiKey, keyFile: keyFileOf(configuration, cwd), cast }));
  const traffic = rate === 0 ? undefined : startTraffic({ client, members: cast.members, rate });
  await untilAborted(signal);
  out.note('Ending: the calls under way, the server, the database.');
  await traffic?.stop();
  return cast.failures.length > 0 ? exitCodes.findings.code : exitCodes.ok.code;
}

function configure(environment: Invocation['environment'], sandboxPort: number): Configuration {
  if (textOf(environment['EVENKEEL_HOST_MAP']) !== undefined) throw new UsageError('the demo leads all vendors to its own simulated ones; unset EVENKEEL_HOST_MAP, or use evenkeel start.');
  // What whoever tries it out has to know is in the banner; that nobody is told by mail yet is a warning for production.
  const read = readConfiguration({ EVENKEEL_LOG_LEVEL: 'error', EVENKEEL_API_PROCESSES: '1', EVENKEEL_DATA_DIR: join(checkout, '.evenkeel'), ...environment });
  if (!read.ok) throw new UsageError(read.faults.map(({ name, message }) => `${name} ${message}`).join('; '));
  if (read.configuration.port === sandboxPort && sandboxPort !== 0) throw new UsageError(`PORT and --sandbox-port are both ${sandboxPort}.`);
  const { allowPrivateEndpoints } = read.configuration;
  // The demo's own receiver is on this machine.
  return { ...read.configuration, allowPrivateEndpoints: [...allowPrivateEndpoints, '127.0.0.1/32'] };
}

/** Asked before anything is started, so that a second demo does not touch the first one's database. */
function isTaken(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
      .once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EADDRINUSE'))
      .once('listening', () => probe.close(() => resolve(false)))
      .listen(port, host);
  });
}

function progress(out: Invocation['out']): (done: number, all: number) => void {
  let last = 0;
  return (done, all) => {
    if (!out.interactive && done !== all) return;
    if (done === all || done - last >= 4) out.note(`Accounts: ${done} of ${all}`);
    if (done - last >= 4) last = done;
  };
}

function keyFileOf({ adminKey, dataDir }: Configuration, cwd: string): string | undefined {
  return adminKey === undefined ? relative(cwd, join(dataDir, 'admin.key')) : undefined;
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function portOf(name: string, text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw new UsageError(`${name} must be a whole number from 0 to 65535, not "${text}".`);
  return Number(text);
}

function rateOf(text: string): number {
  if (!/^\d{1,3}(\.\d+)?$/.test(text) || Number(text) > 200) throw new UsageError(`--rate must be a number from 0 to 200, not "${text}".`);
  return Number(text);
}

