/** A unified call of a fixture: planned by the connector's mapping, carried as the proxied call it becomes, answered in the model. */
import type { FixtureCall } from '@evenkeel/contract/fixture.ts';
import { failureOf } from './failure.ts';
import { problemAnswer, replayCall } from './fixture-call.ts';
import type { FixtureAnswer, Replay } from './fixture-exchange.ts';
import { answerUnified, planUnified } from './unified.ts';
import type { UnifiedCall, UnifiedMethod } from './unified-query.ts';

const methods: ReadonlySet<string> = new Set<UnifiedMethod>(['list', 'get', 'create', 'update', 'delete']);

/** Undefined when the exchanges ran out. */
export async function replayUnified(fixture: FixtureCall, query: Readonly<Record<string, unknown>>, replay: Replay): Promise<FixtureAnswer | undefined> {
  const { method = '', resource: model = '' } = fixture;
  if (!methods.has(method)) return problemAnswer(failureOf({ kind: 'call', code: 'invalid_request', reason: 'fixture', detail: `A unified call is one of ${[...methods].join(', ')}.` }), {});
  return replayMethod({ model, method: method as UnifiedMethod, id: fixture.id, query, headers: {}, body: fixture.body }, replay);
}

async function replayMethod(call: UnifiedCall, replay: Replay): Promise<FixtureAnswer | undefined> {
  const { connector, scope, nowMs } = replay;
  const planning = await planUnified(connector, connector.mapping(call.model), call, scope, nowMs);
  if (!planning.ok) return problemAnswer(planning.failure, {});
  const { plan } = planning;
  const answer = await replayCall(plan.incoming, replay);
  if (answer === undefined || answer.status >= 400) return answer;
  if (plan.method === 'delete') return { status: 204, headers: answer.headers };
  if (plan.rereads) return reread(plan.rereadId(answer.body), call, replay);
  const made = await answerUnified(connector, plan, answer.body);
  return made.ok ? { status: made.status, headers: answer.headers, body: made.body } : problemAnswer(made.failure, answer.headers);
}

async function reread(id: string | undefined, call: UnifiedCall, replay: Replay): Promise<FixtureAnswer | undefined> {
  if (id === undefined) return problemAnswer(failureOf({ kind: 'call', code: 'mapping_failed', reason: 'reread', detail: 'The answer of the write does not hold the record\'s id.' }), {});
  const record = await replayMethod({ model: call.model, method: 'get', id, query: {}, headers: {} }, replay);
  return record?.status === 200 && call.method === 'create' ? { ...record, status: 201 } : record;
}
