/**
 * The environment, read once and typed. Each variable is one entry: name, meaning, how it parses.
 * A wrong or missing value is named with what was expected; nothing starts on a doubtful configuration.
 */
import { availableParallelism, totalmem } from 'node:os';
import { resolve } from 'node:path';

export interface Configuration {
  readonly port: number;
  readonly host: string;
  /** Without a trailing slash; what customers and vendors reach this installation by. */
  readonly publicUrl: string;
  /** undefined: the embedded PostgreSQL in dataDir. */
  readonly databaseUrl: string | undefined;
  readonly dataDir: string;
  /** 32 bytes, or undefined: made and kept in dataDir. */
  readonly masterKey: Uint8Array | undefined;
  /** Keys that still open what they sealed, while the master key is rotated. */
  readonly previousMasterKeys: readonly Uint8Array[];
  readonly adminKey: string | undefined;
  readonly connectorsDir: string | undefined;
  readonly playbookDir: string | undefined;
  readonly role: 'all' | 'api' | 'worker';
  /** Processes that answer on the port, this one included. */
  readonly apiProcesses: number;
  readonly smtpUrl: string | undefined;
  /** Sender of e-mail. */
  readonly mailFrom: string;
  /** Whoever runs this installation; undefined: nobody is written to. */
  readonly mailTo: string | undefined;
  readonly logLevel: string;
  /** Days that inbound requests and events are kept. */
  readonly inboundDays: number;
  /** Whether connecting an account tells of the records that were there before. */
  readonly backfill: boolean;
  /** Days that an inbound event is known as a repetition. */
  readonly inboundDedupeDays: number;
  /** Vendor host or pattern → base address that stands in for it; {host} is replaced. */
  readonly hostMap: Readonly<Record<string, string>>;
  /** CIDRs of private networks that upstream calls may reach. */
  readonly allowPrivate: readonly string[];
  /** Days that calls with their evidence, counts by minute and counts by hour are kept. */
  readonly callsDays: number;
  readonly minutesDays: number;
  readonly hoursDays: number;
  /** How often at most an endpoint's answers are looked at for their shape, and over how long spans a change has to last. */
  readonly shapeSampleSeconds: number;
  /** Base address of an OpenTelemetry collector, and headers of its own; undefined: nothing is exported. */
  readonly otlpUrl: string | undefined;
  readonly otlpHeaders: Readonly<Record<string, string>>;
  readonly shapeBucketSeconds: number;
  /** CIDRs of private networks that webhook endpoints may be in. */
  readonly allowPrivateEndpoints: readonly string[];
  readonly deliveryRetentionDays: number;
  readonly endpointDisableDays: number;
}

export interface ConfigurationFault {
  readonly name: string;
  readonly message: string;
}

interface Variable<T> {
  readonly name: string;
  readonly description: string;
  readonly parse: (text: string | undefined) => T;
}

class Unusable extends Error {}

function onOrOff(value: string): boolean {
  if (value !== 'on' && value !== 'off') throw new Unusable('must be on or off');
  return value === 'on';
}

const text = (value: string | undefined): string | undefined => (value === undefined || value.trim() === '' ? undefined : value.trim());
const variable = <T>(name: string, description: string, parse: (value: string | undefined) => T): Variable<T> => ({
  name,
  description,
  parse: (value) => parse(text(value)),
});

