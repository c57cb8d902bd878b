/** What an event comes to: events to be published, nothing, a fetch that is still owed, or a failure that says what to do. */
import { unifiedEventType, type UnifiedEventData } from '@evenkeel/contract/unified/events.ts';
import type { Connector } from '@evenkeel/core/connectors/connector.ts';
import { readPayload } from '@evenkeel/core/inbound/unify.ts';
import { storableJson } from '../../database/json-text.ts';
import type { EffectiveMappings } from '../../gateway/unified.ts';
import { newId } from '../../identifier.ts';
import type { NewEvent } from '../../outbound/publish.ts';
import type { EventOwner } from './account-finder.ts';
import type { EventPlan, ReadEvent } from './read-events.ts';

export type Outcome =
  | { readonly kind: 'publish'; readonly events: readonly NewEvent[]; readonly unifiedType: string }
  | { readonly kind: 'ignore'; readonly reason: string }
  | { readonly kind: 'dead'; readonly reason: string }
  /** `counted` false: nobody failed, the vendor asked to wait. `wholeAccount`: what else waits for this account waits too. */
  | { readonly kind: 'retry'; readonly reason: string; readonly delayMs: number | null; readonly counted: boolean; readonly wholeAccount: boolean };

/** A fetched record, or what became of the attempt. */
export type Fetched = { readonly kind: 'record'; readonly record: Record<string, unknown> } | { readonly kind: 'gone' } | Extract<Outcome, { kind: 'dead' | 'retry' }>;
/** Undefined while no fetch may be made: then a thin event is `thin`. */
export type FetchRecord = (model: string, id: string) => Promise<Fetched>;

export interface EventContext {
  readonly connector: Connector;
  readonly mappings: EffectiveMappings;
  readonly owner: EventOwner;
  readonly inboundEventId: string;
  readonly receivedAt: Date;
  readonly source: UnifiedEventData['source'];
  readonly replayed: boolean;
  readonly fetch: FetchRecord | undefined;
}

interface Told {
  readonly id: string | null;
  readonly record: Record<string, unknown> | null;
}

/** Never rejects for what an event or a vendor is like. */
export async function resolveEvent(event: ReadEvent, context: EventContext): Promise<Outcome | { readonly kind: 'thin' }> {
  const meaning = await event.meaning();
  if (!meaning.ok) return { kind: 'dead', reason: meaning.message };
  if (meaning.plans.length === 0) return { kind: 'ignore', reason: `The connector gives no meaning to events of the type ${event.type ?? '(none)'}.` };
  if (context.fetch === undefined && meaning.plans.some(({ record }) => record.kind === 'fetch')) return { kind: 'thin' };
  const events: NewEvent[] = [];
  let unifiedType: string | undefined;
  let why = 'The event tells of no record of the models.';
  for (const plan of meaning.plans) {
    const told = await tell(plan, context);
    if ('kind' in told) {
      if (told.kind !== 'ignore') return told;
      why = told.reason;
      continue;
    }
    const type = unifiedEventType(plan.model, plan.change);
    unifiedType ??= type;
    events.push(outgoing(type, plan, told, event, context));
  }
  return unifiedType === undefined ? { kind: 'ignore', reason: why } : { kind: 'publish', events, unifiedType };
}

async function tell(plan: EventPlan, context: EventContext): Promise<Told | Exclude<Outcome, { kind: 'publish' }>> {
  const { record } = plan;
  switch (record.kind) {
    case 'unified':
      return { id: idOf(record.record), record: record.record };
    case 'id':
      return { id: record.id, record: null };
    case 'payload':
      return readRecord(plan.model, record.record, context);
    case 'fetch': {
      const fetched = await context.fetch?.(plan.model, record.id);
      if (fetched === undefined) return { kind: 'dead', reason: 'The record would have to be fetched, and may not be here.' };
      if (fetched.kind === 'gone') return { kind: 'ignore', reason: `The vendor has no ${plan.model} ${record.id} any more.` };
      return fetched.kind === 'record' ? { id: record.id, record: fetched.record } : fetched;
    }
  }
}

async function readRecord(model: string, record: unknown, { connector, mappings, owner }: EventContext): Promise<Told | Extract<Outcome, { kind: 'dead' | 'ignore' }>> {
  let mapping;
  try {
    mapping = mappings.mappingFor(connector, model, owner);
  } catch (error) {
    return { kind: 'dead', reason: `The mapping of ${model} with its overrides is faulty: ${error instanceof Error ? error.message : 'it failed'}` };
  }
  if (mapping === undefined) return { kind: 'dead', reason: `The connector has no mapping of ${model}.` };
  const read = await readPayload(mapping, record);
  switch (read.kind) {
    case 'record':
      return { id: idOf(read.record), record: read.record };
    case 'foreign':
      return { kind: 'ignore', reason: `The record is none of ${model}.` };
    case 'unmapped':
      return { kind: 'dead', reason: read.message };
  }
}

const idOf = (record: Record<string, unknown>): string | null => (typeof record['id'] === 'string' ? record['id'] : null);

function outgoing(type: string, plan: EventPlan, told: Told, event: ReadEvent, context: EventContext): NewEvent {
  const { owner, connector, receivedAt, inboundEventId, source, replayed } = context;
  const data: UnifiedEventData = {
    account_id: owner.accountId,
    tenant_id: owner.tenantId,
    connector: connector.id,
    model: plan.model,
    change: plan.change,
    record_id: told.id,
    record: told.record,
    changed: plan.changed === null ? null : [...plan.changed],
    occurred_at: event.timeMs === null ? null : new Date(event.timeMs).toISOString(),
    received_at: receivedAt.toISOString(),
    inbound_event_id: inboundEventId,
    source,
    replayed,
  };
  return { id: newId('evt'), tenantId: owner.tenantId, accountId: owner.accountId, type, data: storableJson(data) };
}
