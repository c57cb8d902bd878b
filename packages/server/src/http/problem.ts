/** Errors on their way out: RFC 9457 problems made from the registry. */
import { errorRegistry, type ErrorCode, type Origin, type Problem } from '@evenkeel/contract/errors.ts';

export type ProblemDetails = Partial<Pick<Problem, 'upstream' | 'errors' | 'connect_url' | 'missing_scopes' | 'retry_after'>> & {
  readonly origin?: Origin;
  readonly status?: number;
  readonly retryable?: boolean;
};

/** Thrown by a route to refuse; the HTTP boundary turns it into the answer. `detail` is shown to the caller. */
export class Refusal extends Error {
  readonly code: ErrorCode;
  readonly details: ProblemDetails;

  constructor(code: ErrorCode, detail: string, details: ProblemDetails = {}) {
    super(detail);
    this.name = 'Refusal';
    this.code = code;
    this.details = details;
  }
}

export function problemOf(code: ErrorCode, detail: string, requestId: string, details: ProblemDetails = {}): Problem {
  const entry = errorRegistry[code];
  return {
    type: `/docs/errors#${code}`,
    title: entry.title,
    status: entry.status,
    detail,
    code,
    origin: entry.origin,
    retryable: entry.retryable,
    request_id: requestId,
    ...details,
  };
}
