/**
 * Where a budget burns: the connector that most of the recent failures of its scope came through, if there is one. It is
 * looked for once and kept as long as the burn goes on, so that an alert stays one while its failures cease.
 */
import type { Affected, BudgetScope, Burn, CountRow } from './facts.ts';
import type { RecentFailures } from './recent-failures.ts';
import type { GroupingRule } from './rules.ts';

export interface BurnPlace {
  /** Null: no connector has more than half of the failures. */
  readonly connectorId: string | null;
  /** Accounts of the scope that have failed lately. */
  readonly affected: readonly Affected[];
  /** Others than this scope are met through the connector as well. */
  readonly ofConnector: boolean;
}

const nowhere: BurnPlace = { connectorId: null, affected: [], ofConnector: false };

export const scopeText = ({ kind, id }: BudgetScope): string => (kind === 'overall' ? kind : `${kind}:${id}`);

/** Tiers and objectives of one scope burn for the same failures. */
const placeKey = (measures: string, origin: string, scope: string): string => `${measures} ${origin} ${scope}`;
const keyOf = ({ measures, origin, scope }: Burn): string => placeKey(measures, origin, scopeText(scope));

export class BurnPlaces {
  readonly #grouping: GroupingRule;
  #known = new Map<string, BurnPlace>();
  #minute: number | undefined;

  constructor(grouping: GroupingRule) {
    this.#grouping = grouping;
  }

  /** Every burn of the minute; each tier tells of the same minute again. */
  take(minute: number, burns: readonly Burn[], recent: RecentFailures): void {
    if (this.#minute === minute) return;
    this.#minute = minute;
    const isNew = burns.some((burn) => burn.measures === 'calls' && !this.#known.has(keyOf(burn)));
    const tallies = isNew ? new FailureTallies(recent, this.#grouping) : null;
    this.#known = new Map(burns.map((burn) => [keyOf(burn), this.#known.get(keyOf(burn)) ?? (burn.measures === 'calls' ? tallies?.place(burn) : undefined) ?? nowhere]));
  }

  of(burn: Burn): BurnPlace {
    return this.#known.get(keyOf(burn)) ?? nowhere;
  }

  /** A burn that goes on from before a restart stays where it was. */
  resume(measures: string, origin: string, scope: string, place: BurnPlace): void {
    this.#known.set(placeKey(measures, origin, scope), place);
  }
}

interface Sum {
  count: number;
  readonly accounts: Map<string, Affected>;
}

/** The failures of the last minutes by connector and tenant, in one pass for all burns: an outage burns the budgets of every tenant at once. */
class FailureTallies {
  readonly #byConnector = { platform: new Map<string, Sum>(), upstream: new Map<string, Sum>() };
  readonly #byTenant = { platform: new Map<string, Map<string, Sum>>(), upstream: new Map<string, Map<string, Sum>>() };

  readonly #recent: RecentFailures;
  readonly #grouping: GroupingRule;

  constructor(recent: RecentFailures, grouping: GroupingRule) {
    this.#recent = recent;
    this.#grouping = grouping;
    for (const row of recent.rows()) {
      for (const origin of ['platform', 'upstream'] as const) {
        const { connectorId, tenantId } = row.series;
        if (row[origin] === 0 || connectorId === null) continue;
        add(this.#byConnector[origin], connectorId, row, row[origin]);
        if (tenantId === null) continue;
        const own = this.#byTenant[origin].get(tenantId) ?? new Map<string, Sum>();
        this.#byTenant[origin].set(tenantId, own);
        add(own, connectorId, row, row[origin]);
      }
    }
  }

  place({ scope, origin, connectorIds }: Burn): BurnPlace {
    const all = this.#byConnector[origin];
    const own = scope.kind === 'tenant' ? (this.#byTenant[origin].get(scope.id) ?? new Map<string, Sum>()) : scope.kind === 'overall' ? all : new Map([...all].filter(([id]) => (scope.kind === 'connector' ? id === scope.id : connectorIds.includes(id))));
    const total = [...own.values()].reduce((sum, { count }) => sum + count, 0);
    const [most] = [...own].toSorted(([a, x], [b, y]) => y.count - x.count || (a < b ? -1 : 1));
    if (most === undefined || most[1].count * 2 <= total) return scope.kind === 'connector' ? { connectorId: scope.id, affected: [], ofConnector: true } : nowhere;
    const [connectorId, { accounts }] = most;
    const met = all.get(connectorId)?.accounts.size ?? 0;
    // Whoever is found bad first, a connector that fails for most is one cause.
    const isMost = met >= this.#grouping.minAccounts && met * 100 >= this.#grouping.sharePercent * Math.max(met, this.#recent.watched(connectorId));
    const affected = [...accounts.values()].toSorted((a, b) => (a.accountId < b.accountId ? -1 : 1));
    return { connectorId, affected, ofConnector: isMost || (scope.kind !== 'tenant' && affected.length !== 1) };
  }
}

function add(sums: Map<string, Sum>, key: string, { series }: CountRow, count: number): void {
  const sum = sums.get(key) ?? { count: 0, accounts: new Map<string, Affected>() };
  sums.set(key, sum);
  sum.count += count;
  if (series.accountId !== null && !sum.accounts.has(series.accountId)) sum.accounts.set(series.accountId, { accountId: series.accountId, tenantId: series.tenantId });
}
