/** What came in from vendors, as the API shows it: events, how one was verified and worked on, replays, and standing tasks. */
import Type from 'typebox';
import { EventSource } from '../unified/events.ts';
import { EvidenceBody } from './calls.ts';
import { Delivery } from './deliveries.ts';
import { listOf, pageQuery } from './list.ts';

const when = Type.String({ format: 'date-time' });
const orNull = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

export const inboundEventStates = ['pending', 'processed', 'ignored', 'dead'] as const;
export type InboundEventState = (typeof inboundEventStates)[number];
export const InboundEventState = Type.Unsafe<InboundEventState>({ type: 'string', enum: [...inboundEventStates] });

export const InboundEvent = Type.Object(
  {
    id: Type.String(),
    source: EventSource,
    connector: Type.String(),
    account_id: orNull(Type.String({ description: 'Null while no account is found for an event of an app.' })),
    tenant_id: orNull(Type.String()),
    type: orNull(Type.String({ description: 'By the vendor\'s words.' })),
    unified_type: orNull(Type.String({ description: 'Of what was published for it, such as crm.contact.updated.' })),
    vendor_event_id: orNull(Type.String({ description: 'Null where the vendor gives none: repetitions are then told apart by content.' })),
    id_signed: Type.Boolean({ description: 'False: the vendor\'s id stands where no signature covers it.' }),
    state: InboundEventState,
    reason: orNull(Type.String({ description: 'Why it is ignored or dead, or why it waits.' })),
    attempts: Type.Integer(),
    occurred_at: orNull(when),
    received_at: when,
    processed_at: orNull(when),
    lag_ms: orNull(Type.Integer({ description: 'From the vendor\'s time of the event (its receipt, where the vendor tells none) to its processing.' })),
    published: Type.Array(Type.String({ description: 'Ids of the events published for it, newest last.' })),
  },
  { $id: 'InboundEvent' },
);
export type InboundEvent = Type.Static<typeof InboundEvent>;
export const InboundEventList = listOf(InboundEvent);

export const InboundPublished = Type.Object({
  event_id: Type.String(),
  type: Type.String(),
  published_at: when,
  data: Type.Unknown(),
  deliveries: Type.Array(Delivery, { description: 'To the endpoints the caller may see, newest first, at most 100. Attempts: GET /v1/deliveries/{id}.' }),
});

export const InboundEventDetail = Type.Object(
  {
    ...InboundEvent.properties,
    duplicates: Type.Integer({ description: 'How often it came again and was acknowledged without effect.' }),
    last_duplicate_at: orNull(when),
    next_attempt_at: orNull(when),
    request: orNull(
      Type.Object({
        id: Type.String(),
        method: Type.String(),
        query: Type.String({ description: 'Secrets masked.' }),
        headers: Type.Record(Type.String(), Type.String(), { description: 'As received, secrets masked.' }),
        body: EvidenceBody,
        position: Type.Integer({ description: 'Which of the events in the request it is, from 0.' }),
        connector_version: Type.Integer(),
        verification: Type.Unknown({ description: 'Which rule proved the request, and when it was signed.' }),
      }),
    ),
    events: Type.Array(InboundPublished, { description: 'What was published for it, each with its deliveries.' }),
  },
  { $id: 'InboundEventDetail' },
);
export type InboundEventDetail = Type.Static<typeof InboundEventDetail>;

const filters = {
  tenant_id: Type.Optional(Type.String({ maxLength: 128 })),
  account_id: Type.Optional(Type.String({ maxLength: 64 })),
  connector: Type.Optional(Type.String({ maxLength: 63 })),
  type: Type.Optional(Type.String({ maxLength: 255, description: 'The vendor\'s type or the unified one.' })),
  state: Type.Optional(InboundEventState),
  since: Type.Optional(when),
  until: Type.Optional(when),
};

export const InboundEventQuery = Type.Object({ ...filters, ...pageQuery });
export type InboundEventQuery = Type.Static<typeof InboundEventQuery>;
export const InboundEventParams = Type.Object({ id: Type.String({ maxLength: 64 }) });

export const ReplayRequest = Type.Object(
  {
    ...filters,
    since: when,
    dry_run: Type.Optional(Type.Boolean({ description: 'Only counts. Default false.' })),
  },
  { additionalProperties: false, $id: 'ReplayRequest' },
);
export type ReplayRequest = Type.Static<typeof ReplayRequest>;

