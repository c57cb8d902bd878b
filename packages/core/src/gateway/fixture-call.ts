/** One call of a fixture, by the very functions that serve it, as an answer that can be compared. */
import { authorize } from '../connectors/requests/authorize.ts';
import { RequestFailure } from '../connectors/requests/request-failure.ts';
import { toText } from '../connectors/values/bytes.ts';
import { answerCall, type CallAnswer } from './answer.ts';
import { buildCall, resolveCall, type IncomingCall } from './call.ts';
import { failureOf, problemOf, type CallFailure } from './failure.ts';
import type { FixtureAnswer, Replay } from './fixture-exchange.ts';

/** One proxied or passthrough call; undefined when the exchanges ran out. */
export async function replayCall(incoming: IncomingCall, replay: Replay): Promise<FixtureAnswer | undefined> {
  const { connector, scheme, scope, nowMs } = replay;
  const resolved = resolveCall(connector, incoming);
  if (!resolved.ok) return problemAnswer(resolved.failure, {});
  const building = await buildCall(resolved.call, scope, nowMs);
  if (!building.ok) return problemAnswer(building.failure, {});
  const { built } = building;
  try {
    const sent = await authorize(scheme, built.scope, built.request, { nowMs, nonce: replay.nonce, crypto: replay.crypto });
    const reply = await replay.recorder.reply(sent);
    return reply === undefined ? undefined : answerOf(await answerCall(resolved.call, built, sent, reply, nowMs));
  } catch (thrown) {
    if (thrown instanceof RequestFailure) return problemAnswer(failureOf({ kind: 'build', problem: thrown.problem }), {});
    throw thrown;
  }
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

export function problemAnswer(failure: CallFailure, headers: Readonly<Record<string, string>>): FixtureAnswer {
  const problem = problemOf(failure, 'fixture');
  return { status: problem.status, headers, body: problem };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
