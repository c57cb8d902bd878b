/** The words of judging an answer: what a failure is, and what is known when it is judged. */
import type { ErrorCode, Origin } from '@evenkeel/contract/errors.ts';
import type { RateLimitState } from './rate-limit.ts';

/** A failure the vendor answered with. */
export interface UpstreamFault {
  readonly code: ErrorCode;
  readonly origin: Origin;
  /** The vendor's words, bounded and without credentials, or ours when it had none. */
  readonly message: string;
  readonly missingScopes?: readonly string[];
  readonly retryAfterS?: number;
  readonly upstreamStatus: number;
  readonly upstreamRequestId?: string;
  /** What decided: `errors[2]` or `resources.….errors[0]` of the manifest, or `status:404`, `graphql:…`, `scopes:…`. */
  readonly rule: string;
  /** The vendor refuses the credential itself: it is renewed once before the refusal is believed. */
  readonly credentialRefused: boolean;
}
export type Verdict = { readonly ok: true } | { readonly ok: false; readonly error: UpstreamFault };

export interface JudgeContext {
  readonly nowMs: number;
  /** A passthrough call is the caller's own request; every other was built by the connector. */
  readonly surface: 'proxy' | 'passthrough' | 'connect';
  /** Scopes of the account's grant, where known; read only when an answer is a refusal. */
  readonly grantedScopes?: readonly string[] | undefined;
  readonly limits: readonly RateLimitState[];
  /** Texts never to appear in a message; read only when there is one to write, so that a getter may find them late. */
  readonly secrets: readonly string[];
  /** The body is passed on unread (a stream, a file): rules about bodies do not apply. */
  readonly bodyUnread?: boolean;
}

/** A failure before its message, request id and waiting time are read. */
export interface Finding {
  readonly code: ErrorCode;
  readonly origin: Origin;
  readonly rule: string;
  readonly credentialRefused?: boolean;
  readonly missingScopes?: readonly string[];
  readonly retryAfterS?: number;
}

/** Scopes as a list, from an array or a text separated by spaces or commas; bounded. */
export function scopeList(value: unknown, separator: string | RegExp = /[\s,]+/): string[] {
  const parts: unknown[] = typeof value === 'string' ? value.split(separator) : Array.isArray(value) ? value : [];
  return parts.flatMap((part) => (typeof part === 'string' && part.trim() !== '' ? [part.trim().slice(0, 200)] : [])).slice(0, 100);
}
