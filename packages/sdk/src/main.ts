/** The entry of @evenkeel/sdk. */
export { Evenkeel } from './client.ts';
export { EvenkeelError, type ClientErrorCode, type ErrorDetails } from './error.ts';
export { fetchWithBackoff, type BackoffOptions, type FetchInput, type FetchLike, type Retry } from './backoff.ts';
export { CircuitBreaker, outcomeOfStatus, type Admission, type BreakerOptions, type BreakerState, type BreakerOutcome } from './circuit-breaker.ts';
export { readHeaderWaitMs } from './header-wait.ts';
export { Listing, type Page } from './listing.ts';
export { verifyWebhook, WebhookVerificationError, type VerifyOptions, type WebhookHeaders } from './webhooks.ts';
export type { CallOptions, ClientOptions, Query, QueryValue } from './transport.ts';
export type { ListQuery, VendorRecord } from './proxy.ts';
export type { Showing, Shown, UnifiedInput, UnifiedListQuery as UnifiedQueryOf, UnifiedModel, UnifiedRecord } from './unified.ts';
export type * from './generated/contract.ts';
export type * from './generated/unified.ts';
export type * from './generated/events.ts';
