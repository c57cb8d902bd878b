/** When the budget of one objective in one scope will be gone, if the last six hours go on. Read for answers, not in a tick. */
import { figuresOf } from '@evenkeel/core/objectives/budget.ts';
import { calendarUnit, type MinuteRange } from '@evenkeel/core/objectives/calendar.ts';
import type { ObjectiveDefinition } from '@evenkeel/core/objectives/definition.ts';
import { exhaustsInMinutes } from '@evenkeel/core/objectives/exhaustion.ts';
import { back, periodUnits, projectionMinutes, type Figures } from './figures.ts';
import { budgetWindow, type Track, type WindowReader } from './scopes.ts';

/** A rolling window is looked at so many times on its way out. */
const steps = 30;

/** What is left of the window after some minutes: a rolling one moves on, a calendar one stays until its period ends. */
function remains({ window }: ObjectiveDefinition, { from, to }: MinuteRange): { readonly afterMinutes: number; readonly range: MinuteRange }[] {
  if (window.kind === 'calendar') return [0, calendarUnit(window.unit, window.timeZone, to - 1).to - to].map((afterMinutes) => ({ afterMinutes, range: { from, to } }));
  const step = (to - from) / steps;
  return Array.from({ length: steps + 1 }, (_, at) => ({ afterMinutes: at * step, range: { from: from + at * step, to } }));
}

/** Every window that `projectExhaustion` looks at. */
export const projectionRanges = (objective: ObjectiveDefinition, end: number): MinuteRange[] => [back(end, projectionMinutes), ...remains(objective, budgetWindow(objective, end).range).map(({ range }) => range)];

/** Minutes from the window's end; null when the budget will outlast the window or period, or nothing is known of it. */
export function projectExhaustion(objective: ObjectiveDefinition, track: Track, reader: WindowReader, { budget, range, sums }: Figures): number | null {
  if (budget.state !== 'known') return null;
  if (budget.remaining.num <= 0n) return 0;
  const last = reader.sums(track, back(range.to, projectionMinutes));
  const { total, bad } = figuresOf(objective.method, last);
  if (total === 0) return null;
  const remainders = remains(objective, range).map((one) => {
    const held = figuresOf(objective.method, reader.sums(track, one.range));
    return { afterMinutes: one.afterMinutes, total: held.total, bad: held.bad };
  });
  return exhaustsInMinutes(objective.budget, remainders, { total, bad, minutes: Math.max(1, last.existedMinutes) }, periodUnits(objective, sums, range.to));
}
