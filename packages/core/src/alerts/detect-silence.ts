/** Watches of what does not come: inbound events of an account or connector, and a tenant's successes. */
import type { AlertRule } from '@evenkeel/contract/playbook/alerts.ts';
import type { Detector } from './detector.ts';
import { nobody, type Finding, type MinuteFacts, type Stream, type TenantStanding } from './facts.ts';
import { judgeSilence } from './flat-line.ts';

type FlatRule = Extract<AlertRule, { watch: 'flat-line' }>;
type TenantRule = Extract<AlertRule, { watch: 'tenant-success' }>;

const hourMs = 3_600_000;
/** Four weeks. */
const unmeasuredKeptMs = 28 * 24 * hourMs;
const streamKey = (connectorId: string, accountId: string | null): string => (accountId === null ? connectorId : `${connectorId} ${accountId}`);

export class FlatLineDetector implements Detector {
  readonly historyMinutes = 1;
  readonly #rule: FlatRule;
  readonly #streams = new Map<string, Stream>();
  readonly #lastEvent = new Map<string, number>();
  /** Minutes that were not measured, by the begin of their hour: since a stream's last event they say nothing about it. */
  readonly #unmeasured = new Map<number, Set<number>>();

  constructor(rule: FlatRule) {
    this.#rule = rule;
  }

  /** Streams with their baselines, made anew from history now and then. A later event that is known here is kept. `unmeasured`: all such minutes of the last weeks. */
  watch(streams: readonly Stream[], unmeasured: readonly number[] | null): void {
    if (unmeasured !== null) {
      this.#unmeasured.clear();
      for (const minute of unmeasured) this.#leaveOut(minute);
    }
    this.#streams.clear();
    for (const stream of streams) {
      if ((this.#rule.by === 'account') !== (stream.accountId !== null)) continue;
      if (this.#rule.connectors?.includes(stream.connectorId) === false) continue;
      const key = streamKey(stream.connectorId, stream.accountId);
      this.#streams.set(key, stream);
      this.#lastEvent.set(key, Math.max(stream.lastEventMs, this.#lastEvent.get(key) ?? 0));
    }
  }

  minute(facts: MinuteFacts): readonly Finding[] {
    for (const { series, total } of facts.rows) {
      if (series.kind !== 'inbound' || series.connectorId === null || total === 0) continue;
      const key = streamKey(series.connectorId, this.#rule.by === 'account' ? series.accountId : null);
      this.#lastEvent.set(key, facts.minute);
    }
    if (!facts.measured || facts.complete === false) this.#leaveOut(facts.minute);
    const { alpha = 1e-9, min_weeks: minWeeks = 2 } = this.#rule;
    const end = facts.minute + 60_000;
    const found: Finding[] = [];
    for (const [key, stream] of this.#streams) {
      const last = this.#lastEvent.get(key) ?? stream.lastEventMs;
      // The greater part of the watched streams ends here: not even one minute of silence.
      if (last >= facts.minute) continue;
      const silence = judgeSilence(stream.baseline, last, end, { alpha, minWeeks }, this.#measuredShare(last));
      if (silence.kind !== 'flat') continue;
      const { connectorId, accountId, tenantId } = stream;
      found.push({
        key,
        verdict: 'bad',
        subject: { ...nobody, connectorId, accountId, tenantId },
        origin: 'upstream',
        evidence: { last_event_at: new Date(last).toISOString(), expected_events: Math.round(silence.expected * 10) / 10, log10_chance: Math.round((silence.logChance / Math.LN10) * 10) / 10, dispersion: Number.isFinite(stream.baseline.dispersion) ? stream.baseline.dispersion : null },
        affected: accountId === null ? [] : [{ accountId, tenantId }],
      });
    }
    return found;
  }

  forget(): void {}
  resume(): void {}

  #measuredShare(sinceMs: number): (hourStartMs: number) => number {
    if (this.#unmeasured.size === 0) return () => 1;
    return (hourStartMs) => {
      const gaps = this.#unmeasured.get(hourStartMs);
      if (gaps === undefined) return 1;
      return 1 - (hourStartMs >= sinceMs ? gaps.size : [...gaps].filter((minute) => minute >= sinceMs).length) / 60;
    };
  }

  #leaveOut(minute: number): void {
    const hour = Math.floor(minute / hourMs) * hourMs;
    const known = this.#unmeasured.get(hour);
    if (known !== undefined) known.add(minute);
    else {
      this.#unmeasured.set(hour, new Set([minute]));
      for (const old of this.#unmeasured.keys()) if (old < minute - unmeasuredKeptMs) this.#unmeasured.delete(old);
    }
  }
}

/** A tenant that calls and never succeeds. One success ends it. */
export class TenantSuccessDetector implements Detector {
  readonly historyMinutes = 1;
  readonly #rule: TenantRule;
  readonly #standing = new Map<string, TenantStanding>();

  constructor(rule: TenantRule) {
    this.#rule = rule;
  }

  watch(tenants: ReadonlyMap<string, TenantStanding>): void {
    for (const [tenant, standing] of tenants) this.#standing.set(tenant, standing);
  }

  minute(facts: MinuteFacts): readonly Finding[] {
    for (const row of facts.rows) {
      const { kind, surface, tenantId } = row.series;
      // What Evenkeel asks for itself is no success of the tenant's.
      if (kind !== 'call' || surface === 'background' || tenantId === null) continue;
      const failures = row.account + row.platform + row.upstream;
      const standing = this.#standing.get(tenantId);
      if (row.success > 0) this.#standing.set(tenantId, { sinceMs: facts.minute, failures: 0, lastFailureMs: null });
      else if (failures > 0) this.#standing.set(tenantId, { sinceMs: standing?.sinceMs ?? facts.minute, failures: (standing?.failures ?? 0) + failures, lastFailureMs: facts.minute });
    }
    const { silent_hours: hours = 24, min_total: minTotal = 20 } = this.#rule;
    const found: Finding[] = [];
    for (const [tenantId, { sinceMs, failures, lastFailureMs }] of this.#standing) {
      // Who failed on Friday evening and calls again on Monday was not broken all Saturday: only a failure tells that it goes on.
      if (failures < minTotal || lastFailureMs === null || lastFailureMs + 60_000 - sinceMs < hours * hourMs) continue;
      found.push({ key: tenantId, verdict: 'bad', subject: { ...nobody, tenantId }, origin: null, evidence: { last_success_at: new Date(sinceMs).toISOString(), failures_since: failures, last_failure_at: new Date(lastFailureMs).toISOString() }, affected: [] });
    }
    return found;
  }

  forget(): void {}
  resume(): void {}
}