/** Every variable Evenkeel reads, in the order of the documentation. */
export const variables = {
  port: variable('PORT', 'Port to listen on; default 4400. 0 takes a free one.', (value) => integer(value ?? '4400', 0, 65_535)),
  host: variable('HOST', 'Address to listen on; default 127.0.0.1.', (value) => value ?? '127.0.0.1'),
  publicUrl: variable('PUBLIC_URL', 'Address customers and vendors reach this installation by; default http://<HOST>:<PORT>.', (value) =>
    value === undefined ? undefined : httpUrl(value),
  ),
  databaseUrl: variable('DATABASE_URL', 'postgres://… of your own PostgreSQL 15 or newer; without it an embedded one runs in the data folder.', (value) =>
    value === undefined ? undefined : postgresUrl(value),
  ),
  dataDir: variable('EVENKEEL_DATA_DIR', 'Folder of the embedded PostgreSQL and generated keys; default .evenkeel.', (value) => resolve(value ?? '.evenkeel')),
  masterKey: variable('EVENKEEL_MASTER_KEY', 'Key that seals credentials: 32 bytes in base64. Without it one is made in the data folder.', (value) =>
    value === undefined ? undefined : key(value),
  ),
  previousMasterKeys: variable('EVENKEEL_MASTER_KEY_PREVIOUS', 'Former master keys, comma-separated, until evenkeel vault status calls them retired.', (value) =>
    value === undefined ? [] : value.split(',').map((one) => key(one.trim())),
  ),
  adminKey: variable('EVENKEEL_ADMIN_KEY', 'The first API key with admin scope, at least 20 characters.', (value) =>
    value === undefined ? undefined : atLeast(value, 20),
  ),
  connectorsDir: variable('EVENKEEL_CONNECTORS_DIR', 'Folder with further connectors.', (value) => (value === undefined ? undefined : resolve(value))),
  playbookDir: variable('EVENKEEL_PLAYBOOK_DIR', 'Folder with the playbook.', (value) => (value === undefined ? undefined : resolve(value))),
  role: variable('EVENKEEL_ROLE', 'all (default), api or worker.', (value) => oneOf(value ?? 'all', ['all', 'api', 'worker'])),
  apiProcesses: variable('EVENKEEL_API_PROCESSES', 'Processes that answer on the port, each using a core; default auto: one for each core and 512 MiB of memory, at most 4. More than 1 need Linux or FreeBSD.', (value) =>
    value === undefined || value === 'auto' ? 'auto' : integer(value, 1, 64, ', or auto'),
  ),
  smtpUrl: variable('SMTP_URL', 'smtp://… for e-mail.', (value) => value),
  mailFrom: variable('EVENKEEL_MAIL_FROM', 'Sender of e-mail; default evenkeel@localhost.', (value) => value ?? 'evenkeel@localhost'),
  mailTo: variable('EVENKEEL_MAIL_TO', 'Address of whoever runs this installation, told of disabled endpoints.', (value) => value),
  logLevel: variable('EVENKEEL_LOG_LEVEL', 'trace, debug, info (default), warn, error, fatal or silent.', (value) =>
    oneOf(value ?? 'info', ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']),
  ),
  inboundDays: variable('EVENKEEL_INBOUND_DAYS', 'Days that inbound webhooks are kept, for looking into and replay; default 30.', (value) => integer(value ?? '30', 1, 3_650)),
  backfill: variable('EVENKEEL_BACKFILL', 'Whether connecting an account tells of every record that was there before, as its connector declares: on (default) or off.', (value) => onOrOff(value ?? 'on')),
  inboundDedupeDays: variable('EVENKEEL_INBOUND_DEDUPE_DAYS', 'Days in which a repeated inbound event is known; default 14, never less than a vendor repeats.', (value) => integer(value ?? '14', 1, 3_650)),
  hostMap: variable('EVENKEEL_HOST_MAP', 'JSON object that leads vendor hosts elsewhere, for rehearsals: {"*": "http://127.0.0.1:4410/{host}"}.', (value) =>
    value === undefined ? {} : hostMap(value),
  ),
  allowPrivate: variable('EVENKEEL_ALLOW_PRIVATE', 'Comma-separated CIDRs of private networks that upstream calls may reach.', (value) =>
    value === undefined ? [] : value.split(',').map((cidr) => cidrRange(cidr.trim())),
  ),
  callsDays: variable('EVENKEEL_KEEP_CALLS_DAYS', 'Days that calls are kept with their evidence; default 35.', (value) => integer(value ?? '35', 1, 3650)),
  minutesDays: variable('EVENKEEL_KEEP_MINUTES_DAYS', 'Days that counts by minute are kept; default 35.', (value) => integer(value ?? '35', 2, 3650)),
  otlpUrl: variable('EVENKEEL_OTLP_URL', 'Base address of an OpenTelemetry collector, such as http://127.0.0.1:4318, to which traces and metrics are sent (OTLP/HTTP, JSON).', (value) =>
    value === undefined ? undefined : httpUrl(value),
  ),
  otlpHeaders: variable('EVENKEEL_OTLP_HEADERS', 'Headers of those requests: name=value, comma-separated.', (value) =>
    value === undefined ? {} : headerPairs(value),
  ),
  shapeSampleSeconds: variable('EVENKEEL_SHAPE_SAMPLE_SECONDS', 'Seconds between two answers of an endpoint whose shape is looked at, on each node; default 5; 0 looks at all.', (value) => integer(value ?? '5', 0, 86_400)),
  shapeBucketSeconds: variable('EVENKEEL_SHAPE_BUCKET_SECONDS', 'Spans of time of which a change of shape has to last for three; default 300.', (value) => integer(value ?? '300', 1, 86_400)),
  hoursDays: variable('EVENKEEL_KEEP_HOURS_DAYS', 'Days that counts by hour are kept; default 400.', (value) => integer(value ?? '400', 2, 3650)),
  allowPrivateEndpoints: variable('EVENKEEL_ALLOW_PRIVATE_ENDPOINTS', 'Comma-separated CIDRs of private networks that webhook endpoints may be in; also allows http for endpoints.', (value) =>
    value === undefined ? [] : value.split(',').map((cidr) => cidrRange(cidr.trim())),
  ),
  deliveryRetentionDays: variable('EVENKEEL_DELIVERY_RETENTION_DAYS', 'Days for which events, deliveries and attempts are kept; default 35.', (value) => integer(value ?? '35', 8, 3650)),
  endpointDisableDays: variable('EVENKEEL_ENDPOINT_DISABLE_DAYS', 'Days of nothing but failures after which an endpoint is disabled; default 5.', (value) => integer(value ?? '5', 1, 365)),
} as const;

/** Parses the environment; every fault is reported, not only the first. Unknown EVENKEEL_ names are faults too. */
export function readConfiguration(
  environment: Readonly<Record<string, string | undefined>>,
): { ok: true; configuration: Configuration } | { ok: false; faults: ConfigurationFault[] } {
  const faults: ConfigurationFault[] = [];
  const values: Record<string, unknown> = {};
  for (const [field, { name, parse }] of Object.entries<Variable<unknown>>(variables)) {
    try {
      values[field] = parse(environment[name]);
    } catch (error) {
      if (!(error instanceof Unusable)) throw error;
      faults.push({ name, message: error.message });
    }
  }
  const known = new Set<string>([...Object.values(variables).map(({ name }) => name), ...clientVariables]);
  for (const name of Object.keys(environment)) {
    if (name.startsWith('EVENKEEL_') && !name.startsWith('EVENKEEL_TEST_') && !known.has(name)) {
      faults.push({ name, message: `is not a variable of Evenkeel; known are ${[...known].filter((one) => one.startsWith('EVENKEEL_')).join(', ')}` });
    }
  }
  if (faults.length > 0) return { ok: false, faults };
  const parsed = values as Omit<Configuration, 'publicUrl' | 'apiProcesses'> & { publicUrl: string | undefined; apiProcesses: number | 'auto' };
  const shownHost = parsed.host === '0.0.0.0' || parsed.host === '::' ? '127.0.0.1' : parsed.host.includes(':') ? `[${parsed.host}]` : parsed.host;
  const apiProcesses = parsed.apiProcesses !== 'auto' ? parsed.apiProcesses : parsed.role === 'worker' ? 1 : suitableProcesses();
  return { ok: true, configuration: { ...parsed, apiProcesses, publicUrl: parsed.publicUrl ?? `http://${shownHost}:${parsed.port}` } };
}

/** A process holds 250 MB when it has started and up to 364 MB under load (docs/decisions/0008); the rest is room for what it reads. */
const bytesForProcess = 512 * 1024 * 1024;
const mostProcesses = 4;

/** Processes that make use of this machine: cores and memory as a container limits them. */
function suitableProcesses(): number {
  if (process.platform !== 'linux' && process.platform !== 'freebsd') return 1;
  const memory = Math.min(totalmem(), process.constrainedMemory() || Infinity);
  return Math.max(1, Math.min(availableParallelism(), Math.floor(memory / bytesForProcess), mostProcesses));
}

/** Read by the command line as a client, not by the server. */
const clientVariables = ['EVENKEEL_URL', 'EVENKEEL_API_KEY', 'EVENKEEL_WEBHOOK_SECRET'];

function integer(value: string, low: number, high: number, further = ''): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < low || number > high) throw new Unusable(`must be a whole number from ${low} to ${high}${further}, not "${value}"`);
  return number;
}

