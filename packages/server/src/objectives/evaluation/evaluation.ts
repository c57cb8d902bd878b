/**
 * What follows from the sums at the end of the last sealed minute: modes that change, with their event, audit entry and
 * actions, and burn-rate alerts that fire or end. Reads two points a window; writes only what changed. Who is told is for
 * the alerts room, which reads what stands here.
 */
import { decideBurn } from '@evenkeel/core/objectives/burn-alert.ts';
import type { BudgetPolicy, ObjectiveDefinition } from '@evenkeel/core/objectives/definition.ts';
import { hasExpired, nextMode } from '@evenkeel/core/objectives/policy-mode.ts';
import { raisedText } from '@evenkeel/core/objectives/share.ts';
import type { BudgetModeChangedData } from '@evenkeel/contract/events.ts';
import { beginAudit, completeAudit } from '../../access/audit.ts';
import { ensureTenant } from '../../access/keys.ts';
import type { Queryable } from '../../database/pool.ts';
import { newId } from '../../identifier.ts';
import { publishEvents } from '../../outbound/publish.ts';
import { figuresAt, rangesOf, type Figures } from './figures.ts';
import { readTracks, readWindows, tracksOf, writeScope, type Track } from './scopes.ts';
import { openBurnAlert, readFiring, readModes, resolveBurnAlert, stateKey, writeModeChange, type BurnAlertRow, type ModeState } from './state-store.ts';

export interface Evaluated {
  readonly scopes: number;
  readonly modeChanges: number;
  readonly fired: number;
  readonly resolved: number;
}

/** `client` is a transaction that holds the lock of counting; `minute` the last one evaluated. */
export async function evaluate(client: Queryable, objectives: readonly ObjectiveDefinition[], policy: BudgetPolicy, minute: number): Promise<Evaluated> {
  const end = minute + 1;
  const tracks = await readTracks(client, objectives);
  const reader = await readWindows(client, tracks, objectives.flatMap((objective) => rangesOf(objective, policy.tiers, end)));
  const ids = objectives.map(({ id }) => id);
  const modes = await readModes(client, ids);
  const firing = new Map((await readFiring(client, ids)).map((row) => [`${stateKey(row.objective_id, { kind: row.scope_kind, id: row.scope_id })} ${row.tier}`, row]));
  const done = { scopes: 0, modeChanges: 0, fired: 0, resolved: 0 };
  for (const objective of objectives) {
    for (const track of tracksOf(objective, tracks)) {
      const figures = figuresAt(objective, track, reader, policy, end);
      const key = stateKey(objective.id, track);
      done.scopes += 1;
      if (await applyMode(client, { objective, track, policy, figures, minute }, modes.get(key) ?? null)) done.modeChanges += 1;
      for (const tier of figures.tiers) {
        const known = firing.get(`${key} ${tier.tier.id}`);
        const outcome = await applyBurn(client, { objective, track, policy, tier, minute }, known);
        if (outcome !== 'keep') done[outcome === 'fire' ? 'fired' : 'resolved'] += 1;
      }
    }
  }
  return done;
}

interface Subject {
  readonly objective: ObjectiveDefinition;
  readonly track: Track;
  readonly policy: BudgetPolicy;
  readonly minute: number;
}

/** While nothing can be said a mode stays, until it expires. The first normal one is no news. */
async function applyMode(client: Queryable, { objective, track, policy, figures, minute }: Subject & { figures: Figures }, known: ModeState | null): Promise<boolean> {
  const { budget, window, range } = figures;
  const current = known?.mode ?? null;
  const expired = budget.state !== 'known' && known !== null && known.mode !== 'normal' && hasExpired(objective.window, known.since.getTime() / 60_000, range, window.total);
  if (budget.state !== 'known' && !expired) return false;
  const mode = budget.state === 'known' ? nextMode(current, budget.remaining, policy) : 'normal';
  if (mode === current || (current === null && mode === 'normal')) return false;
  const rule = policy.modes[mode];
  const id = newId('bmc');
  const eventId = newId('evt');
  // Raised to the next step, so that what is shown is above an edge exactly when the budget is.
  const remainingPercent = budget.state === 'known' ? raisedText({ num: budget.remaining.num * 100n, den: budget.remaining.den }, 4) : null;
  const scope = writeScope(track);
  const data: BudgetModeChangedData = { change_id: id, objective_id: objective.id, scope, from: current, to: mode, remaining_percent: remainingPercent, total: window.total, bad: window.bad, minute: new Date(minute * 60_000).toISOString(), freeze: rule.freeze, notify: [...rule.notify], incident: rule.incident ?? null, actions: [...rule.actions] };
  const tenantId = track.kind === 'tenant' ? track.id : null;
  if (tenantId !== null) await ensureTenant(client, tenantId);
  await publishEvents(client, [{ id: eventId, tenantId, accountId: null, type: 'budget:mode_changed', data }]);
  await writeModeChange(client, { id, objectiveId: objective.id, scope: track, from: current, to: mode, minute, total: window.total, bad: window.bad, remainingPercent, freeze: rule.freeze, notify: rule.notify, incident: rule.incident ?? null, actions: rule.actions, eventId });
  const audit = await beginAudit(client, { actor: 'evenkeel', action: `budget.mode_changed:${current ?? 'none'}:${mode}`, tenantId, target: `objectives/${objective.id}?scope=${scope}#${id}`, requestId: eventId });
  await completeAudit(client, audit, 200);
  return true;
}

async function applyBurn(client: Queryable, { objective, track, policy, tier, minute }: Subject & { tier: Figures['tiers'][number] }, known: BurnAlertRow | undefined) {
  const { long, short } = tier;
  const decision = decideBurn({ tier: tier.tier, budget: objective.budget, long, short, minimum: objective.burnMinimum, minCoverage: policy.minCoverage, firing: known !== undefined });
  if (decision === 'resolve' && known !== undefined) await resolveBurnAlert(client, known.id, minute);
  if (decision === 'fire') {
    await openBurnAlert(client, {
      id: newId('brn'),
      objective_id: objective.id,
      scope_kind: track.kind,
      scope_id: track.id,
      tier: tier.tier.id,
      severity: tier.tier.severity,
      origin: tier.origin,
      notify: [...tier.tier.notify],
      fired_minute: minute,
      long_bad: long.bad,
      long_total: long.total,
      short_bad: short.bad,
      short_total: short.total,
    });
  }
  return decision;
}
