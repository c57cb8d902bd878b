/** One objective in one scope, read for an answer: its budget now and on the days before, burn, mode, alerts. */
import type { ObjectiveDetail } from '@evenkeel/contract/api/objectives.ts';
import type { BudgetPolicy, ObjectiveDefinition } from '@evenkeel/core/objectives/definition.ts';
import { countingKey } from '@evenkeel/core/objectives/tally.ts';
import type { Queryable } from '../../database/pool.ts';
import { readProgress } from '../counting/counting.ts';
import { figuresAt, rangesOf, type Figures } from './figures.ts';
import { projectExhaustion, projectionRanges } from './projection.ts';
import { budgetWindow, readTracks, readWindows, tracksOf, writeScope, type Scope, type Track } from './scopes.ts';
import { listBurnAlerts, listModeChanges, readModes, stateKey, type ModeState } from './state-store.ts';
import { alertView, budgetView, burnView, isoOf, modeChangeView, summaryOf } from './views.ts';

export interface ScopeReading {
  /** The first minute that is not evaluated; null before the first one is. */
  readonly end: number | null;
  readonly figures: Figures;
  /** Minutes until the budget is gone; null when it will not be, as far as can be told. */
  readonly exhaustsInMinutes: number | null;
  readonly mode: ModeState | null;
}

/** A track for a scope in which nothing happened yet: it adds up to nothing. */
const noTrack = (objective: ObjectiveDefinition, scope: Scope): Track => ({ ...scope, trackId: 0, key: countingKey(objective), firstMinute: Number.MAX_SAFE_INTEGER });

/** Everything is counted in every scope; `scopes` says in which a budget is kept, with modes and alerts. */
const countedIn = (objective: ObjectiveDefinition, { kind }: Scope): ObjectiveDefinition => (objective.scopes.includes(kind) ? objective : { ...objective, scopes: [...objective.scopes, kind] });

/** Also of a scope in which the objective is not kept: then it has figures and no mode. */
export async function readScopeNow(database: Queryable, objective: ObjectiveDefinition, policy: BudgetPolicy, scope: Scope): Promise<ScopeReading> {
  const { last_minute: last } = await readProgress(database);
  const end = last === null ? null : last + 1;
  const [found] = tracksOf(countedIn(objective, scope), await readTracks(database, [objective], scope));
  // Before anything is evaluated: the window that ends now, and is empty.
  const at = end ?? Math.floor(Date.now() / 60_000);
  const reader = await readWindows(database, found === undefined ? [] : [found], [...rangesOf(objective, policy.tiers, at), ...projectionRanges(objective, at)]);
  const track = found ?? noTrack(objective, scope);
  const figures = figuresAt(objective, track, reader, policy, at);
  const modes = await readModes(database, [objective.id]);
  return { end, figures, exhaustsInMinutes: projectExhaustion(objective, track, reader, figures), mode: modes.get(stateKey(objective.id, scope)) ?? null };
}

/** Until a mode was written the budget is fine: normal is the mode a budget begins with. */
export const modeOfReading = ({ mode, figures }: ScopeReading) => mode?.mode ?? (figures.budget.state === 'known' ? 'normal' : null);

export async function readDetail(database: Queryable, objective: ObjectiveDefinition, policy: BudgetPolicy, scope: Scope, historyDays: number): Promise<ObjectiveDetail> {
  const reading = await readScopeNow(database, objective, policy, scope);
  const { end, figures } = reading;
  const isKept = objective.scopes.includes(scope.kind);
  const mode = isKept ? modeOfReading(reading) : null;
  const rule = policy.modes[mode ?? 'normal'];
  const tracks = tracksOf(countedIn(objective, scope), await readTracks(database, [objective]));
  const [overall] = scope.kind === 'overall' ? [reading] : [await readScopeNow(database, objective, policy, { kind: 'overall', id: '' })];
  const alerts = await listBurnAlerts(database, { objectiveId: objective.id, scope, firing: null, before: null, limit: 20 });
  return {
    ...summaryOf(objective, end === null ? null : isoOf(end)),
    overall: { scope: 'overall', mode: modeOfReading(overall), budget: budgetView(overall.figures, overall.exhaustsInMinutes) },
    scope: writeScope(scope),
    available_scopes: tracks.map(writeScope),
    budget: budgetView(figures, reading.exhaustsInMinutes),
    burn: figures.tiers.map((tier) => burnView(tier, objective, policy.minCoverage)),
    policy: { mode, held: mode !== null && figures.budget.state !== 'known', since: reading.mode?.since.toISOString() ?? null, freeze: rule.freeze, notify: isKept ? [...rule.notify] : [], actions: isKept ? [...rule.actions] : [] },
    history: await readHistory(database, objective, policy, tracks.find((track) => track.kind === scope.kind && track.id === scope.id), end, historyDays),
    mode_changes: (await listModeChanges(database, objective.id, scope, 20)).map(modeChangeView),
    alerts: alerts.map(alertView),
  };
}

async function readHistory(database: Queryable, objective: ObjectiveDefinition, policy: BudgetPolicy, track: Track | undefined, end: number | null, days: number): Promise<ObjectiveDetail['history']> {
  if (track === undefined || end === null) return [];
  const today = Math.floor(end / 1440) * 1440;
  const ends = Array.from({ length: days }, (_, at) => today - (days - 1 - at) * 1440).filter((at) => at > track.firstMinute);
  const untiered = { ...policy, tiers: [] };
  const reader = await readWindows(database, [track], ends.flatMap((at) => [budgetWindow(objective, at).range, ...rangesOf(objective, [], at)]));
  return ends.map((at) => ({ at: isoOf(at), budget: budgetView(figuresAt(objective, track, reader, untiered, at)) }));
}
