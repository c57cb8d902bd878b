/** What is known of one sealed minute, as the evaluation of alerts takes it: the same from a running system and from history. */
import type { Origin } from '@evenkeel/contract/errors.ts';
import type { Sketch } from '../telemetry/sketch.ts';
import type { Baseline } from './flat-line.ts';

export interface SeriesIdentity {
  readonly kind: string;
  readonly surface: string;
  readonly tenantId: string | null;
  readonly accountId: string | null;
  readonly connectorId: string | null;
  readonly endpoint: string | null;
}

export interface CountRow {
  readonly series: SeriesIdentity;
  /** The number of its series, from 0 and without large gaps, the same in every minute. */
  readonly slot: number;
  readonly total: number;
  readonly success: number;
  readonly caller: number;
  readonly account: number;
  readonly platform: number;
  readonly upstream: number;
  readonly aborted: number;
  /** Of inbound events: from the vendor's time to processing, in microseconds. */
  readonly lag: Sketch | null;
}

export interface EarlyEnd {
  readonly connectorId: string;
  readonly accountId: string;
  readonly driftS: number;
}

export interface ShapeChange {
  readonly id: string;
  readonly connectorId: string;
  readonly endpoint: string;
  readonly change: 'breaking' | 'warning';
}

export interface MinuteFacts {
  /** Its begin, ms since the epoch. */
  readonly minute: number;
  /** False: too little of it was covered to say anything. */
  readonly measured: boolean;
  readonly rows: readonly CountRow[];
  /** Accounts in needs_reauth, by connector. */
  readonly needsReauth: ReadonlyMap<string, number>;
  /** Tokens that were found to have ended early in this minute. */
  readonly earlyEnds: readonly EarlyEnd[];
  /** Changes that nobody has acknowledged. */
  readonly shapeChanges: readonly ShapeChange[];
}

/** An inbound stream that is watched for silence: of an account, or of a whole connector. */
export interface Stream {
  readonly connectorId: string;
  readonly accountId: string | null;
  readonly tenantId: string | null;
  readonly baseline: Baseline;
  readonly lastEventMs: number;
}

/** Of a tenant: its last success, or the first failure without any, and the failures since. */
export interface TenantStanding {
  readonly sinceMs: number;
  readonly failures: number;
}

export interface Affected {
  readonly accountId: string;
  readonly tenantId: string | null;
}

/** What a rule found about one subject in one minute. */
export interface Finding {
  /** Unique within the rule. */
  readonly key: string;
  /** `elevated`: not enough to fire, too much to resolve. What is not told of is good. */
  readonly verdict: 'bad' | 'elevated';
  readonly subject: Subject;
  readonly origin: Origin | null;
  /** Figures a person can check, as JSON. */
  readonly evidence: Readonly<Record<string, unknown>>;
  readonly affected: readonly Affected[];
}

export interface Subject {
  readonly connectorId: string | null;
  readonly accountId: string | null;
  readonly tenantId: string | null;
  /** Of calls `<resource>.<method>` or `crm.contacts.list`, of deliveries the endpoint's id, of a shape change its place. */
  readonly endpoint: string | null;
}

export const nobody: Subject = { connectorId: null, accountId: null, tenantId: null, endpoint: null };
