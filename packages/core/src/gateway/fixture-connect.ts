/** Fixtures of connecting: the grant, the validation call and the post-install steps, driven as the server drives them. */
import type { Fixture } from '@evenkeel/contract/fixture.ts';
import { obtainGrant, withCaptures, type GrantTools } from '../accounts/connect-steps.ts';
import { drive, type StepReply, type StepRequest } from '../accounts/driver.ts';
import { processAuthorizationResponse } from '../accounts/oauth.ts';
import { runStep, runValidation, type StepOutcome } from '../accounts/step.ts';
import type { GrantFailure } from '../accounts/token.ts';
import { authorize } from '../connectors/requests/authorize.ts';
import { judge } from '../connectors/answers/judge.ts';
import { readingOf } from '../connectors/answers/reading.ts';
import { secretsOf } from '../connectors/answers/redaction.ts';
import { readAnswer } from '../connectors/answers/response.ts';
import type { Scope } from '../connectors/values/scope.ts';
import type { FixtureAnswer, Replay } from './fixture-exchange.ts';

/**
 * Of a validation: 200 with `{ok: true, captured}`, or 422 with the failure. Of a connect: the state the account ends
 * in, what was captured, when its token ends and who it is at the vendor.
 */
export async function connectFixture(fixture: Pick<Fixture, 'call'>, replay: Replay): Promise<FixtureAnswer> {
  return fixture.call.surface === 'validation' ? validate(replay) : connect(fixture, replay);
}

async function validate(replay: Replay): Promise<FixtureAnswer> {
  const outcome = await runValidationCall(replay, replay.scope);
  return outcome.ok ? answer(200, { ok: true, captured: outcome.captures.captured }) : answer(422, { ok: false, ...shown(outcome.failure) });
}

async function connect(fixture: Pick<Fixture, 'call'>, replay: Replay): Promise<FixtureAnswer> {
  const { connector, scheme } = replay;
  const callback = fixture.call.callback;
  const started: Scope = callback === undefined ? replay.scope : { ...replay.scope, callback, connect: { redirect_uri: fixture.call.redirect_uri } };
  const back = callback === undefined ? undefined : processAuthorizationResponse(callback);
  if (back?.ok === false) return answer(422, { state: 'refused', message: back.message });
  const source = back === undefined ? ({ type: 'stored' } as const) : ({ type: 'code', code: back.code, redirectUri: fixture.call.redirect_uri ?? '', codeVerifier: fixture.call.code_verifier ?? '' } as const);
  const perform = performWith(replay);
  const granted = await drive(obtainGrant(scheme.source, source, started, toolsOf(replay)), perform);
  if (!granted.ok) return answer(422, { state: 'refused', ...shown(granted.failure) });
  const { grant } = granted;
  let scope = withCaptures({ ...started, token: { ...replay.scope.token as object, ...grant.token } }, grant);
  const proven = await runValidationCall(replay, scope);
  if (!proven.ok) return answer(422, { state: 'validation_error', ...shown(proven.failure) });
  scope = withCaptures(scope, proven.captures);
  for (const step of connector.manifest.post_install ?? []) {
    const outcome = await drive(runStep(step, scope, toolsOf(replay)), perform);
    if (!outcome.ok) return answer(422, { state: 'post_install_error', ...shown(outcome.failure) });
    scope = withCaptures(scope, outcome.captures);
  }
  const externalId = await connector.account.externalId?.(scope);
  const label = await connector.account.label?.(scope);
  return answer(200, {
    state: 'active',
    captured: scope.captured,
    ...(grant.expiresAtMs === null ? {} : { expires_at: new Date(grant.expiresAtMs).toISOString() }),
    ...(externalId === undefined ? {} : { external_id: externalId }),
    ...(label === undefined ? {} : { label }),
  });
}

async function runValidationCall(replay: Replay, scope: Scope): Promise<StepOutcome> {
  const { validation } = replay.connector.manifest;
  if (validation === undefined) return { ok: true, captures: { captured: {}, secret: {} }, answer: undefined };
  return drive(runValidation(validation, scope, toolsOf(replay)), performWith(replay));
}

function performWith(replay: Replay): (step: StepRequest) => Promise<StepReply> {
  return async (step) => {
    const reply = await replay.recorder.reply(step.request);
    return reply === undefined ? { ok: false, message: 'Nothing more was recorded.' } : { ok: true, answer: readAnswer('auto', reply).answer };
  };
}

function toolsOf(replay: Replay): GrantTools {
  const { connector, scheme, crypto, nowMs, nonce } = replay;
  return {
    crypto,
    nowMs,
    async build(request, scope) {
      const built = await connector.request(request).build(scope);
      return built.ok ? built : { ok: false, message: built.problem.message };
    },
    attach: async (request, scope) => authorize(scheme, scope, request, { nowMs, nonce, crypto }),
    async judge(given) {
      const verdict = await judge(readingOf(connector).judgement, given, { nowMs, surface: 'connect', limits: [], secrets: secretsOf(replay.scope) });
      return verdict.ok ? verdict : { ok: false, code: verdict.error.code, message: verdict.error.message, retryAfterS: verdict.error.retryAfterS ?? null };
    },
  };
}

function shown(failure: GrantFailure): { kind: string; step: string; message: string } {
  return { kind: failure.kind, step: failure.step, message: failure.message };
}

function answer(status: number, body: object): FixtureAnswer {
  return { status, headers: {}, body };
}
