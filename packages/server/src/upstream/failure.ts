/** How a call to a vendor fails before or while an answer arrives. The kind is evidence for attribution. */

export type UpstreamErrorKind = 'timeout' | 'connect' | 'reset' | 'blocked' | 'too_large' | 'aborted' | 'invalid';
/** How far the call had come: nothing sent yet, connecting, waiting for the status line, or reading the body. */
export type UpstreamPhase = 'request' | 'connect' | 'headers' | 'body';

/**
 * Thrown by the upstream client. `kind`:
 * timeout: a phase took too long · connect: no connection (DNS, refused, TLS) · reset: the connection ended before the
 * answer was whole, truncated bodies included · blocked: the target address may not be reached · too_large: the body
 * exceeds the limit · aborted: the caller gave up · invalid: the request cannot be sent (phase request) or the answer
 * is not HTTP or cannot be decoded.
 * `code` is the system's own error code where there is one (ECONNREFUSED, UND_ERR_…); messages never hold a secret.
 */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError';
  readonly kind: UpstreamErrorKind;
  readonly phase: UpstreamPhase;
  readonly code: string;
  /** Milliseconds from dispatch to the failure; set when the exchange ends. */
  elapsedMs = 0;
  /** Milliseconds of it in which the call waited here for a free connection. */
  waitedMs = 0;
  /** The vendor had answered with a redirect, and it was the way there that failed. */
  redirected = false;

  constructor(kind: UpstreamErrorKind, phase: UpstreamPhase, message: string, code: string) {
    super(message);
    this.kind = kind;
    this.phase = phase;
    this.code = code;
  }
}

const connectCodes = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL', 'ENODATA']);

/** Classifies what the HTTP library or the socket reported. `host` names the target in the message. */
export function toUpstreamError(error: unknown, phase: UpstreamPhase, host: string): UpstreamError {
  if (error instanceof UpstreamError) return error;
  const code = codeOf(error);
  switch (code) {
    case 'UND_ERR_CONNECT_TIMEOUT':
    case 'ETIMEDOUT':
      return new UpstreamError('timeout', 'connect', `No connection to ${host} in time.`, code);
    case 'UND_ERR_HEADERS_TIMEOUT':
      return new UpstreamError('timeout', 'headers', `${host} sent no answer in time.`, code);
    case 'UND_ERR_BODY_TIMEOUT':
      return new UpstreamError('timeout', 'body', `${host} stopped sending in the middle of its answer.`, code);
    case 'UND_ERR_HEADERS_OVERFLOW':
      return new UpstreamError('invalid', 'headers', `${host} sent more headers than can be taken.`, code);
    case 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH':
    case 'HPE_INVALID_EOF_STATE':
      return new UpstreamError('reset', 'body', `${host} sent a body of another length than it announced.`, code);
    case 'UND_ERR_INVALID_ARG':
    case 'UND_ERR_NOT_SUPPORTED':
    case 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH':
      return new UpstreamError('invalid', 'request', `The request to ${host} cannot be sent: ${messageOf(error)}.`, code);
    case 'UND_ERR_ABORTED':
      return new UpstreamError('aborted', phase, `The call to ${host} was given up by its caller.`, code);
    default:
  }
  if (code.startsWith('HPE_') || nameOf(error) === 'HTTPParserError') return new UpstreamError('invalid', phase, `${host} answered with something that is not HTTP.`, code);
  if (phase === 'connect' || connectCodes.has(code)) {
    return new UpstreamError('connect', 'connect', `No connection to ${host}: ${code}.`, code);
  }
  return new UpstreamError('reset', phase, `The connection to ${host} ended before the answer was whole.`, code);
}

function codeOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string') return error.code;
  return 'EUNKNOWN';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown reason';
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : '';
}
