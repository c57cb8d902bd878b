/**
 * The life of one alert: it fires after several verdicts in a row, goes on through what cannot be measured, and
 * resolves only after several verdicts that its reason is gone. State is data; the caller keeps it.
 */

export type AlertState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'pending'; readonly since: number; readonly times: number }
  | { readonly kind: 'firing'; readonly since: number; readonly quietTimes: number };

/** `bad`: the reason to fire holds. `elevated`: not enough to fire, too much to resolve. `unmeasured`: nothing can be said. */
export type Verdict = 'bad' | 'elevated' | 'good' | 'unmeasured';

export interface LifecycleRule {
  /** Verdicts `bad` in a row until it fires. */
  readonly fireAfter: number;
  /** Verdicts `good` in a row until it resolves. */
  readonly resolveAfter: number;
}

export type Change = 'none' | 'fired' | 'resolved';

export const idle: AlertState = { kind: 'idle' };

/** Pure and total. `at` is the minute judged, as any ordered number. */
export function nextState(state: AlertState, verdict: Verdict, at: number, rule: LifecycleRule): { readonly state: AlertState; readonly change: Change } {
  if (verdict === 'unmeasured') return { state, change: 'none' };
  if (state.kind === 'firing') {
    if (verdict !== 'good') return { state: { ...state, quietTimes: 0 }, change: 'none' };
    const quietTimes = state.quietTimes + 1;
    return quietTimes >= rule.resolveAfter ? { state: idle, change: 'resolved' } : { state: { ...state, quietTimes }, change: 'none' };
  }
  if (verdict !== 'bad') return { state: idle, change: 'none' };
  const times = state.kind === 'pending' ? state.times + 1 : 1;
  const since = state.kind === 'pending' ? state.since : at;
  return times >= rule.fireAfter ? { state: { kind: 'firing', since, quietTimes: 0 }, change: 'fired' } : { state: { kind: 'pending', since, times }, change: 'none' };
}
