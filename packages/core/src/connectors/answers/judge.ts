/**
 * Is an answer a success, and if not, what went wrong and who has to act? The manifest's rules look first, at the body
 * and whatever else they name, so that a 200 can be a failure and a 400 a rate limit; only then the status speaks.
 * The verdict names the rule that decided, as evidence.
 */
import { errorRegistry, type ErrorCode } from '@evenkeel/contract/errors.ts';
import type { Eventually } from '../values/eventually.ts';
import type { ErrorRule } from '@evenkeel/contract/manifest/response.ts';
import type { Manifest, Operation } from '@evenkeel/contract/manifest/manifest.ts';
import { compileReader, compileTime, readLeniently, readsBody, type AnswerReader } from './answer-source.ts';
import { compileCondition, type CompiledCondition } from './condition.ts';
import { judgeGraphql } from './graphql-errors.ts';
import { deriveRetryAfter } from './rate-limit-headers.ts';
import { readRetryAfter } from './rate-limit.ts';
import { cleanMessage } from './redaction.ts';
import { judgeStatus, type ScopeKnowledge } from './status-verdict.ts';
import type { UpstreamAnswer } from './upstream-answer.ts';
import { compileMessage, compileRequestId, type MessageReader } from './vendor-message.ts';
import { scopeList, type Finding, type JudgeContext, type Verdict } from './verdict.ts';

interface CompiledRule {
  readonly name: string;
  readonly code: ErrorCode;
  readonly when: CompiledCondition;
  readonly message: AnswerReader | undefined;
  readonly missingScopes: AnswerReader | undefined;
  readonly retryAfter: ((answer: UpstreamAnswer, nowMs: number) => Eventually<number | undefined>) | undefined;
}

export interface Judgement extends ScopeKnowledge {
  readonly rules: readonly CompiledRule[];
  readonly message: MessageReader;
  readonly requestId: (answer: UpstreamAnswer) => Promise<string | undefined>;
  readonly graphql: boolean;
  /** Whether an answer with a good status can be a failure by what its body says. */
  readonly needsSuccessBody: boolean;
}

/** The operation's rules come before the connector's. Throws a TypeError for what the linter refuses. */
export function compileJudgement(manifest: Manifest, operation: Operation | undefined, operationPath: string): Judgement {
  const rules = [
    ...(operation?.errors ?? []).map((rule, index) => compileRule(rule, `${operationPath}.errors[${index}]`)),
    ...(manifest.errors ?? []).map((rule, index) => compileRule(rule, `errors[${index}]`)),
  ];
  const graphql = operation?.body?.type === 'graphql';
  return {
    rules,
    message: compileMessage(manifest.error_message),
    requestId: compileRequestId(manifest.request_id),
    requiredScopes: operation?.scopes ?? [],
    grantedScopes: manifest.granted_scopes,
    graphql,
    needsSuccessBody: graphql || rules.some((rule) => rule.when.matchesSuccess && rule.when.needsBody),
  };
}

function compileRule(rule: ErrorRule, name: string): CompiledRule {
  const when = compileCondition(rule.when);
  return {
    name,
    code: rule.code,
    when: readsBody(rule.retry_after) ? { ...when, needsBody: true } : when,
    message: rule.message === undefined ? undefined : compileReader(rule.message),
    missingScopes: rule.missing_scopes === undefined ? undefined : compileReader(rule.missing_scopes),
    retryAfter: rule.retry_after === undefined ? undefined : compileTime(rule.retry_after),
  };
}

const passed: Verdict = { ok: true };

/** Total: whatever a vendor sends, the result is a verdict; at once for a success that no expression looks at. */
export function judge(judgement: Judgement, answer: UpstreamAnswer, context: JudgeContext): Eventually<Verdict> {
  return judgeFrom(0, judgement, answer, context);
}

