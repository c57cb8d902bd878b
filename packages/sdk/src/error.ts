/** The one error class of this package: a problem the API answered with, or a refusal of this side. */
import type { ErrorCode, Origin, Problem } from './generated/contract.ts';

/** Failures that never got a problem from the API: no answer, an answer that is none, an open circuit breaker. */
export type ClientErrorCode = 'network_error' | 'unexpected_answer' | 'circuit_open';

export interface ErrorDetails {
  readonly code: ErrorCode | ClientErrorCode;
  /** Who has to act: the caller, the account's owner, Evenkeel, or the vendor. */
  readonly origin: Origin;
  readonly retryable: boolean;
  /** The HTTP status; absent when no answer came. */
  readonly status?: number | undefined;
  /** Seconds. */
  readonly retryAfter?: number | undefined;
  readonly requestId?: string | undefined;
  /** What the vendor said, when it was asked. */
  readonly upstream?: Problem['upstream'] | undefined;
  /** The whole problem, with members this class does not name (`errors`, `connect_url`, `missing_scopes`). */
  readonly problem?: Problem | undefined;
}

/** `message` is the problem's detail; branch on `code`, `origin` and `retryable`, never on the text. */
export class EvenkeelError extends Error implements ErrorDetails {
  override readonly name = 'EvenkeelError';
  readonly code: ErrorCode | ClientErrorCode;
  readonly origin: Origin;
  readonly retryable: boolean;
  readonly status: number | undefined;
  readonly retryAfter: number | undefined;
  readonly requestId: string | undefined;
  readonly upstream: Problem['upstream'] | undefined;
  readonly problem: Problem | undefined;

  constructor(message: string, details: ErrorDetails, options?: ErrorOptions) {
    super(message, options);
    this.code = details.code;
    this.origin = details.origin;
    this.retryable = details.retryable;
    this.status = details.status;
    this.retryAfter = details.retryAfter;
    this.requestId = details.requestId;
    this.upstream = details.upstream;
    this.problem = details.problem;
  }
}

/** Reads an answer that is no success into an error; consumes its body. */
export async function errorFromAnswer(response: Response): Promise<EvenkeelError> {
  const text = await response.text();
  const requestId = response.headers.get('evenkeel-request-id') ?? undefined;
  const problem = readProblem(text);
  if (problem !== undefined) {
    return new EvenkeelError(problem.detail, {
      code: problem.code,
      origin: problem.origin,
      retryable: problem.retryable,
      status: response.status,
      retryAfter: problem.retry_after,
      requestId: problem.request_id ?? requestId,
      upstream: problem.upstream,
      problem,
    });
  }
  return new EvenkeelError(
    `The server answered ${response.status} without a problem this client can read: ${excerpt(text)}. Check that the base URL leads to Evenkeel and not to a proxy's error page.`,
    { code: 'unexpected_answer', origin: response.status < 500 ? 'caller' : 'platform', retryable: response.status >= 500, status: response.status, requestId },
  );
}

function readProblem(text: string): Problem | undefined {
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null) return undefined;
  const { code, origin, detail } = value as Partial<Problem>;
  return typeof code === 'string' && typeof origin === 'string' && typeof detail === 'string' ? (value as Problem) : undefined;
}

/** The JSON value of a text, or undefined when it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** The first characters of an unreadable answer, on one line. */
export function excerpt(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line === '' ? '(empty body)' : line.length > 120 ? `${line.slice(0, 120)}…` : line;
}
