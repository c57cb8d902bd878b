/**
 * A vendor's quotas read into one shape. Every source and unit is the manifest's; what a vendor reports wrongly
 * (negative numbers, a reset in the past, more remaining than the limit) is clamped, never passed on.
 */
import type { NumberSource, RateLimit, TimeSource } from '@evenkeel/contract/manifest/response.ts';
import { compileNumber, compileTime, readsBody, type NumberReader } from './answer-source.ts';
import type { Eventually } from '../values/eventually.ts';
import { parseTime } from './time-value.ts';
import type { UpstreamAnswer } from './upstream-answer.ts';

/** One quota at the moment of an answer. Counts are integers from 0; times are whole seconds from that moment. */
export interface RateLimitState {
  readonly name: string;
  readonly limit?: number;
  readonly remaining?: number;
  readonly resetS?: number;
  readonly windowS?: number;
  /** The vendor's own word on when to call again. */
  readonly retryAfterS?: number;
}

export interface CompiledRateLimits {
  /** Policies of which nothing was found are left out. */
  read(answer: UpstreamAnswer, nowMs: number): Eventually<RateLimitState[]>;
  readonly needsBody: boolean;
}

type TimeReader = (answer: UpstreamAnswer, nowMs: number) => Eventually<number | undefined>;
interface CompiledPolicy {
  readonly name: string;
  readonly windowS: number | undefined;
  readonly limit: NumberReader;
  readonly remaining: NumberReader;
  readonly used: NumberReader;
  readonly reset: TimeReader;
  readonly retryAfter: TimeReader;
}

/** Largest integer a structured field can carry (RFC 9651 section 3.3.1). */
const maxCount = 999_999_999_999_999;

/** What is read of a vendor whose manifest declares nothing: the three-header form of the IETF drafts up to 06. */
const undeclared: RateLimit[] = [
  { name: 'default', limit: { header: 'ratelimit-limit' }, remaining: { header: 'ratelimit-remaining' }, reset: { header: 'ratelimit-reset', unit: 'auto' } },
];

/** Throws a TypeError for a path or pattern that the linter refuses. */
export function compileRateLimits(specs: readonly RateLimit[] | undefined): CompiledRateLimits {
  const policies = (specs ?? undeclared).map(compilePolicy);
  const needsBody = (specs ?? []).some((spec) => [spec.limit, spec.remaining, spec.used, spec.reset, spec.retry_after].some(readsBody));
  return {
    needsBody,
    read: (answer, nowMs) => {
      const states: RateLimitState[] = [];
      for (const policy of policies) {
        const state = readPolicy(policy, answer, nowMs);
        if (state instanceof Promise) return readRest(policies.slice(policies.indexOf(policy) + 1), answer, nowMs, states, state);
        if (state !== undefined) states.push(state);
      }
      return states;
    },
  };
}

function compilePolicy(spec: RateLimit): CompiledPolicy {
  const number = (source: NumberSource | undefined): NumberReader => (source === undefined ? () => undefined : compileNumber(source));
  const time = (source: TimeSource | undefined): TimeReader => (source === undefined ? () => undefined : compileTime(source));
  return {
    name: spec.name,
    windowS: spec.window_s,
    limit: number(spec.limit),
    remaining: number(spec.remaining),
    used: number(spec.used),
    reset: time(spec.reset),
    retryAfter: time(spec.retry_after),
  };
}

async function settle<T>(values: readonly Eventually<T>[]): Promise<T[]> {
  const settled: T[] = [];
  for (const value of values) settled.push(await value);
  return settled;
}

/** The policies behind one that has to wait for an expression, in their order. */
async function readRest(rest: readonly CompiledPolicy[], answer: UpstreamAnswer, nowMs: number, before: RateLimitState[], pending: Promise<RateLimitState | undefined>): Promise<RateLimitState[]> {
  const states = [...before];
  const first = await pending;
  if (first !== undefined) states.push(first);
  for (const policy of rest) {
    const state = await readPolicy(policy, answer, nowMs);
    if (state !== undefined) states.push(state);
  }
  return states;
}

/** Headers are read at once; only an expression over the body makes a promise. */
function readPolicy(policy: CompiledPolicy, answer: UpstreamAnswer, nowMs: number): Eventually<RateLimitState | undefined> {
  const limit = policy.limit(answer);
  const used = policy.used(answer);
  const remaining = policy.remaining(answer);
  const reset = policy.reset(answer, nowMs);
  const retryAfter = policy.retryAfter(answer, nowMs);
  if (limit instanceof Promise || used instanceof Promise || remaining instanceof Promise || reset instanceof Promise || retryAfter instanceof Promise) {
    return settle([limit, used, remaining, reset, retryAfter]).then((numbers) => stateOf(policy, ...(numbers as Numbers)));
  }
  return stateOf(policy, limit, used, remaining, reset, retryAfter);
}

type MaybeNumber = number | undefined;
type Numbers = [limit: MaybeNumber, used: MaybeNumber, remaining: MaybeNumber, reset: MaybeNumber, retryAfter: MaybeNumber];

function stateOf(policy: CompiledPolicy, rawLimit: MaybeNumber, rawUsed: MaybeNumber, rawRemaining: MaybeNumber, reset: MaybeNumber, retryAfter: MaybeNumber): RateLimitState | undefined {
  const limit = count(rawLimit);
  const used = count(rawUsed);
  const stated = count(rawRemaining);
  const remaining = stated ?? (limit !== undefined && used !== undefined ? Math.max(0, limit - used) : undefined);
  if (limit === undefined && remaining === undefined && reset === undefined && retryAfter === undefined) return undefined;
  const state: { -readonly [K in keyof RateLimitState]: RateLimitState[K] } = { name: policy.name };
  if (limit !== undefined) state.limit = limit;
  if (remaining !== undefined) state.remaining = limit === undefined ? remaining : Math.min(limit, remaining);
  if (reset !== undefined) state.resetS = Math.ceil(reset);
  if (policy.windowS !== undefined) state.windowS = policy.windowS;
  if (retryAfter !== undefined) state.retryAfterS = Math.ceil(retryAfter);
  return state;
}

function count(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.min(maxCount, Math.max(0, Math.floor(value)));
}

/** The `Retry-After` field of RFC 9110 section 10.2.3 in whole seconds from `nowMs`. */
export function readRetryAfter(answer: UpstreamAnswer, nowMs: number): number | undefined {
  const seconds = parseTime(answer.headers['retry-after'], 'auto', nowMs);
  return seconds === undefined ? undefined : Math.ceil(seconds);
}
