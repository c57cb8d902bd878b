/**
 * The one registry of error codes: status, origin, whether a retry can help, what it means and which runbook to open.
 * Every error that leaves Evenkeel is an RFC 9457 problem made from an entry here.
 */
import Type from 'typebox';

/** Who has to act: the caller of the API, the owner of the account, Evenkeel itself, or the vendor. */
export const Origin = Type.Union([Type.Literal('caller'), Type.Literal('account'), Type.Literal('platform'), Type.Literal('upstream')]);
export type Origin = Type.Static<typeof Origin>;

interface ErrorEntry {
  readonly status: number;
  readonly origin: Origin;
  readonly retryable: boolean;
  readonly title: string;
  readonly explanation: string;
  readonly runbook: string;
}

const entry = (status: number, origin: Origin, retryable: boolean, title: string, explanation: string, runbook: string): ErrorEntry => ({
  status,
  origin,
  retryable,
  title,
  explanation,
  runbook,
});

/** `origin` is the usual one; an answer may state another where its evidence says so. */
export const errorRegistry = {
  invalid_request: entry(400, 'caller', false, 'Invalid request', 'The request does not have the shape the API documents.', 'caller-errors'),
  unauthorized: entry(401, 'caller', false, 'Unauthorized', 'The API key is missing, unknown, expired or revoked.', 'caller-errors'),
  forbidden: entry(403, 'caller', false, 'Forbidden', 'The key lacks the scope or belongs to another tenant, or the vendor refuses this user the operation.', 'caller-errors'),
  not_found: entry(404, 'caller', false, 'Not found', 'Nothing exists under this path or id, here or at the vendor.', 'caller-errors'),
  conflict: entry(409, 'caller', false, 'Conflict', 'The request contradicts the present state.', 'caller-errors'),
  validation_failed: entry(422, 'caller', false, 'Validation failed', 'The values were understood and refused, here or by the vendor.', 'caller-errors'),
  rate_limited: entry(429, 'upstream', true, 'Rate limited', 'A quota is used up. The headers tell when to call again; Evenkeel does not retry for you.', 'rate-limits'),
  reauth_required: entry(409, 'account', false, 'Re-authorisation required', 'The account\'s grant is gone. Its owner has to connect again.', 'needs-reauth'),
  missing_scopes: entry(403, 'account', false, 'Missing scopes', 'The account was connected without a permission this operation needs.', 'missing-scopes'),
  account_not_ready: entry(409, 'account', false, 'Account not ready', 'The account is not active: it is still connecting, or connecting failed.', 'account-not-ready'),
  unsupported_operation: entry(405, 'caller', false, 'Unsupported operation', 'The connector does not offer this resource or method.', 'caller-errors'),
  connector_invalid: entry(422, 'caller', false, 'Connector invalid', 'The manifest has faults; all of them are listed.', 'connector-faults'),
  mapping_failed: entry(502, 'platform', false, 'Mapping failed', 'A record could not be mapped to or from the unified model.', 'connector-faults'),
  upstream_unavailable: entry(502, 'upstream', true, 'Upstream unavailable', 'The vendor failed or could not be reached.', 'upstream-outage'),
  upstream_timeout: entry(504, 'upstream', true, 'Upstream timeout', 'The vendor did not answer in time.', 'upstream-outage'),
  upstream_invalid_response: entry(502, 'upstream', true, 'Upstream answer invalid', 'The vendor answered with something that cannot be read.', 'upstream-outage'),
  internal: entry(500, 'platform', true, 'Internal error', 'Evenkeel failed. The request id leads to the evidence.', 'platform-errors'),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errorRegistry;
export const errorCodes = Object.keys(errorRegistry) as ErrorCode[];
export const ErrorCode = Type.Unsafe<ErrorCode>({ type: 'string', enum: errorCodes, description: 'A code of the error registry.' });

/** An RFC 9457 problem. `retry_after` is in seconds. */
export const Problem = Type.Object(
  {
    type: Type.String({ description: 'A URI reference: /docs/errors#<code>.' }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    code: ErrorCode,
    origin: Origin,
    retryable: Type.Boolean(),
    retry_after: Type.Optional(Type.Integer()),
    request_id: Type.String(),
    upstream: Type.Optional(
      Type.Object({ status: Type.Optional(Type.Integer()), body: Type.Optional(Type.Unknown()), request_id: Type.Optional(Type.String()) }),
    ),
    errors: Type.Optional(Type.Array(Type.Object({ path: Type.String(), message: Type.String(), suggestion: Type.Optional(Type.String()) }))),
    connect_url: Type.Optional(Type.String({ description: 'Where the account\'s owner re-authorises (reauth_required).' })),
    missing_scopes: Type.Optional(Type.Array(Type.String())),
  },
  { $id: 'Problem' },
);
export type Problem = Type.Static<typeof Problem>;
