/** Conditional requests (RFC 9110 §13): If-Match with the revision last seen, If-None-Match: * for what must be new. */
import type { IncomingHttpHeaders } from 'node:http';
import { Refusal } from '../http/problem.ts';

export type Expectation = { readonly revision: number } | 'absent';

/** Undefined without a condition; `If-Match: *` asks for nothing a change does not ask anyway, and `W/` is ignored. */
export function readExpectation(headers: IncomingHttpHeaders): Expectation | undefined {
  const { 'if-match': match, 'if-none-match': noneMatch } = headers;
  if (noneMatch !== undefined) {
    if (noneMatch.trim() !== '*' || match !== undefined) throw new Refusal('invalid_request', 'If-None-Match takes only * here, and not together with If-Match.');
    return 'absent';
  }
  if (match === undefined || match.trim() === '*') return undefined;
  const revision = /^(?:W\/)?"(\d{1,16})"$/.exec(match.trim())?.[1];
  if (revision === undefined) throw new Refusal('invalid_request', 'If-Match takes the ETag that it was read with, such as "7".');
  return { revision: Number(revision) };
}
