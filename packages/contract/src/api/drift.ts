/** Changes in the shape of vendors' answers and events, and their acknowledgement. */
import Type from 'typebox';
import { listOf, pageQuery } from './list.ts';

const orNull = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const when = Type.String({ format: 'date-time' });
const oneOf = <const Values extends readonly string[]>(values: Values, description?: string) => Type.Unsafe<Values[number]>({ type: 'string', enum: [...values], ...(description === undefined ? {} : { description }) });

export const DriftClass = oneOf(['breaking', 'warning', 'information'], 'breaking: something that a mapping or the engine reads is gone. warning: what is read has a new type, or is null for the first time. information: nothing reads it.');
export const DriftState = oneOf(['open', 'acknowledged', 'passed'], 'passed: the shape came back by itself.');
export const DriftKind = oneOf(['removed', 'added', 'type', 'null']);

export const Drift = Type.Object(
  {
    id: Type.String(),
    connector: Type.String(),
    endpoint: Type.String({ description: 'contacts.list, crm.contacts.list, or event:<type>.' }),
    vendor_endpoint: Type.String(),
    status_class: Type.String(),
    path: Type.String({ description: 'Place in the answer: results[].properties.email. [] are the members of a list, {} those of a map.' }),
    kind: DriftKind,
    json_type: orNull(Type.String({ description: 'Of kind type: the one that is new.' })),
    class: DriftClass,
    state: DriftState,
    evidence: Type.Record(Type.String(), Type.Unknown(), { description: 'Counts behind it: presence and misses, or types before and now. Never a value.' }),
    detected_at: when,
    ended_at: orNull(when),
    ended_by: orNull(Type.String()),
    note: orNull(Type.String()),
  },
  { $id: 'Drift' },
);
export type Drift = Type.Static<typeof Drift>;
export const DriftList = listOf(Drift);

export const DriftQuery = Type.Object({
  connector: Type.Optional(Type.String({ maxLength: 63 })),
  class: Type.Optional(DriftClass),
  state: Type.Optional(DriftState),
  ...pageQuery,
});
export const DriftParams = Type.Object({ id: Type.String({ maxLength: 64 }) });
export const DriftAcknowledgement = Type.Object({ note: Type.Optional(Type.String({ maxLength: 1000 })) });
