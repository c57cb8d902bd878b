/** What a simulated vendor is to the machinery: hosts, routes, its own words for failure, and its webhooks. */
import type { Clock } from './clock.ts';
import type { Call, Reply } from './exchange.ts';
import type { Json, JsonObject } from './json.ts';
import type { Random } from './random.ts';
import type { Memory } from './memory.ts';
import type { LimiterSource } from './rate-limiter.ts';
import type { Route } from './route.ts';

/** Who is calling, as far as the credential tells. */
export interface Identity {
  /** The vendor's own account id: portal, organisation, workspace, company. */
  readonly account: string;
  /** The presented credential. */
  readonly token: string;
  /** Epoch ms at which the credential was issued; null for keys. */
  readonly issuedAt: number | null;
}

export type FailureKind = 'outage' | 'rate_limited' | 'expired' | 'revoked' | 'missing_scope' | 'not_found' | 'method_not_allowed' | 'token_outage';

export interface Change {
  readonly account: string;
  /** The vendor's name for the record's kind, e.g. "contacts". */
  readonly resource: string;
  readonly kind: 'created' | 'updated' | 'deleted';
  readonly record: JsonObject;
  readonly previous: JsonObject | null;
}

export interface WebhookRegistration {
  readonly id: string;
  readonly target_url: string;
  readonly secret: string;
  /** Only changes of this account; null for all. */
  readonly account: string | null;
  /** Only these event types, in the vendor's words; null for all. */
  readonly events: readonly string[] | null;
  /** A disabled one is still there and sends nothing. */
  readonly enabled: boolean;
  /** Epoch ms at which it is gone; null: never. */
  readonly expiresAt: number | null;
}
/** What a target is registered with; enabled and without an end where nothing else is said. */
export type NewWebhookRegistration = Omit<WebhookRegistration, 'id' | 'enabled' | 'expiresAt'> & { readonly expiresAt?: number };

export interface WebhookMessage {
  readonly headers: Record<string, string>;
  readonly body: string;
  /** What the vendor adds on the n-th resend, from 1. */
  readonly retryHeaders?: (resend: number) => Record<string, string>;
}

export interface Vendor {
  readonly id: string;
  /** Role → pattern of the whole host name; named groups become hostParams. */
  readonly hosts: Readonly<Record<string, RegExp>>;
  readonly routes: readonly Route[];
  /** Resolves a presented credential without judging it; null when there is none or it is unknown. */
  identify(call: Call): Identity | null;
  /** The vendor's own answer to a failure; details come from a fault's params. */
  failure(kind: FailureKind, call: Call, details: JsonObject): Reply;
  /** Adds what every answer carries: request ids, rate-limit headers. */
  finish(call: Call, reply: Reply): Reply;
  /** Ends the grants that `matches` picks; returns how many. */
  revoke(matches: (identity: Identity) => boolean): number;
  /** The requests this vendor would send for a change; an empty list when the event is not subscribed to. */
  webhooks(change: Change, registration: WebhookRegistration): WebhookMessage[];
  /** What the vendor sends to a target when it is registered: a challenge, a ping. */
  greeting?(registration: WebhookRegistration): WebhookMessage[];
}

/** What a vendor is built from. */
export interface World {
  readonly clock: Clock;
  /** A sequence of its own for each label. */
  random(label: string): Random;
  readonly limits: LimiterSource;
  /** Tells the world that a record changed, so that webhooks go out. */
  changed(change: Change): void;
  /** Subscribes a target through the vendor's own webhook API. */
  subscribe(registration: NewWebhookRegistration): { ok: true; registration: WebhookRegistration } | { ok: false };
  subscriptions(): WebhookRegistration[];
  unsubscribe(id: string): void;
  /** Enables, disables or extends a subscription; false when there is none. */
  changeSubscription(id: string, change: Partial<Pick<WebhookRegistration, 'enabled' | 'expiresAt'>>): boolean;
  /** A switch of this vendor set by PUT /_sandbox/settings/{vendor}, e.g. refresh-token rotation. */
  setting(name: string): Json | undefined;
  /** What outlives a restart, by a name of its own. */
  memory(name: string): Memory;
  /** Whether a redirect URI is registered with the sandbox's apps. */
  redirectAllowed(uri: string): boolean;
}
