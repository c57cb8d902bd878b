/** The whole of Evenkeel for end-to-end tests: the server as `startServer` builds it, over a test database, with simulated vendors. */
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { readConfiguration, type Configuration } from '@evenkeel/server/configuration.ts';
import { createLog } from '@evenkeel/server/log.ts';
import { startServer, type RunningServer } from '@evenkeel/server/server.ts';
import { startSandbox, type Sandbox } from '@evenkeel/sandbox/sandbox.ts';
import { Evenkeel } from '@evenkeel/sdk/client.ts';
import { atEnd, createTestDatabase, type TestDatabase } from './database.ts';

export interface TestEvenkeel {
  readonly url: string;
  readonly adminKey: string;
  readonly masterKey: string;
  readonly database: TestDatabase;
  readonly sandbox: Sandbox;
  readonly server: RunningServer;
  readonly client: Evenkeel;
  /** Every line the server has logged. */
  readonly logLines: readonly string[];
  /** A raw call, for what the SDK would not send. */
  call(method: string, path: string, options?: { body?: unknown; text?: string; key?: string | null; headers?: Record<string, string> }): Promise<RawAnswer>;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The parsed body; undefined when it is not JSON. */
  readonly json: Record<string, unknown> | undefined;
}

/** Starts all of it; it ends after the tests of the file. `environment` adds to what the server is started with. */
export async function startTestEvenkeel(environment: Record<string, string> = {}): Promise<TestEvenkeel> {
  const database = await createTestDatabase();
  const sandbox = await startSandbox({ port: 0 });
  const adminKey = `ek_test_${randomBytes(18).toString('base64url')}`;
  const masterKey = randomBytes(32).toString('base64');
  const configuration = testConfiguration({
    PORT: String(await freePort()),
    DATABASE_URL: database.url,
    EVENKEEL_MASTER_KEY: masterKey,
    EVENKEEL_ADMIN_KEY: adminKey,
    EVENKEEL_DATA_DIR: tmpdir(),
    EVENKEEL_API_PROCESSES: '1',
    // Every account that a test connects would read its vendor whole.
    EVENKEEL_BACKFILL: 'off',
    EVENKEEL_HOST_MAP: JSON.stringify({ '*': `${sandbox.url}/{host}` }),
    ...environment,
  });
  const logLines: string[] = [];
  const log = createLog('trace', { write: (line: string) => void logLines.push(line) });
  const server = await startServer(configuration, { log });
  atEnd(async () => {
    await server.close();
    await sandbox.close();
  });
  const client = new Evenkeel({ baseUrl: server.url, apiKey: adminKey });
  const call: TestEvenkeel['call'] = async (method, path, options = {}) => {
    const key = options.key === undefined ? adminKey : options.key;
    const body = options.text ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
    const response = await fetch(server.url + path, {
      method,
      redirect: 'manual',
      headers: {
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...options.headers,
      },
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, json: parsed(text) };
  };
  return { url: server.url, adminKey, masterKey, database, sandbox, server, client, logLines, call };
}

function testConfiguration(environment: Record<string, string>): Configuration {
  const read = readConfiguration(environment);
  if (!read.ok) throw new Error(read.faults.map(({ name, message }) => `${name} ${message}`).join('\n'));
  return read.configuration;
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((settle) => probe.listen(0, '127.0.0.1', settle));
  const address = probe.address();
  await new Promise((settle) => probe.close(settle));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
