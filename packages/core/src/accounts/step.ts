/**
 * One request with judgement and captures: a step of a login, an exchange, a post-install, or the validation call.
 * A driver like those of connect-steps.ts; building and judging come as ports, so that it stays free of connectors' making.
 */
import type { Step } from '@evenkeel/contract/manifest/auth.ts';
import type { Manifest } from '@evenkeel/contract/manifest/manifest.ts';
import type { Request } from '@evenkeel/contract/manifest/request.ts';
import type { Condition, Capture } from '@evenkeel/contract/manifest/response.ts';
import type { Path } from '@evenkeel/contract/manifest/value.ts';
import { compileReader, readLeniently } from '../connectors/answers/answer-source.ts';
import { compileCondition } from '../connectors/answers/condition.ts';
import { compileExpression } from '../connectors/expressions/expression.ts';
import type { OutgoingRequest } from '../connectors/connector.ts';
import type { Scope } from '../connectors/values/scope.ts';
import type { UpstreamAnswer } from '../connectors/answers/upstream-answer.ts';
import type { Driver } from './driver.ts';
import { readCaptures, type Captures } from './token-response.ts';
import type { GrantFailure } from './token.ts';

export interface StepTools {
  /** The request for a scope, without credentials. */
  build(request: Request, scope: Scope): Promise<{ ok: true; request: OutgoingRequest } | { ok: false; message: string }>;
  /** The same request with the credential of the scope attached. */
  attach(request: OutgoingRequest, scope: Scope): Promise<OutgoingRequest>;
  /** The connector's own error rules and messages; `code` is one of the error registry's. */
  judge(answer: UpstreamAnswer): Promise<{ ok: true } | { ok: false; code: string; message: string; retryAfterS: number | null }>;
}

/** `answer` is absent when the step was skipped or no answer came. */
export type StepOutcome =
  | { readonly ok: true; readonly captures: Captures; readonly answer: UpstreamAnswer | undefined }
  | { readonly ok: false; readonly failure: GrantFailure; readonly answer: UpstreamAnswer | undefined };

const nothing: Captures = { captured: {}, secret: {} };

/** Runs one step of a manifest; a `when` that is not true skips it. */
export async function* runStep(step: Step, scope: Scope, tools: StepTools): Driver<StepOutcome> {
  try {
    if (step.when !== undefined && !(await holds(step.when, scope))) return { ok: true, captures: nothing, answer: undefined };
    return yield* perform(step.id, step, step.authenticated ?? true, scope, tools);
  } catch (error) {
    return { ok: false, failure: failure('configuration', step.id, error instanceof Error ? error.message : 'The step cannot be run.'), answer: undefined };
  }
}

/** The connector's validation call. Not called when it has none: then nothing proves or condemns a credential. */
export async function* runValidation(validation: NonNullable<Manifest['validation']>, scope: Scope, tools: StepTools): Driver<StepOutcome> {
  try {
    return yield* perform('validation', validation, true, scope, tools);
  } catch (error) {
    return { ok: false, failure: failure('configuration', 'validation', error instanceof Error ? error.message : 'The validation call cannot be made.'), answer: undefined };
  }
}

interface Performed {
  readonly request: Request;
  readonly success?: Condition;
  readonly capture?: Capture;
  readonly message?: Path;
}

async function* perform(id: string, step: Performed, authenticated: boolean, scope: Scope, tools: StepTools): Driver<StepOutcome> {
  const built = await tools.build(step.request, scope);
  if (!built.ok) return { ok: false, failure: failure('configuration', id, built.message), answer: undefined };
  const request = authenticated ? await tools.attach(built.request, scope) : built.request;
  const reply = yield { step: id, request };
  if (!reply.ok) return { ok: false, failure: failure(reply.refused === true ? 'configuration' : 'transient', id, reply.message), answer: undefined };
  const { answer } = reply;
  const judged = await tools.judge(answer);
  const holding = step.success === undefined || (await compileCondition(step.success).test(answer));
  if (judged.ok && holding) {
    const response = { status: answer.status, headers: answer.headers, body: answer.body };
    return { ok: true, captures: await readCaptures(step.capture, { ...scope, response }), answer };
  }
  const stated = step.message === undefined ? undefined : await readLeniently(compileReader(step.message), answer);
  const message = typeof stated === 'string' && stated !== '' ? stated : judged.ok ? `The vendor's answer (status ${answer.status}) is not the one that means success.` : judged.message;
  const kind = judged.ok ? 'rejected' : kindOf(judged.code);
  return { ok: false, failure: { kind, message, step: id, status: answer.status, vendorCode: null, retryAfterS: judged.ok ? null : judged.retryAfterS }, answer };
}

/** Codes of the registry as a step reads them. */
function kindOf(code: string): GrantFailure['kind'] {
  switch (code) {
    case 'reauth_required':
    case 'unauthorized':
      return 'terminal';
    case 'rate_limited':
    case 'upstream_unavailable':
    case 'upstream_timeout':
    case 'upstream_invalid_response':
    case 'internal':
      return 'transient';
    default:
      return 'rejected';
  }
}

async function holds(source: string, scope: Scope): Promise<boolean> {
  const compiled = compileExpression(source);
  if (!compiled.ok) throw new TypeError(compiled.fault.message);
  return (await compiled.evaluate(scope)) === true;
}

function failure(kind: GrantFailure['kind'], step: string, message: string): GrantFailure {
  return { kind, message, step, status: null, vendorCode: null, retryAfterS: null };
}
