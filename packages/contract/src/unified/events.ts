/** Events on unified models: their types, `crm.contact.updated`, and the one payload they all have. */
import Type from 'typebox';
import { modelNames } from './models.ts';

export const recordChanges = ['created', 'updated', 'deleted'] as const;
export type RecordChange = (typeof recordChanges)[number];

export const eventSources = ['webhook', 'pull', 'backfill'] as const;
export type EventSource = (typeof eventSources)[number];
export const EventSource = Type.Unsafe<EventSource>({ type: 'string', enum: [...eventSources] });

const when = Type.String({ format: 'date-time' });
const orNull = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

export const UnifiedEventData = Type.Object(
  {
    account_id: Type.String(),
    tenant_id: Type.String(),
    connector: Type.String(),
    model: Type.String({ description: 'The unified model, such as crm.contacts.' }),
    change: Type.Unsafe<RecordChange>({ type: 'string', enum: [...recordChanges] }),
    record_id: orNull(Type.String({ description: 'The vendor\'s id of the record.' })),
    record: orNull(Type.Record(Type.String(), Type.Unknown(), { description: 'The record in the unified model, as GET /v1/unified gives it; null for what was deleted.' })),
    changed: orNull(Type.Array(Type.String(), { description: 'The vendor\'s names of the fields that changed, where it tells.' })),
    occurred_at: orNull(when),
    received_at: when,
    inbound_event_id: Type.String({ description: 'The inbound event it was made from: the same when that event is replayed, while the id of the envelope is new.' }),
    source: EventSource,
    replayed: Type.Boolean({ description: 'Sent again on request; what was made of the first one may be there already.' }),
  },
  { $id: 'UnifiedEventData' },
);
export type UnifiedEventData = Type.Static<typeof UnifiedEventData>;

/** `crm.contacts` and `updated` → `crm.contact.updated`. */
export function unifiedEventType(model: string, change: RecordChange): string {
  return `${model.replace(/ies$/, 'y').replace(/([a-z])s$/, '$1')}.${change}`;
}

/** Every type there is. */
export const unifiedEventTypes: readonly string[] = modelNames.flatMap((model) => recordChanges.map((change) => unifiedEventType(model, change)));
