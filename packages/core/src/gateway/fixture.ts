/**
 * Replays a fixture: the call goes through the very functions the gateway and connecting use, the vendor is the list of
 * recorded exchanges, and whatever differs is told with its place. No IO, no clock: cryptography comes as a port.
 */
import type { Fixture } from '@evenkeel/contract/fixture.ts';
import type { MethodName } from '@evenkeel/contract/manifest/manifest.ts';
import type { Connector } from '../connectors/connector.ts';
import type { CryptoPort } from '../connectors/requests/crypto-port.ts';
import { momentOf, type Scope } from '../connectors/values/scope.ts';
import type { IncomingCall } from './call.ts';
import { differences, type Difference } from './difference.ts';
import { failureOf } from './failure.ts';
import { problemAnswer, replayCall } from './fixture-call.ts';
import { connectFixture } from './fixture-connect.ts';
import { createRecorder, type FixtureAnswer, type Replay, type VendorSide } from './fixture-exchange.ts';
import { replayUnified } from './fixture-unified.ts';

export interface FixtureResult {
  readonly name: string;
  readonly ok: boolean;
  readonly differences: readonly Difference[];
}

const defaultNow = '2026-01-01T00:00:00.000Z';

/** The fixture has to be valid by its schema. Rejects only for a bug. */
export async function runFixture(connector: Connector, fixture: Fixture, env: { readonly crypto: CryptoPort }): Promise<FixtureResult> {
  const recorder = createRecorder(fixture.exchanges);
  const performed = await performFixture(connector, fixture, { ...env, recorder });
  if (!performed.ok) return result(fixture, [performed.difference]);
  recorder.finish();
  const { answer } = performed;
  return result(fixture, [...recorder.differences, ...(answer === undefined ? [] : compareAnswer(fixture.answer, answer))]);
}

/** `difference`: what the fixture says that cannot be done. An answer is missing when the vendor's side had none. */
export type Performed = { readonly ok: true; readonly answer: FixtureAnswer | undefined } | { readonly ok: false; readonly difference: Difference };

/** What is performed of a fixture; the rest is what became of it. */
export type FixtureCase = Pick<Fixture, 'call' | 'account' | 'now'>;

export async function performFixture(connector: Connector, fixture: FixtureCase, env: { readonly crypto: CryptoPort; readonly recorder: VendorSide }): Promise<Performed> {
  const scheme = connector.scheme(fixture.account?.scheme);
  if (scheme === undefined) return { ok: false, difference: { at: 'account.scheme', expected: connector.manifest.auth.map(({ id }) => id), actual: fixture.account?.scheme } };
  const nowMs = Date.parse(fixture.now ?? defaultNow);
  if (Number.isNaN(nowMs)) return { ok: false, difference: { at: 'now', expected: 'an instant in ISO 8601', actual: fixture.now } };
  const replay: Replay = { connector, scheme, scope: scopeOf(fixture, nowMs), nowMs, nonce: 'fixture-nonce', crypto: env.crypto, recorder: env.recorder };
  const { surface } = fixture.call;
  return { ok: true, answer: surface === 'connect' || surface === 'validation' ? await connectFixture(fixture, replay) : await replayPages(fixture, replay) };
}

function scopeOf(fixture: FixtureCase, nowMs: number): Scope {
  const { config = {}, captured = {}, secret = {}, token = {}, app = {}, key } = fixture.account ?? {};
  return { config, captured, secret, token, app, now: momentOf(nowMs), ...(key === undefined ? {} : { key }) };
}

/** Undefined when the exchanges ran out, which the recorder noted. */
async function replayPages(fixture: FixtureCase, replay: Replay): Promise<FixtureAnswer | undefined> {
  let answer: FixtureAnswer | undefined;
  let cursor: unknown;
  for (let page = 0; page < (fixture.call.pages ?? 1); page++) {
    const query = typeof cursor === 'string' ? { ...fixture.call.query, cursor } : (fixture.call.query ?? {});
    answer = await replayPage(fixture, query, replay);
    cursor = answer === undefined ? undefined : cursorOf(answer.body);
    if (typeof cursor !== 'string') return answer;
  }
  return answer;
}

function replayPage(fixture: FixtureCase, query: Readonly<Record<string, unknown>>, replay: Replay): Promise<FixtureAnswer | undefined> | FixtureAnswer {
  if (fixture.call.surface === 'unified') return replayUnified(fixture.call, query, replay);
  const incoming = incomingOf(fixture, query);
  return incoming === undefined ? refusedMethod(fixture) : replayCall(incoming, replay);
}

const httpMethods: Readonly<Record<MethodName, string>> = { list: 'GET', get: 'GET', create: 'POST', update: 'PATCH', delete: 'DELETE' };

function incomingOf(fixture: FixtureCase, query: Readonly<Record<string, unknown>>): IncomingCall | undefined {
  const { call } = fixture;
  const headers = Object.fromEntries(Object.entries(call.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
  const { method = 'GET' } = call;
  if (call.surface === 'passthrough') {
    const [path = '', ...rest] = (call.path ?? '').split('?');
    const asJson = typeof call.body === 'string' || call.body === undefined ? call.body : JSON.stringify(call.body);
    return { surface: 'passthrough', httpMethod: method, path, query: rest.join('?'), headers, body: asJson === undefined ? null : new TextEncoder().encode(asJson) };
  }
  if (call.resource === undefined) return undefined;
  const isMethod = Object.hasOwn(httpMethods, method);
  return {
    surface: 'proxy',
    httpMethod: isMethod ? httpMethods[method as MethodName] : 'POST',
    resource: call.resource,
    id: call.id,
    action: isMethod ? undefined : method,
    query,
    headers,
    body: call.body,
  };
}

function refusedMethod(fixture: FixtureCase): FixtureAnswer {
  return problemAnswer(failureOf({ kind: 'call', code: 'invalid_request', reason: 'fixture', detail: `A call of the surface ${fixture.call.surface} names a resource.` }), {});
}

function cursorOf(body: unknown): unknown {
  return typeof body === 'object' && body !== null && 'next_cursor' in body ? body.next_cursor : undefined;
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

function result(fixture: Fixture, found: readonly Difference[]): FixtureResult {
  return { name: fixture.name, ok: found.length === 0, differences: found };
}
