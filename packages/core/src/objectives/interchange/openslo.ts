/**
 * Objectives as OpenSLO v1 documents. A field that came with an imported document and that Evenkeel does not know is
 * given back as it was; one that it knows is rewritten only where the objective has changed since.
 */
import { scopeKinds, type ScopeKind } from '@evenkeel/contract/playbook/objectives.ts';
import { writeMinutes, type BudgetPolicy, type BurnTier, type ObjectiveDefinition } from '../definition.ts';
import { decimalText, percentOf, readPercent } from '../share.ts';
import { calendarDurations, indicatorAnnotation, readSlo, scopesAnnotation, shortWindowAnnotation, type OpenSloDocument } from './openslo-reading.ts';
import { badMetric, eventsMetric } from './prometheus.ts';

/** Services, then policies and conditions of the alerts, then the objectives. */
export function openSloDocuments(objectives: readonly ObjectiveDefinition[], policy: BudgetPolicy): OpenSloDocument[] {
  const services = [...new Set(objectives.map(({ service }) => service))].map((name) => documentOf('Service', name, {}, { description: `Objectives of ${name}.` }));
  return [...services, ...policy.tiers.flatMap(alertDocuments), ...objectives.map((objective) => sloDocument(objective, policy))];
}

function documentOf(kind: string, name: string, annotations: Readonly<Record<string, string>>, spec: Readonly<Record<string, unknown>>, displayName?: string): OpenSloDocument {
  const metadata = { name, ...(displayName === undefined ? {} : { displayName }), ...(Object.keys(annotations).length === 0 ? {} : { annotations }) };
  return { apiVersion: 'openslo/v1', kind, metadata, spec };
}

/** OpenSLO has one window a condition and one condition a policy: the second window stands in an annotation. */
function alertDocuments(tier: BurnTier): OpenSloDocument[] {
  const threshold = Number(decimalText((tier.factor.num * 1_000_000n) / tier.factor.den, 6));
  const condition = { kind: 'burnrate', op: 'gt', threshold, lookbackWindow: writeMinutes(tier.longMinutes), alertAfter: '0m' };
  const annotations = { [shortWindowAnnotation]: writeMinutes(tier.shortMinutes) };
  return [
    documentOf('AlertCondition', tier.id, annotations, { severity: tier.severity === 'P1' ? 'page' : 'ticket', condition }),
    documentOf('AlertPolicy', tier.id, annotations, { alertWhenBreaching: true, alertWhenNoData: false, alertWhenResolved: true, conditions: [{ conditionRef: tier.id }], notificationTargets: [] }),
  ];
}

function sloDocument(objective: ObjectiveDefinition, policy: BudgetPolicy): OpenSloDocument {
  const made = freshDocument(objective, policy);
  const original = objective.openslo as OpenSloDocument | null;
  return original === null ? made : patched(original, made, objective);
}

function freshDocument(objective: ObjectiveDefinition, policy: BudgetPolicy): OpenSloDocument {
  const { window, method } = objective;
  const query = (metric: string) => ({ metricSource: { type: 'Prometheus', spec: { query: `sum(${metric}{objective="${objective.id}",scope="overall"})` } } });
  const timeWindow =
    window.kind === 'rolling'
      ? { duration: `${window.days}d`, isRolling: true }
      : { duration: calendarDurations[window.unit], isRolling: false, calendar: { startTime: window.unit === 'week' ? '2024-01-01 00:00:00' : '2026-01-01 00:00:00', timeZone: window.timeZone } };
  const target = Number(decimalText(objective.target, 9));
  const slices = method === 'time_slices' ? { timeSliceWindow: '1m', ...(objective.indicator.measure === 'overhead_latency' ? {} : { timeSliceTarget: Number(decimalText(1_000_000_000n - objective.sliceBadAbove, 9)) }) } : {};
  const spec = {
    ...(objective.description === null ? {} : { description: objective.description }),
    service: objective.service,
    indicator: { metadata: { name: objective.indicatorName }, spec: { ratioMetric: { counter: true, bad: query(badMetric), total: query(eventsMetric) } } },
    timeWindow: [timeWindow],
    budgetingMethod: method === 'events' ? 'Occurrences' : 'Timeslices',
    objectives: [{ displayName: `${percentOf(objective.target)} %`, target, ...slices }],
    alertPolicies: policy.tiers.map(({ id }) => ({ alertPolicyRef: id })),
  };
  return documentOf('SLO', objective.id, annotationsOf(objective), spec, objective.title);
}

const annotationsOf = ({ indicatorName, scopes }: ObjectiveDefinition): Record<string, string> => ({ [indicatorAnnotation]: indicatorName, [scopesAnnotation]: inOrder(scopes) });
const inOrder = (scopes: readonly ScopeKind[]): string => scopeKinds.filter((kind) => scopes.includes(kind)).join(',');

/** The original with those fields rewritten that say something else than the objective does. */
function patched(original: OpenSloDocument, made: OpenSloDocument, objective: ObjectiveDefinition): OpenSloDocument {
  const read = readSlo(original, [objective.indicatorName], objective.indicatorName);
  if (!read.ok) return made;
  const { objective: known } = read;
  const spec: Record<string, unknown> = { ...original.spec };
  const metadata: Record<string, unknown> = { ...original.metadata };
  const [firstMade] = made.spec['objectives'] as Record<string, unknown>[];
  const [firstKept, ...others] = (original.spec['objectives'] ?? []) as Record<string, unknown>[];
  if (known.id !== objective.id) metadata['name'] = objective.id;
  if (known.title !== objective.title) metadata['displayName'] = objective.title;
  if ((known.description ?? null) !== objective.description) spec['description'] = made.spec['description'];
  if (known.service !== objective.service) spec['service'] = objective.service;
  if (known.method !== objective.method) spec['budgetingMethod'] = made.spec['budgetingMethod'];
  const { window } = objective;
  const sameWindow = window.kind === 'rolling' ? known.window.rolling_days === window.days : known.window.calendar === window.unit && known.window.time_zone === window.timeZone;
  if (!sameWindow) spec['timeWindow'] = made.spec['timeWindow'];
  // An indicator that was given on import, of a document that names none, is not written into it.
  const named = (original.metadata['annotations'] ?? {}) as Record<string, unknown>;
  const renamed = named[indicatorAnnotation] !== undefined && named[indicatorAnnotation] !== objective.indicatorName;
  if (renamed || inOrder(known.scopes) !== inOrder(objective.scopes)) metadata['annotations'] = { ...named, ...annotationsOf(objective) };
  const keptSlice = known.slice === undefined ? 0n : readPercent(known.slice.bad_above);
  if (objective.method === 'time_slices' && keptSlice !== objective.sliceBadAbove) spec['objectives'] = [{ ...firstKept, timeSliceTarget: firstMade?.['timeSliceTarget'] }, ...others];
  if (known.target !== percentOf(objective.target)) {
    const [patchedFirst] = spec['objectives'] as Record<string, unknown>[];
    const { target: _target, targetPercent: _percent, ...rest } = patchedFirst ?? {};
    spec['objectives'] = [{ ...rest, target: firstMade?.['target'] }, ...others];
  }
  return { ...original, metadata, spec } as OpenSloDocument;
}
