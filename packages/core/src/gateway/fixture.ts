/**
 * Replays a fixture: the call goes through the very functions the gateway and connecting use, the vendor is the list of
 * recorded exchanges, and whatever differs is told with its place. No IO, no clock: cryptography comes as a port.
 */
import type { Fixture } from '@evenkeel/contract/fixture.ts';
import type { MethodName } from '@evenkeel/contract/manifest/manifest.ts';
import { authorize } from '../connectors/requests/authorize.ts';
import { toText } from '../connectors/values/bytes.ts';
import type { Connector } from '../connectors/connector.ts';
import type { CryptoPort } from '../connectors/requests/crypto-port.ts';
import { RequestFailure } from '../connectors/requests/request-failure.ts';
import { momentOf, type Scope } from '../connectors/values/scope.ts';
import { answerCall, type CallAnswer } from './answer.ts';
import { buildCall, resolveCall, type IncomingCall } from './call.ts';
import { differences, type Difference } from './difference.ts';
import { failureOf, problemOf, type CallFailure } from './failure.ts';
import { connectFixture } from './fixture-connect.ts';
import { createRecorder, type FixtureAnswer, type Replay } from './fixture-exchange.ts';

export interface FixtureResult {
  readonly name: string;
  readonly ok: boolean;
  readonly differences: readonly Difference[];
}

const defaultNow = '2026-01-01T00:00:00.000Z';

/** The fixture has to be valid by its schema. Rejects only for a bug. */
export async function runFixture(connector: Connector, fixture: Fixture, env: { readonly crypto: CryptoPort }): Promise<FixtureResult> {
  const scheme = connector.scheme(fixture.account?.scheme);
  if (scheme === undefined) return result(fixture, [{ at: 'account.scheme', expected: connector.manifest.auth.map(({ id }) => id), actual: fixture.account?.scheme }]);
  const nowMs = Date.parse(fixture.now ?? defaultNow);
  if (Number.isNaN(nowMs)) return result(fixture, [{ at: 'now', expected: 'an instant in ISO 8601', actual: fixture.now }]);
  const recorder = createRecorder(fixture.exchanges);
  const replay: Replay = { connector, scheme, scope: scopeOf(fixture, nowMs), nowMs, nonce: 'fixture-nonce', crypto: env.crypto, recorder };
  const { surface } = fixture.call;
  const answer = surface === 'connect' || surface === 'validation' ? await connectFixture(fixture, replay) : await replayCall(fixture, replay);
  recorder.finish();
  return result(fixture, [...recorder.differences, ...(answer === undefined ? [] : compareAnswer(fixture.answer, answer))]);
}

function scopeOf(fixture: Fixture, nowMs: number): Scope {
  const { config = {}, captured = {}, secret = {}, token = {}, app = {}, key } = fixture.account ?? {};
  return { config, captured, secret, token, app, now: momentOf(nowMs), ...(key === undefined ? {} : { key }) };
}

/** Undefined when the exchanges ran out, which the recorder noted. */
async function replayCall(fixture: Fixture, replay: Replay): Promise<FixtureAnswer | undefined> {
  let answer: FixtureAnswer | undefined;
  let cursor: unknown;
  for (let page = 0; page < (fixture.call.pages ?? 1); page++) {
    const incoming = incomingOf(fixture, cursor);
    answer = incoming === undefined ? refusedMethod(fixture) : await replayOnce(incoming, replay);
    cursor = answer === undefined ? undefined : cursorOf(answer.body);
    if (typeof cursor !== 'string') return answer;
  }
  return answer;
}

async function replayOnce(incoming: IncomingCall, replay: Replay): Promise<FixtureAnswer | undefined> {
  const { connector, scheme, scope, nowMs } = replay;
  const resolved = resolveCall(connector, incoming);
  if (!resolved.ok) return problemAnswer(resolved.failure, {});
  const building = await buildCall(resolved.call, scope, nowMs);
  if (!building.ok) return problemAnswer(building.failure, {});
  const { built } = building;
  try {
    const sent = await authorize(scheme, built.scope, built.request, { nowMs, nonce: replay.nonce, crypto: replay.crypto });
    const reply = replay.recorder.reply(sent);
    return reply === undefined ? undefined : answerOf(await answerCall(resolved.call, built, sent, reply, nowMs));
  } catch (thrown) {
    if (thrown instanceof RequestFailure) return problemAnswer(failureOf({ kind: 'build', problem: thrown.problem }), {});
    throw thrown;
  }
}

const httpMethods: Readonly<Record<MethodName, string>> = { list: 'GET', get: 'GET', create: 'POST', update: 'PATCH', delete: 'DELETE' };

function incomingOf(fixture: Fixture, cursor: unknown): IncomingCall | undefined {
  const { call } = fixture;
  const headers = Object.fromEntries(Object.entries(call.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
  const { method = 'GET' } = call;
  if (call.surface === 'passthrough') {
    const [path = '', ...query] = (call.path ?? '').split('?');
    const asJson = typeof call.body === 'string' || call.body === undefined ? call.body : JSON.stringify(call.body);
    return { surface: 'passthrough', httpMethod: method, path, query: query.join('?'), headers, body: asJson === undefined ? null : new TextEncoder().encode(asJson) };
  }
  if (call.resource === undefined) return undefined;
  const isMethod = Object.hasOwn(httpMethods, method);
  return {
    surface: 'proxy',
    httpMethod: isMethod ? httpMethods[method as MethodName] : 'POST',
    resource: call.resource,
    id: call.id,
    action: isMethod ? undefined : method,
    query: typeof cursor === 'string' ? { ...call.query, cursor } : (call.query ?? {}),
    headers,
    body: call.body,
  };
}

function refusedMethod(fixture: Fixture): FixtureAnswer {
  return problemAnswer(failureOf({ kind: 'call', code: 'invalid_request', reason: 'fixture', detail: `A call of the surface ${fixture.call.surface} names a resource.` }), {});
}

function cursorOf(body: unknown): unknown {
  return typeof body === 'object' && body !== null && 'next_cursor' in body ? body.next_cursor : undefined;
}

function answerOf(answer: CallAnswer): FixtureAnswer {
  if (!answer.ok) return problemAnswer(answer.failure, answer.headers);
  const { status, headers, body } = answer;
  switch (body.kind) {
    case 'none':
      return { status, headers };
    case 'json':
      return { status, headers, body: body.value };
    case 'bytes': {
      const text = toText(body.bytes);
      return /\bjson\b/.test(body.contentType ?? '') ? { status, headers, body: parse(text), text } : { status, headers, text };
    }
  }
}

function problemAnswer(failure: CallFailure, headers: Readonly<Record<string, string>>): FixtureAnswer {
  const problem = problemOf(failure, 'fixture');
  return { status: problem.status, headers, body: problem };
}

/** A problem's wording may grow, so only the members a fixture names are held against it. */
function compareAnswer(expected: Fixture['answer'], actual: FixtureAnswer): Difference[] {
  const headers = Object.fromEntries(Object.entries(expected.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
  return [
    ...differences('answer.status', expected.status, actual.status),
    ...differences('answer.headers', headers, actual.headers, { subset: true }),
    ...(expected.text === undefined ? differences('answer.body', expected.body, actual.body, { subset: actual.status >= 400 }) : differences('answer.text', expected.text, actual.text)),
  ];
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function result(fixture: Fixture, found: readonly Difference[]): FixtureResult {
  return { name: fixture.name, ok: found.length === 0, differences: found };
}