function httpUrl(value: string): string {
  const url = URL.parse(value);
  if (url === null || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '') {
    throw new Unusable(`must be an http:// or https:// address without query, not "${value}"`);
  }
  return url.href.replace(/\/+$/, '');
}

function headerPairs(value: string): Record<string, string> {
  const pairs = value.split(',').map((pair) => /^\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)=([\x20-\x7e]*)$/.exec(pair));
  if (pairs.includes(null)) throw new Unusable('must be name=value pairs separated by commas');
  return Object.fromEntries(pairs.map((pair) => [pair?.[1] ?? '', pair?.[2]?.trim() ?? '']));
}

function postgresUrl(value: string): string {
  const url = URL.parse(value);
  if (url === null || !/^postgres(ql)?:$/.test(url.protocol)) throw new Unusable('must be a postgres:// address');
  return value;
}

function key(value: string): Uint8Array {
  const bytes = Buffer.from(value, 'base64');
  if (bytes.length !== 32 || bytes.toString('base64').replace(/=+$/, '') !== value.replace(/=+$/, '')) {
    throw new Unusable('must be 32 bytes in base64; make one with: openssl rand -base64 32');
  }
  return bytes;
}

function atLeast(value: string, length: number): string {
  if (value.length < length) throw new Unusable(`must have at least ${length} characters, has ${value.length}`);
  return value;
}

function oneOf<const T extends string>(value: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === value);
  if (found === undefined) throw new Unusable(`must be one of ${allowed.join(', ')}, not "${value}"`);
  return found;
}

function hostMap(value: string): Record<string, string> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(value);
  } catch {
    throw new Unusable('must be a JSON object of host patterns to addresses');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw new Unusable('must be a JSON object of host patterns to addresses');
  for (const [pattern, target] of Object.entries(parsed)) {
    if (typeof target !== 'string' || URL.parse(target.replace('{host}', 'host')) === null) {
      throw new Unusable(`maps "${pattern}" to something that is not an address`);
    }
  }
  return parsed as Record<string, string>;
}

function cidrRange(value: string): string {
  if (!/^[0-9a-fA-F.:]+\/\d{1,3}$/.test(value)) throw new Unusable(`must be CIDRs such as 10.0.0.0/8, not "${value}"`);
  return value;
}
