/** What stands of error budgets, as the alerts room takes it: burn-rate alerts that go on, and modes other than the normal one. */
import type { BudgetFacts, BudgetMode, Burn } from '@evenkeel/core/alerts/facts.ts';
import { decimalText } from '@evenkeel/core/objectives/share.ts';
import type { Queryable } from '../../database/pool.ts';
import type { Definitions } from '../definitions.ts';
import { worseningDeployments } from '../deploying/deployment-effects.ts';
import { isoOf } from './views.ts';
import { readFiring, readWorseModes } from './state-store.ts';

/** Of the playbook's present objectives, scopes and tiers: what is no longer asked for alerts nobody. */
export async function readBudgetFacts(database: Queryable, definitions: Definitions): Promise<BudgetFacts> {
  const { objectives, policy } = definitions;
  const byId = new Map(objectives.map((one) => [one.id, one]));
  const tiers = new Map(policy.tiers.map((one) => [one.id, one]));
  const ids = [...byId.keys()];
  const firing = (await readFiring(database, ids)).filter(({ objective_id: id, scope_kind: kind, tier }) => byId.get(id)?.scopes.includes(kind) === true && tiers.has(tier));
  const categories = await connectorsOf(database, firing.filter(({ scope_kind: kind }) => kind === 'category').map(({ scope_id: id }) => id));
  const modes = (await readWorseModes(database, ids)).filter(({ objective_id: id, scope_kind: kind }) => byId.get(id)?.scopes.includes(kind) === true);
  return {
    burns: firing.map((row): Burn => {
      const factor = tiers.get(row.tier)?.factor;
      return {
        objectiveId: row.objective_id,
        scope: { kind: row.scope_kind, id: row.scope_id },
        tier: row.tier,
        measures: byId.get(row.objective_id)?.indicator.measure === 'freshness' ? 'deliveries' : 'calls',
        origin: row.origin,
        connectorIds: row.scope_kind === 'category' ? (categories.get(row.scope_id) ?? []) : [],
        evidence: {
          factor: factor === undefined ? null : decimalText((factor.num * 1_000_000n) / factor.den, 6),
          burn_alert: row.id,
          since: isoOf(row.fired_minute + 1),
          long: { bad: row.long_bad, total: row.long_total },
          short: { bad: row.short_bad, total: row.short_total },
        },
      };
    }),
    modes: await Promise.all(modes.map(async (row): Promise<BudgetMode> => ({
      objectiveId: row.objective_id,
      scope: { kind: row.scope_kind, id: row.scope_id },
      mode: row.mode,
      evidence: { since: row.mode_since.toISOString(), remaining_percent: row.remaining_percent, bad: row.bad, total: row.total, freeze: policy.modes[row.mode].freeze, actions: policy.modes[row.mode].actions, ...(row.scope_kind === 'overall' ? { deployments: await worseningDeployments(database, definitions, row.objective_id, row.mode_since) } : {}) },
    }))),
  };
}

async function connectorsOf(database: Queryable, categories: readonly string[]): Promise<Map<string, string[]>> {
  if (categories.length === 0) return new Map();
  const { rows } = await database.query<{ category: string; connectors: string[] }>(
    'select category, array_agg(distinct connector_id) as connectors from telemetry_series where category = any($1) and connector_id is not null group by category',
    [[...new Set(categories)]],
  );
  return new Map(rows.map(({ category, connectors }) => [category, connectors]));
}
