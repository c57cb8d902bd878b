/** Deliveries of events to endpoints, with every attempt. */
import Type from 'typebox';
import { listOf, pageQuery } from './list.ts';

const orNull = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const when = (description: string) => Type.String({ format: 'date-time', description });

/** pending: waits for its first or next attempt, or is being attempted · failed: nothing more is tried by itself. */
export const deliveryStates = ['pending', 'delivered', 'failed', 'cancelled'] as const;
export type DeliveryState = (typeof deliveryStates)[number];
export const DeliveryState = Type.Unsafe<DeliveryState>({ type: 'string', enum: [...deliveryStates], description: 'pending waits for an attempt or is being attempted; of a failed one nothing more is tried by itself.' });

/** What made the delivery wait for its present or last attempt. */
export const deliveryCauses = ['event', 'retry', 'recover', 'resend', 'test'] as const;
export type DeliveryCause = (typeof deliveryCauses)[number];
export const DeliveryCause = Type.Unsafe<DeliveryCause>({ type: 'string', enum: [...deliveryCauses], description: 'event: the event itself and its schedule; the others were asked for.' });

export const Delivery = Type.Object(
  {
    id: Type.String(),
    endpoint_id: Type.String(),
    event_id: Type.String({ description: 'The header webhook-id of every attempt.' }),
    event_type: Type.String(),
    state: DeliveryState,
    reason: orNull(Type.String({ description: 'Of failed: exhausted or gone. Of cancelled: by_hand, endpoint_disabled, endpoint_deleted, or erased: the record in the event was erased.' })),
    cause: DeliveryCause,
    order_key: orNull(Type.String({ description: 'At an ordered endpoint: the object whose order is kept.' })),
    attempts: Type.Integer(),
    accepted_at: when('When the event was stored.'),
    next_attempt_at: orNull(when('Not before this moment; null when none is planned.')),
    closed_at: orNull(when('When it was delivered, failed or cancelled.')),
    last_attempt_at: orNull(when('When the last attempt began.')),
    last_status: orNull(Type.Integer({ description: 'HTTP status of the last attempt; null when there was no answer.' })),
    last_error: orNull(Type.String({ description: 'Kind of the last failure: http_error, redirect, gone, rate_limited, timeout, connect, reset, blocked or invalid.' })),
  },
  { $id: 'Delivery' },
);
export type Delivery = Type.Static<typeof Delivery>;
export const DeliveryList = listOf(Delivery);

export const DeliveryAttempt = Type.Object({
  id: Type.String(),
  number: Type.Integer({ description: 'Counts from 1.' }),
  cause: DeliveryCause,
  at: when('When it began.'),
  duration_ms: Type.Number(),
  succeeded: Type.Boolean(),
  status: orNull(Type.Integer()),
  error: orNull(Type.String()),
  message: orNull(Type.String({ description: 'What happened, in words.' })),
  response: orNull(
    Type.Object({
      text: Type.String({ description: 'The first 4096 bytes of the answer; base64 when binary is true.' }),
      binary: Type.Boolean(),
      truncated: Type.Boolean(),
      content_type: orNull(Type.String()),
    }),
  ),
});
export type DeliveryAttempt = Type.Static<typeof DeliveryAttempt>;

export const DeliveryDetail = Type.Object({
  ...Delivery.properties,
  attempt_list: Type.Array(DeliveryAttempt, { description: 'Oldest first; those of the last 100.' }),
  payload: Type.Unknown({ description: 'The envelope as it is sent; null once the event is beyond retention.' }),
});
export type DeliveryDetail = Type.Static<typeof DeliveryDetail>;

export const DeliveryQuery = Type.Object({
  endpoint_id: Type.Optional(Type.String({ maxLength: 64 })),
  event_id: Type.Optional(Type.String({ maxLength: 64 })),
  state: Type.Optional(DeliveryState),
  event_type: Type.Optional(Type.String({ maxLength: 100 })),
  since: Type.Optional(Type.String({ format: 'date-time', description: 'Of events stored at or after this moment.' })),
  ...pageQuery,
});
export type DeliveryQuery = Type.Static<typeof DeliveryQuery>;

export const DeliveryParams = Type.Object({ id: Type.String({ maxLength: 64 }) });
