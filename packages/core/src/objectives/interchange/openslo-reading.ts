/** OpenSLO v1 documents as objectives of the playbook. What Evenkeel does not know is kept with the objective. */
import { scopeKinds, type CalendarUnit, type Objective, type ScopeKind, type Window } from '@evenkeel/contract/playbook/objectives.ts';
import { decimalText, percentOf, readDecimal, readPercent, whole } from '../share.ts';

export interface OpenSloDocument {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly spec: Readonly<Record<string, unknown>>;
}

/** Which indicator of the playbook stands behind an SLO; which scopes it is kept in, with commas; which short window goes with a condition. */
export const indicatorAnnotation = 'evenkeel.dev/indicator';
export const scopesAnnotation = 'evenkeel.dev/scopes';
export const shortWindowAnnotation = 'evenkeel.dev/short-window';

/** `1m` is a minute and `1M` a month. */
export const calendarDurations: Readonly<Record<CalendarUnit, string>> = { week: '1w', month: '1M', quarter: '1Q' };

export type SloReading =
  | { readonly ok: true; readonly objective: Objective & { readonly target: string; readonly service: string } }
  | { readonly ok: false; readonly faults: readonly string[] };

export const isOpenSlo = (value: unknown): value is OpenSloDocument =>
  isRecord(value) && value['apiVersion'] === 'openslo/v1' && typeof value['kind'] === 'string' && isRecord(value['metadata']) && isRecord(value['spec']);

/**
 * One document of kind SLO. Its indicator is `indicator`, or the one its annotation names, or the playbook's of the same
 * name: Evenkeel measures by its own counts and not by a foreign query.
 */
export function readSlo(document: OpenSloDocument, indicators: readonly string[], indicator?: string): SloReading {
  const faults: string[] = [];
  const { metadata, spec } = document;
  const name = textOf(metadata['name']);
  if (name === undefined || !/^[a-z][a-z0-9-]{0,62}$/.test(name)) faults.push('metadata.name must be a short name in lower case.');
  const found = indicator ?? [annotationOf(metadata, indicatorAnnotation), textOf(spec['indicatorRef']), nameOf(spec['indicator'])].find((one) => one !== undefined && indicators.includes(one));
  if (found === undefined) faults.push(`none of the playbook's indicators (${indicators.join(', ')}) is named: set the annotation ${indicatorAnnotation}, or pass --indicator.`);
  const window = windowOf(spec['timeWindow']);
  if (typeof window === 'string') faults.push(window);
  const method = spec['budgetingMethod'] === 'Occurrences' ? 'events' : spec['budgetingMethod'] === 'Timeslices' ? 'time_slices' : undefined;
  if (method === undefined) faults.push(`spec.budgetingMethod must be Occurrences or Timeslices; ${String(spec['budgetingMethod'] as string)} is not counted here.`);
  const first = Array.isArray(spec['objectives']) && spec['objectives'].length === 1 && isRecord(spec['objectives'][0]) ? spec['objectives'][0] : undefined;
  if (first === undefined) faults.push('spec.objectives must hold exactly one objective.');
  const target = first === undefined ? undefined : targetOf(first);
  if (first !== undefined && target === undefined) faults.push('spec.objectives[0] must have a target (0 to 1) or targetPercent with at most seven decimals of a percent.');
  const slice = method === 'time_slices' && first !== undefined ? sliceOf(first) : undefined;
  if (faults.length > 0 || name === undefined || found === undefined || typeof window === 'string' || method === undefined || target === undefined) return { ok: false, faults };
  const description = textOf(spec['description']);
  return {
    ok: true,
    objective: {
      id: name,
      title: textOf(metadata['displayName']) ?? name,
      ...(description === undefined ? {} : { description }),
      indicator: found,
      target,
      window,
      method,
      ...(slice === undefined ? {} : { slice: { bad_above: slice } }),
      scopes: scopesOf(metadata),
      service: textOf(spec['service']) ?? 'evenkeel',
      openslo: document as unknown as Record<string, unknown>,
    },
  };
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
const nameOf = (value: unknown): string | undefined => (isRecord(value) && isRecord(value['metadata']) ? textOf(value['metadata']['name']) : undefined);
const annotationOf = ({ annotations }: Readonly<Record<string, unknown>>, name: string): string | undefined => (isRecord(annotations) ? textOf(annotations[name]) : undefined);

/** Of a foreign document: overall. */
function scopesOf(metadata: Readonly<Record<string, unknown>>): ScopeKind[] {
  const named = (annotationOf(metadata, scopesAnnotation) ?? '').split(',');
  const found = scopeKinds.filter((kind) => named.includes(kind));
  return found.length > 0 && found.length === named.length ? found : ['overall'];
}

/** A window, or what is wrong with it. */
function windowOf(value: unknown): Window | string {
  const first: unknown = Array.isArray(value) && value.length === 1 ? value[0] : undefined;
  if (!isRecord(first)) return 'spec.timeWindow must hold exactly one window.';
  const [, count = '', unit = ''] = /^(\d{1,3})([dwMQ])$/.exec(textOf(first['duration']) ?? '') ?? [];
  if (first['isRolling'] === true) {
    const days = Number(count) * (unit === 'w' ? 7 : 1);
    return (unit === 'd' || unit === 'w') && days >= 1 && days <= 90 ? { rolling_days: days } : 'spec.timeWindow[0].duration of a rolling window must be 1d to 90d, or weeks.';
  }
  const calendar = (Object.entries(calendarDurations) as [CalendarUnit, string][]).find(([, duration]) => duration === first['duration'])?.[0];
  const timeZone = isRecord(first['calendar']) ? textOf(first['calendar']['timeZone']) : undefined;
  return calendar === undefined || timeZone === undefined ? 'spec.timeWindow[0] of a calendar must be 1w, 1M or 1Q with calendar.timeZone.' : { calendar, time_zone: timeZone };
}

function targetOf(objective: Record<string, unknown>): string | undefined {
  const percent = objective['targetPercent'];
  if (typeof percent === 'number') {
    const read = readPercent(percent);
    return read === undefined ? undefined : percentOf(read);
  }
  const ratio = typeof objective['target'] === 'number' ? readDecimal(objective['target'], 9) : undefined;
  return ratio === undefined || ratio > whole ? undefined : percentOf(ratio);
}

/** The share of good events that makes a slice good, as the share of bad ones above which it is bad. */
function sliceOf(objective: Record<string, unknown>): string | undefined {
  const good = typeof objective['timeSliceTarget'] === 'number' ? readDecimal(objective['timeSliceTarget'], 9) : undefined;
  return good === undefined || good > whole ? undefined : decimalText(whole - good, 7);
}
