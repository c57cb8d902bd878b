/**
 * GraphQL answers: errors arrive with any status, mostly 200. The codes are those GraphQL servers commonly put under
 * `extensions.code`; what a vendor means by its own codes is said by the manifest's rules, which look first.
 */
import { errorRegistry, type ErrorCode } from '@evenkeel/contract/errors.ts';
import { compilePath } from '../values/path.ts';
import type { UpstreamAnswer } from './upstream-answer.ts';
import type { Finding } from './verdict.ts';

const errorsOf = compilePath('errors');
const codeOf = compilePath('extensions.code');

const codes: Readonly<Record<string, ErrorCode>> = {
  UNAUTHENTICATED: 'reauth_required',
  FORBIDDEN: 'forbidden',
  NOT_FOUND: 'not_found',
  BAD_USER_INPUT: 'validation_failed',
  RATELIMITED: 'rate_limited',
  RATE_LIMITED: 'rate_limited',
  THROTTLED: 'rate_limited',
  TIMEOUT: 'upstream_timeout',
  INTERNAL_SERVER_ERROR: 'upstream_unavailable',
  SERVICE_UNAVAILABLE: 'upstream_unavailable',
};
/** The document is the connector's, so its faults are ours. */
const documentFaults = new Set(['GRAPHQL_PARSE_FAILED', 'GRAPHQL_VALIDATION_FAILED', 'PERSISTED_QUERY_NOT_FOUND', 'OPERATION_RESOLUTION_FAILURE']);

/** The first error decides; undefined when the answer holds none. A good status with an unknown code is a validation failure. */
export function judgeGraphql(answer: UpstreamAnswer): Finding | undefined {
  const errors = errorsOf(answer.body);
  if (!Array.isArray(errors) || errors.length === 0) return undefined;
  const code = codeOf(errors[0]);
  const known = typeof code === 'string' ? code.toUpperCase() : '';
  if (documentFaults.has(known)) return { code: 'connector_invalid', origin: 'platform', rule: `graphql:${known}` };
  const meant = Object.hasOwn(codes, known) ? codes[known] : undefined;
  if (meant === undefined) return answer.status >= 300 ? undefined : { code: 'validation_failed', origin: 'caller', rule: 'graphql:errors' };
  const origin = meant === 'forbidden' ? 'account' : errorRegistry[meant].origin;
  return { code: meant, origin, rule: `graphql:${known}`, credentialRefused: meant === 'reauth_required' };
}
