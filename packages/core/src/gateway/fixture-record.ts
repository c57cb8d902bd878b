/**
 * Records a fixture: its call is performed with a real account against the vendor, and once more with the account that the
 * fixture shows, whose secrets are made up, against the answers that came. What is written is of the second time, so no
 * credential of the first can be in a request, and the fixture replays. The vendor's answers are written as they came.
 */
import type { Fixture, FixtureExchange } from '@evenkeel/contract/fixture.ts';
import { secretsOf } from '../connectors/answers/redaction.ts';
import type { Connector, OutgoingRequest } from '../connectors/connector.ts';
import type { CryptoPort } from '../connectors/requests/crypto-port.ts';
import { toText } from '../connectors/values/bytes.ts';
import type { VendorReply } from './answer.ts';
import { performFixture, type FixtureCase } from './fixture.ts';
import { addressOf, bodyOf, type FixtureAnswer } from './fixture-exchange.ts';

/** A fixture before it is recorded; `account` is what will be shown. */
export type FixtureDraft = Omit<Fixture, 'exchanges' | 'answer'>;

export interface RecordingPorts {
  readonly crypto: CryptoPort;
  /** Performs a request for real. What it throws ends the recording. */
  readonly send: (request: OutgoingRequest) => Promise<VendorReply>;
}

export type Recording = { readonly ok: true; readonly fixture: Fixture } | { readonly ok: false; readonly message: string };

/** `account` has the members of the draft's that differ in reality; whole roots, such as `token`. */
export async function recordFixture(connector: Connector, draft: FixtureDraft, account: NonNullable<Fixture['account']>, { crypto, send }: RecordingPorts): Promise<Recording> {
  const replies: VendorReply[] = [];
  const real: FixtureCase = { ...draft, account: { ...draft.account, ...account } };
  const live = {
    async reply(request: OutgoingRequest): Promise<VendorReply> {
      const reply = await send(request);
      replies.push(reply);
      return reply;
    },
  };
  const first = await performFixture(connector, real, { crypto, recorder: live });
  if (!first.ok) return refused(`${first.difference.at} has to be ${JSON.stringify(first.difference.expected)}`);
  const requests: OutgoingRequest[] = [];
  const replayed = {
    reply(request: OutgoingRequest): VendorReply | undefined {
      requests.push(request);
      return replies[requests.length - 1];
    },
  };
  const second = await performFixture(connector, draft, { crypto, recorder: replayed });
  if (!second.ok || second.answer === undefined || requests.length !== replies.length) {
    return refused(`with the account that the fixture shows, the call makes ${requests.length} requests instead of ${replies.length}: "account" lacks something that the real one has`);
  }
  const fixture: Fixture = { ...draft, exchanges: requests.map((request, index) => exchangeOf(request, replies[index] as VendorReply)), answer: answerOf(second.answer) };
  const leaked = secretsOf({ secret: account.secret, token: account.token, app: account.app, key: account.key }).filter((secret) => JSON.stringify(fixture).includes(secret));
  if (leaked.length > 0) return refused(`an answer of the vendor holds ${leaked.length === 1 ? 'a secret' : `${leaked.length} secrets`} of the account, so it was not written`);
  return { ok: true, fixture };
}

const refused = (message: string): Recording => ({ ok: false, message });

function exchangeOf(request: OutgoingRequest, reply: VendorReply): FixtureExchange {
  const [url, query] = addressOf(request.url);
  const body = bodyOf(request);
  return {
    request: {
      method: request.method,
      url,
      ...(Object.keys(query).length === 0 ? {} : { query: query as Record<string, string | string[]> }),
      ...(Object.keys(request.headers).length === 0 ? {} : { headers: request.headers }),
      ...(body === undefined ? {} : { body }),
    },
    response: responseOf(reply),
  };
}

/** Headers of the connection, and those that differ each time without a meaning to anybody. */
const passing = new Set(['connection', 'content-length', 'date', 'keep-alive', 'set-cookie', 'transfer-encoding']);

function responseOf({ status, headers, bytes }: VendorReply): FixtureExchange['response'] {
  const kept = Object.fromEntries(Object.entries(headers).filter(([name]) => !passing.has(name)));
  const text = toText(bytes);
  const json = /\bjson\b/.test(kept['content-type'] ?? '') ? parsed(text) : undefined;
  return { status, ...(Object.keys(kept).length === 0 ? {} : { headers: kept }), ...(json !== undefined ? { body: json } : text === '' ? {} : { text }) };
}

/** Undefined when it is not JSON, or would not be the same again when written. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** A cursor is opaque, and a problem's wording may grow. */
function answerOf({ status, body, text }: FixtureAnswer): Fixture['answer'] {
  if (body === undefined) return { status, ...(text === undefined || text === '' ? {} : { text }) };
  const object = typeof body === 'object' && body !== null ? body : undefined;
  if (status >= 400 && object !== undefined && 'code' in object) return { status, body: { code: object.code } };
  return { status, body: object !== undefined && 'next_cursor' in object && typeof object.next_cursor === 'string' ? { ...object, next_cursor: '*' } : body };
}
