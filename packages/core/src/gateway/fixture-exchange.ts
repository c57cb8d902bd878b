/** The vendor's side of a fixture: each request is held against the one expected next and answered as recorded. */
import type { FixtureExchange } from '@evenkeel/contract/fixture.ts';
import type { Eventually } from '../connectors/values/eventually.ts';
import { toBytes, toText } from '../connectors/values/bytes.ts';
import type { CompiledScheme, Connector, OutgoingRequest } from '../connectors/connector.ts';
import type { CryptoPort } from '../connectors/requests/crypto-port.ts';
import type { Scope } from '../connectors/values/scope.ts';
import type { VendorReply } from './answer.ts';
import { differences, type Difference } from './difference.ts';

/** What an answer is compared as. */
export interface FixtureAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly text?: string;
}

/** The parts of a replay. */
export interface Replay {
  readonly connector: Connector;
  readonly scheme: CompiledScheme;
  readonly scope: Scope;
  readonly nowMs: number;
  readonly nonce: string;
  readonly crypto: CryptoPort;
  readonly recorder: VendorSide;
}

/** Who answers requests: what was recorded, or while recording the vendor. */
export interface VendorSide {
  /** Undefined when there is no answer. */
  reply(request: OutgoingRequest): Eventually<VendorReply | undefined>;
}

/** Has no answer when nothing more was recorded; the difference is noted. */
export interface Recorder extends VendorSide {
  readonly differences: Difference[];
  /** Notes what was expected and never asked. */
  finish(): void;
}

export function createRecorder(exchanges: readonly FixtureExchange[]): Recorder {
  const found: Difference[] = [];
  let next = 0;
  return {
    differences: found,
    reply(request) {
      const at = `exchanges[${next}]`;
      const exchange = exchanges[next++];
      if (exchange === undefined) {
        found.push({ at, expected: undefined, actual: `${request.method} ${request.url}` });
        return undefined;
      }
      found.push(...compareRequest(`${at}.request`, exchange.request, request));
      return replyOf(exchange.response);
    },
    finish() {
      for (; next < exchanges.length; next++) {
        const missed = exchanges[next]?.request;
        found.push({ at: `exchanges[${next}]`, expected: `${missed?.method} ${missed?.url}`, actual: undefined });
      }
    },
  };
}

function compareRequest(at: string, expected: FixtureExchange['request'], actual: OutgoingRequest): Difference[] {
  const [expectedUrl, expectedQuery] = addressOf(expected.url);
  const [actualUrl, actualQuery] = addressOf(actual.url);
  const headers = Object.fromEntries(Object.entries(expected.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
  return [
    ...differences(`${at}.method`, expected.method, actual.method),
    ...differences(`${at}.url`, expectedUrl, actualUrl),
    ...differences(`${at}.query`, { ...expectedQuery, ...listed(expected.query ?? {}) }, actualQuery),
    ...differences(`${at}.headers`, headers, actual.headers, { subset: true }),
    ...compareBody(`${at}.body`, expected.body, actual),
  ];
}

export function addressOf(address: string): [url: string, query: Record<string, unknown>] {
  const url = URL.parse(address);
  return url === null ? [address, {}] : [`${url.origin}${url.pathname}`, queryOf(url.searchParams)];
}

/** Single values as texts, repeated ones as arrays in their order. */
function queryOf(parameters: URLSearchParams): Record<string, unknown> {
  return Object.fromEntries([...new Set(parameters.keys())].map((name) => {
    const values = parameters.getAll(name);
    return [name, values.length === 1 ? values[0] : values];
  }));
}

function listed(query: Readonly<Record<string, string | readonly string[]>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(query).map(([name, value]) => [name, typeof value !== 'string' && value.length === 1 ? value[0] : value]));
}

/** The body as a fixture has it: JSON as data, a form as an object, anything else as text; undefined for none. */
export function bodyOf({ body, headers }: OutgoingRequest): unknown {
  if (body === null) return undefined;
  const text = typeof body === 'string' ? body : toText(body);
  const type = headers['content-type'] ?? '';
  if (/\bjson\b/.test(type)) return parse(text);
  return type.startsWith('application/x-www-form-urlencoded') ? queryOf(new URLSearchParams(text)) : text;
}

function compareBody(at: string, expected: unknown, actual: OutgoingRequest): Difference[] {
  if (typeof expected !== 'string' || actual.body === null) return differences(at, expected, bodyOf(actual));
  return differences(at, expected, typeof actual.body === 'string' ? actual.body : toText(actual.body));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function replyOf(response: FixtureExchange['response']): VendorReply {
  const headers = Object.fromEntries(Object.entries(response.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
  const text = response.text ?? (response.body === undefined ? '' : JSON.stringify(response.body));
  if (response.body !== undefined && headers['content-type'] === undefined) headers['content-type'] = 'application/json';
  return { status: response.status, headers, bytes: toBytes(text) };
}