function judgeFrom(first: number, judgement: Judgement, answer: UpstreamAnswer, context: JudgeContext): Eventually<Verdict> {
  const { rules } = judgement;
  for (let at = first; at < rules.length; at += 1) {
    const rule = rules[at];
    if (rule === undefined || (context.bodyUnread === true && rule.when.needsBody)) continue;
    const matches = rule.when.test(answer);
    if (matches === false) continue;
    if (matches === true) return byRule(judgement, rule, answer, context);
    return matches.then((does) => (does ? byRule(judgement, rule, answer, context) : judgeFrom(at + 1, judgement, answer, context)));
  }
  const finding = (judgement.graphql && context.bodyUnread !== true ? judgeGraphql(answer) : undefined) ?? judgeStatus(answer, judgement, context);
  return finding === undefined ? passed : byStatus(judgement, answer, context, finding);
}

async function byStatus(judgement: Judgement, answer: UpstreamAnswer, context: JudgeContext, finding: Finding): Promise<Verdict> {
  return fault(judgement, answer, context, finding, await judgement.message(answer, context.secrets));
}

async function byRule(judgement: Judgement, rule: CompiledRule, answer: UpstreamAnswer, context: JudgeContext): Promise<Verdict> {
  const stated = rule.message === undefined ? undefined : await readLeniently(rule.message, answer);
  const message = (typeof stated === 'string' || typeof stated === 'number' ? cleanMessage(String(stated), context.secrets) : '') || (await judgement.message(answer, context.secrets));
  const missing = rule.code === 'missing_scopes' ? await missingScopes(judgement, rule, answer, context) : [];
  const retryAfterS = await rule.retryAfter?.(answer, context.nowMs);
  const refusesCredential = rule.code === 'unauthorized' || rule.code === 'reauth_required';
  const code = rule.code === 'unauthorized' ? 'reauth_required' : rule.code;
  const finding: Finding = {
    code,
    origin: code === 'forbidden' && context.surface !== 'passthrough' ? 'account' : errorRegistry[code].origin,
    rule: rule.name,
    credentialRefused: refusesCredential,
    ...(missing.length === 0 ? {} : { missingScopes: missing }),
    ...(retryAfterS === undefined ? {} : { retryAfterS: Math.ceil(retryAfterS) }),
  };
  return fault(judgement, answer, context, finding, message);
}

/** Those the rule reads, else those the operation wants and the account is not known to have. */
async function missingScopes(judgement: Judgement, rule: CompiledRule, answer: UpstreamAnswer, context: JudgeContext): Promise<readonly string[]> {
  const named = rule.missingScopes === undefined ? [] : scopeList(await readLeniently(rule.missingScopes, answer));
  if (named.length > 0) return named;
  const lacking = judgement.requiredScopes.filter((scope) => context.grantedScopes?.includes(scope) !== true);
  return lacking.length > 0 ? lacking : judgement.requiredScopes;
}

async function fault(judgement: Judgement, answer: UpstreamAnswer, context: JudgeContext, finding: Finding, message: string): Promise<Verdict> {
  const requestId = await judgement.requestId(answer);
  const waits = finding.code === 'rate_limited' || finding.code === 'upstream_unavailable';
  const stated = finding.retryAfterS ?? (waits ? readRetryAfter(answer, context.nowMs) : undefined);
  const retryAfterS = finding.code === 'rate_limited' ? Math.max(1, stated ?? deriveRetryAfter(context.limits)) : stated;
  return {
    ok: false,
    error: {
      code: finding.code,
      origin: finding.origin,
      message: message === '' ? `The vendor answered with status ${answer.status} and no message.` : message,
      upstreamStatus: answer.status,
      rule: finding.rule,
      credentialRefused: finding.credentialRefused ?? false,
      ...(finding.missingScopes === undefined ? {} : { missingScopes: finding.missingScopes }),
      ...(retryAfterS === undefined ? {} : { retryAfterS }),
      ...(requestId === undefined ? {} : { upstreamRequestId: requestId }),
    },
  };
}
