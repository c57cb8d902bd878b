/** Failure ratios of calls and refreshes by endpoint, account, tenant or connector, watched by their change. */
import type { Detector } from './detector.ts';
import { nobody, type CountRow, type Finding, type MinuteFacts, type SeriesIdentity, type Subject } from './facts.ts';
import { stillRisen, type RateChangeRule, type WindowCounts } from './rate-change.ts';
import type { RecentFailures } from './recent-failures.ts';
import { SeriesWindows, type SeriesMinute } from './series-scan.ts';

export interface RatioWatch {
  readonly kind: 'call' | 'refresh';
  readonly by: 'endpoint' | 'account' | 'tenant' | 'connector';
  readonly origins: readonly ('account' | 'platform' | 'upstream')[];
  readonly windowMinutes: number;
  readonly rule: RateChangeRule;
  readonly connectors: ReadonlySet<string> | null;
}

interface Group {
  readonly key: string;
  readonly subject: Subject;
}

interface Risen {
  /** The group's number. */
  readonly number: number;
  readonly group: Group;
  readonly verdict: Finding['verdict'];
  readonly evidence: Finding['evidence'];
}

export class RatioDetector implements Detector {
  readonly historyMinutes: number;
  readonly #watch: RatioWatch;
  readonly #windows: SeriesWindows;
  readonly #groups: Group[] = [];
  readonly #byKey = new Map<string, number>();
  /** By slot: the group's number and one; 0: not looked at yet, -1: not watched. */
  #ofSlot = new Int32Array(1024);
  /** Sums of the present minute by group, and which groups have one. */
  #totals = new Int32Array(1024);
  #bads = new Int32Array(1024);
  #touched: number[] = [];
  /** Of subjects that have risen: the window before, which the present is held against. */
  readonly #before = new Map<string, WindowCounts>();

  constructor(watch: RatioWatch) {
    this.#watch = watch;
    this.#windows = new SeriesWindows(watch.windowMinutes);
    this.historyMinutes = 2 * watch.windowMinutes;
  }

  minute(facts: MinuteFacts, recent: RecentFailures): readonly Finding[] {
    this.#windows.push(this.#sum(facts.rows));
    const risen: Risen[] = [];
    for (const { series, earlier, later, chance } of this.#windows.scan(this.#watch.rule)) {
      const group = this.#groups[series];
      if (group === undefined) continue;
      const before = this.#before.get(group.key) ?? earlier;
      this.#before.set(group.key, before);
      risen.push({ number: series, group, verdict: 'bad', evidence: { earlier: before, later, chance, window_minutes: this.#watch.windowMinutes } });
    }
    const bad = new Set(risen.map(({ number }) => number));
    for (const [key, before] of this.#before) {
      const number = this.#byKey.get(key);
      const group = number === undefined ? undefined : this.#groups[number];
      if (number === undefined || group === undefined || bad.has(number)) continue;
      const later = this.#windows.later(number);
      if (stillRisen(before, later, this.#watch.rule)) risen.push({ number, group, verdict: 'elevated', evidence: { earlier: before, later, window_minutes: this.#watch.windowMinutes } });
    }
    return this.#findings(risen, recent);
  }

  forget(key: string): void {
    this.#before.delete(key);
  }

  resume(key: string, evidence: Readonly<Record<string, unknown>>): void {
    this.#before.set(key, evidence['earlier'] as WindowCounts);
  }

  #sum(rows: readonly CountRow[]): SeriesMinute {
    const [account, platform, upstream] = (['account', 'platform', 'upstream'] as const).map((origin) => (this.#watch.origins.includes(origin) ? 1 : 0));
    this.#touched = [];
    for (const row of rows) {
      const group = this.#groupOf(row);
      if (group < 0) continue;
      // Whom nobody but the caller can help is in neither count.
      const total = row.success + row.account + row.platform + row.upstream;
      if (total === 0) continue;
      if (this.#totals[group] === 0) this.#touched.push(group);
      this.#totals[group] = (this.#totals[group] ?? 0) + total;
      this.#bads[group] = (this.#bads[group] ?? 0) + row.account * (account ?? 0) + row.platform * (platform ?? 0) + row.upstream * (upstream ?? 0);
    }
    const series = Int32Array.from(this.#touched);
    const minute = { series, total: series.map((group) => this.#totals[group] ?? 0), bad: series.map((group) => this.#bads[group] ?? 0) };
    for (const group of this.#touched) this.#totals[group] = this.#bads[group] = 0;
    return minute;
  }

  #groupOf({ slot, series }: CountRow): number {
    if (slot >= this.#ofSlot.length) this.#ofSlot = grown(this.#ofSlot, slot + 1);
    const known = this.#ofSlot[slot] ?? 0;
    if (known !== 0) return known < 0 ? -1 : known - 1;
    const made = this.#makeGroup(series);
    this.#ofSlot[slot] = made < 0 ? -1 : made + 1;
    return made;
  }

  #makeGroup(series: SeriesIdentity): number {
    const { kind, by, connectors } = this.#watch;
    if (series.kind !== kind || (connectors !== null && (series.connectorId === null || !connectors.has(series.connectorId)))) return -1;
    const group = groupOf(series, by);
    if (group === null) return -1;
    const known = this.#byKey.get(group.key);
    if (known !== undefined) return known;
    const number = this.#groups.push(group) - 1;
    this.#byKey.set(group.key, number);
    if (number >= this.#totals.length) {
      this.#totals = grown(this.#totals, number + 1);
      this.#bads = grown(this.#bads, number + 1);
    }
    return number;
  }

  #findings(risen: readonly Risen[], recent: RecentFailures): Finding[] {
    if (risen.length === 0) return [];
    if (this.#watch.kind === 'refresh') return risen.map(({ group, verdict, evidence }) => ({ ...group, verdict, evidence, origin: 'upstream', affected: [] }));
    const blamed = recent.blame((row) => this.#groupOf(row), new Set(risen.map(({ number }) => number)), this.#watch.origins);
    const watched = new Map([...new Set(risen.map(({ group }) => group.subject.connectorId))].map((id) => [id, id === null ? null : recent.watched(id)]));
    return risen.map(({ number, group, verdict, evidence }) => {
      const { origin, affected, failures } = blamed.get(number) ?? { origin: this.#watch.origins.length === 1 ? (this.#watch.origins[0] ?? 'upstream') : ('upstream' as const), affected: [], failures: {} };
      return { ...group, verdict, evidence: { ...evidence, failures, accounts_affected: affected.length, accounts_watched: watched.get(group.subject.connectorId) ?? affected.length }, origin, affected };
    });
  }
}

function grown(column: Int32Array<ArrayBuffer>, needed: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(Math.max(needed, column.length * 2));
  larger.set(column);
  return larger;
}

function groupOf(series: SeriesIdentity, by: RatioWatch['by']): Group | null {
  const { connectorId, accountId, tenantId, endpoint, surface } = series;
  switch (by) {
    case 'endpoint':
      return connectorId === null || endpoint === null ? null : { key: `${connectorId} ${surface} ${endpoint}`, subject: { ...nobody, connectorId, endpoint } };
    case 'account':
      return accountId === null ? null : { key: accountId, subject: { ...nobody, connectorId, accountId, tenantId } };
    case 'tenant':
      return tenantId === null || surface === 'background' ? null : { key: tenantId, subject: { ...nobody, tenantId } };
    case 'connector':
      return connectorId === null ? null : { key: connectorId, subject: { ...nobody, connectorId } };
  }
}
