/** An agreement as exact values: its terms with what it states otherwise, its months, its tiers. */
import type { Agreement, Downtime, ExclusionClause, MaintenanceWindow, Terms } from '@evenkeel/contract/playbook/agreements.ts';
import { dayRange, type MinuteRange } from './calendar.ts';
import { percentOf, readPercent, whole, type Ppb } from './share.ts';
import type { CallCounts } from './tally.ts';

export interface Tier {
  /** Uptime under this… */
  readonly below: Ppb;
  /** …gives this share of the fee. */
  readonly credit: Ppb;
}

export interface AgreementDefinition {
  readonly id: string;
  readonly tenantId: string;
  readonly title: string;
  readonly timeZone: string;
  /** The minutes it is in force. */
  readonly term: MinuteRange;
  readonly starts: string;
  readonly ends: string | null;
  readonly target: Ppb;
  readonly downtime: { readonly consecutiveMinutes: number; readonly above: Ppb; readonly errors: Downtime['errors']; readonly unmeasured: Downtime['unmeasured'] };
  readonly noticeHours: number;
  readonly clauses: readonly ExclusionClause[];
  readonly maintenance: readonly MaintenanceWindow[];
  /** From the highest uptime down. */
  readonly tiers: readonly Tier[];
  readonly cap: Ppb;
  readonly feeMinor: bigint;
  readonly currency: string;
}

/** Of an agreement without faults (lintAgreement); throws a TypeError on one with them. */
export function defineAgreement(agreement: Agreement, terms: Readonly<Record<string, Terms>>): AgreementDefinition {
  const base = terms[agreement.terms];
  if (base === undefined) throw new TypeError(`agreement ${agreement.id} names the terms ${agreement.terms}, which do not exist`);
  const share = (written: number | string): Ppb => {
    const read = readPercent(written);
    if (read === undefined) throw new TypeError(`agreement ${agreement.id} was used before it was checked: ${written} is no share`);
    return read;
  };
  const downtime = agreement.downtime ?? base.downtime;
  return {
    id: agreement.id,
    tenantId: agreement.tenant_id,
    title: agreement.title ?? base.title,
    timeZone: agreement.time_zone,
    term: dayRange(agreement.starts, agreement.ends, agreement.time_zone),
    starts: agreement.starts,
    ends: agreement.ends ?? null,
    target: share(agreement.target ?? base.target),
    downtime: { consecutiveMinutes: downtime.consecutive_minutes, above: share(downtime.above), errors: downtime.errors, unmeasured: downtime.unmeasured },
    noticeHours: agreement.maintenance_notice_hours ?? base.maintenance_notice_hours,
    clauses: agreement.exclusions ?? base.exclusions,
    maintenance: agreement.maintenance ?? [],
    tiers: (agreement.credits ?? base.credits).map(({ below, credit }) => ({ below: share(below), credit: share(credit) })),
    cap: share(agreement.cap ?? base.cap),
    feeMinor: BigInt(agreement.monthly_fee_minor),
    currency: agreement.currency,
  };
}

/** What decides whether a minute counts as bad, and for whom: when it changes, minutes have to be counted anew. */
export const countingRule = ({ tenantId, downtime }: Pick<AgreementDefinition, 'tenantId' | 'downtime'>): string => `${downtime.errors} > ${percentOf(downtime.above)} % of ${tenantId}`;

/** Requests of the tenant in a minute and those that failed as the agreement counts it. */
export function countRequests({ downtime }: Pick<AgreementDefinition, 'downtime'>, calls: CallCounts): { readonly requests: number; readonly failed: number } {
  return { requests: calls.total - calls.aborted, failed: calls.platform5xx + (downtime.errors === 'platform_and_upstream' ? calls.upstream5xx : 0) };
}

/** More than the agreed share failed. Without a request nothing failed. */
export function isBadMinute({ downtime }: Pick<AgreementDefinition, 'downtime'>, requests: number, failed: number): boolean {
  return BigInt(failed) * whole > downtime.above * BigInt(requests);
}