export const Replay = Type.Object(
  {
    id: orNull(Type.String({ description: 'Null for a dry run.' })),
    dry_run: Type.Boolean(),
    total: Type.Integer({ description: 'Events that match.' }),
    queued: Type.Integer({ description: 'Of those, how many have been given back to the workers.' }),
    pending: Type.Integer({ description: 'Of those given back, how many wait still.' }),
    created_at: when,
    finished_at: orNull(when),
  },
  { $id: 'Replay' },
);
export type Replay = Type.Static<typeof Replay>;

const InboundTaskKind = Type.Unsafe<'subscription' | 'pull' | 'backfill'>({ type: 'string', enum: ['subscription', 'pull', 'backfill'] });

export const InboundTask = Type.Object(
  {
    kind: InboundTaskKind,
    name: Type.String({ description: 'Its id in the connector\'s manifest.' }),
    state: Type.Unsafe<'starting' | 'active' | 'failing' | 'failed' | 'done' | 'removed'>({ type: 'string', enum: ['starting', 'active', 'failing', 'failed', 'done', 'removed'], description: 'failing: it is tried again. failed: it was given up, until somebody asks for it again.' }),
    pages: Type.Integer({ description: 'Of a pull or a backfill: pages read.' }),
    records: Type.Integer({ description: 'Of a pull or a backfill: records read.' }),
    recreated: Type.Integer({ description: 'Of a subscription: how often it was found missing or disabled at the vendor and was mended. Of a feed: how often the vendor had forgotten where it was to go on.' }),
    expires_at: orNull(when),
    next_at: orNull(when),
    succeeded_at: orNull(when),
    finished_at: orNull(when),
    failures: Type.Integer({ description: 'In a row.' }),
    last_error: orNull(Type.String()),
  },
  { $id: 'InboundTask' },
);
export type InboundTask = Type.Static<typeof InboundTask>;

export const AskTasks = Type.Object(
  {
    kind: Type.Optional(Type.Unsafe<'subscription' | 'pull' | 'backfill'>({ ...InboundTaskKind, description: 'subscription: they are checked at the vendor now, also where nothing failed.' })),
    name: Type.Optional(Type.String({ maxLength: 63 })),
    from_start: Type.Optional(Type.Boolean({ description: 'A backfill is read anew from its first page, also one that was done. Records told of before are told apart as repeated.' })),
  },
  { additionalProperties: false, $id: 'AskTasks' },
);
export const AskedTasks = Type.Object({ account_id: Type.String(), tasks: Type.Integer({ description: 'How many are due now.' }) }, { $id: 'AskedTasks' });

export const InboundAddress = Type.Object(
  {
    url: orNull(Type.String({ description: 'What to register at the vendor; null where the connector takes no webhooks there.' })),
    setup: orNull(Type.String({ description: 'What a person has to do at the vendor, where no request can.' })),
    docs_url: orNull(Type.String()),
  },
  { $id: 'InboundAddress' },
);
export type InboundAddress = Type.Static<typeof InboundAddress>;

export const AccountInbound = Type.Object(
  {
    ...InboundAddress.properties,
    tasks: Type.Array(InboundTask),
    waiting: Type.Integer({ description: 'Events of the account that wait to be worked on.' }),
    dead: Type.Integer({ description: 'Events of the account that were given up and can be replayed.' }),
    last_received_at: orNull(when),
  },
  { $id: 'AccountInbound' },
);
export type AccountInbound = Type.Static<typeof AccountInbound>;

export const Erasure = Type.Object(
  {
    id: Type.String(),
    tenant_id: Type.String(),
    requests: Type.Integer({ description: 'Requests that are gone. One that told of other tenants too has lost its content instead, and is not counted.' }),
    events: Type.Integer(),
    published: Type.Integer({ description: 'Outgoing events that were made of them and have lost their record.' }),
    requested_at: when,
    finished_at: orNull(Type.String({ format: 'date-time', description: 'Null while there is something left; it goes on by itself, on any node.' })),
  },
  { $id: 'Erasure' },
);
export type Erasure = Type.Static<typeof Erasure>;
export const ErasureList = Type.Object({ results: Type.Array(Erasure), next_cursor: Type.Null() }, { $id: 'ErasureList' });
