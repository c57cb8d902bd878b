/**
 * An event of a vendor → what it says about records of unified models. Where the event is thin, the record has still to
 * be fetched; the decision says so and the shell does it.
 */
import type { UnifiedEventRule, Webhooks } from '@evenkeel/contract/manifest/webhooks.ts';
import { compileMatcher } from '../connectors/answers/condition.ts';
import type { CompiledMapping } from '../connectors/mapping/mapping.ts';
import { compilePath } from '../connectors/values/path.ts';
import { compileReader } from '../connectors/values/value.ts';
import type { InboundEvent } from './split.ts';
import { compileText } from './message.ts';
import type { Scope } from '../connectors/values/scope.ts';

export type Change = UnifiedEventRule['change'];
export interface UnifiedPlan {
  /** `crm.contacts`. */
  readonly model: string;
  readonly change: Change;
  readonly record:
    /** The vendor's record, to be mapped. */
    | { readonly kind: 'payload'; readonly record: unknown }
    /** To be read by the unified get of the model. */
    | { readonly kind: 'fetch'; readonly id: string }
    | { readonly kind: 'id'; readonly id: string };
  /** The vendor's names of what changed, where the event tells. */
  readonly changed: readonly string[] | null;
}
/** `ok: false`: the event is not what the connector says; trying again will not help. */
export type UnifiedPlans = { readonly ok: true; readonly plans: readonly UnifiedPlan[] } | { readonly ok: false; readonly message: string };

/** No plans: the event's type means nothing to the unified models. Never rejects. */
export type CompiledUnify = (event: Pick<InboundEvent, 'type' | 'scope'>) => Promise<UnifiedPlans>;

type Planner = (scope: Scope) => Promise<UnifiedPlan | string | undefined>;

/** Throws a TypeError for what the linter refuses. */
export function compileUnify(rules: Webhooks): CompiledUnify {
  const byType = new Map<string, Planner[]>();
  for (const [index, rule] of (rules.events ?? []).entries()) {
    const planner = compilePlanner(rule, `webhooks.events[${index}]`);
    for (const type of new Set(rule.types)) byType.set(type, [...(byType.get(type) ?? []), planner]);
  }
  return async ({ type, scope }) => {
    const plans: UnifiedPlan[] = [];
    for (const plan of (type === null ? undefined : byType.get(type)) ?? []) {
      const made = await plan(scope);
      if (typeof made === 'string') return { ok: false, message: made };
      if (made !== undefined) plans.push(made);
    }
    return { ok: true, plans };
  };
}

function compilePlanner(rule: UnifiedEventRule, at: string): Planner {
  const tests = Object.entries(rule.when ?? {}).map(([path, matcher]) => [compilePath(path), compileMatcher(matcher)] as const);
  const record = compileRecord(rule, at);
  const changed = rule.changed === undefined ? undefined : compileReader(rule.changed);
  const { model, change } = rule;
  return async (scope) => {
    if (!tests.every(([read, matches]) => matches(read(scope)))) return undefined;
    try {
      const found = await record(scope);
      if (typeof found === 'string') return found;
      return { model, change, record: found, changed: namesOf(await changed?.(scope)) };
    } catch (thrown) {
      return `${at} cannot read the event: ${thrown instanceof Error ? thrown.message.slice(0, 300) : 'it failed'}`;
    }
  };
}

function compileRecord({ record }: UnifiedEventRule, at: string): (scope: Scope) => Promise<UnifiedPlan['record'] | string> {
  if (record.from === 'payload') {
    const read = compileReader(record.path);
    return async (scope) => {
      const found = await read(scope);
      return found === undefined || found === null ? `${at} finds no record in the event at ${JSON.stringify(record.path)}.` : { kind: 'payload', record: found };
    };
  }
  const kind = record.from;
  const read = compileText(record.id);
  return async (scope) => {
    const id = read(scope);
    return id === undefined || id === '' ? `${at} finds no id in the event by ${JSON.stringify(record.id)}.` : { kind, id };
  };
}

function namesOf(value: unknown): readonly string[] | null {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value)) return value.filter((name) => typeof name === 'string');
  return typeof value === 'object' && value !== null ? Object.keys(value) : null;
}

/** A payload's record in the model: `foreign` is a record of another model that the same event type tells of. */
export type PayloadReading = { readonly kind: 'record'; readonly record: Record<string, unknown> } | { readonly kind: 'foreign' } | { readonly kind: 'unmapped'; readonly message: string };

export async function readPayload(mapping: CompiledMapping, record: unknown): Promise<PayloadReading> {
  if (!mapping.belongs(record)) return { kind: 'foreign' };
  const mapped = await mapping.toUnified(record);
  return mapped.ok ? { kind: 'record', record: mapped.record } : { kind: 'unmapped', message: `${mapping.model} cannot be made of the event's record: ${mapped.path} ${mapped.message}.` };
}
