/** What became of one attempt, judged by the receiver's answer or by its absence. */

/**
 * Of failures. http_error: a status that is neither success nor one of the following · redirect: 3xx, never followed ·
 * gone: 410, the receiver wants no more · rate_limited: 429 · timeout: no whole answer in time · connect: no connection
 * (DNS, refused, TLS) · reset: the connection broke · blocked: the address may not be called · invalid: the answer is not
 * HTTP, or the request could not be made.
 */
export const attemptErrors = ['http_error', 'redirect', 'gone', 'rate_limited', 'timeout', 'connect', 'reset', 'blocked', 'invalid'] as const;
export type AttemptError = (typeof attemptErrors)[number];

export type AttemptResult =
  | { readonly kind: 'success'; readonly status: number }
  | { readonly kind: 'failure'; readonly error: AttemptError; readonly status: number | null; readonly message: string; readonly retryAfter?: string | undefined };

/** Judges a whole answer. Anything but 2xx is a failure: a redirect may lead where nobody checked. */
export function judgeAnswer(status: number, retryAfter: string | undefined): AttemptResult {
  if (status >= 200 && status <= 299) return { kind: 'success', status };
  if (status >= 300 && status <= 399) return { kind: 'failure', error: 'redirect', status, message: `The receiver answered ${status}. Redirects are not followed: store the address they lead to.` };
  if (status === 410) return { kind: 'failure', error: 'gone', status, message: 'The receiver answered 410 Gone: it wants no more deliveries.' };
  const error = status === 429 ? 'rate_limited' : 'http_error';
  return { kind: 'failure', error, status, message: `The receiver answered ${status}.`, retryAfter };
}

/** Whether the endpoint, and not the one delivery, seems to be the trouble. A 4xx may be about this event alone. */
export function looksDead(result: AttemptResult): boolean {
  if (result.kind === 'success') return false;
  return result.error !== 'http_error' ? result.error !== 'redirect' && result.error !== 'gone' : (result.status ?? 0) >= 500;
}
