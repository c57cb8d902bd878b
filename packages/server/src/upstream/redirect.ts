/**
 * Whether a redirect of a vendor is followed, and what goes along. Only reads are followed; a write that is redirected
 * is the caller's to judge. Outside the origins that may hold the credential, only headers that carry none remain.
 * Semantics of the statuses: RFC 9110 section 15.4.
 */
export const maxRedirects = 3;

const followed = new Set([301, 302, 303, 307, 308]);
const harmless = new Set(['accept', 'accept-encoding', 'accept-language', 'user-agent', 'range', 'if-none-match', 'if-modified-since']);

export interface Redirect {
  url: string;
  headers: Record<string, string>;
}

/** Null when the answer is not a redirect to follow. `origins` may receive the credential. Pure. */
export function nextHop(
  request: { method: string; url: string; headers: Record<string, string> },
  answer: { status: number; location: string | undefined },
  origins: readonly string[],
): Redirect | null {
  if (!followed.has(answer.status) || answer.location === undefined) return null;
  if (request.method !== 'GET' && request.method !== 'HEAD') return null;
  const next = URL.parse(answer.location, request.url);
  if (next === null) return null;
  const current = new URL(request.url);
  const downgraded = current.protocol === 'https:' && next.protocol !== 'https:';
  const trusted = !downgraded && origins.includes(next.origin);
  return { url: next.href, headers: trusted ? request.headers : withoutCredentials(request.headers) };
}

function withoutCredentials(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => harmless.has(name.toLowerCase())));
}
