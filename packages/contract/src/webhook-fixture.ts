/**
 * A recorded webhook of a connector, `connectors/<id>/fixtures/webhooks/<name>.json`: a request of the vendor to the
 * last byte, and what has to become of it. Replayed without a network by `evenkeel connectors test`.
 */
import Type from 'typebox';
import { Strict, Tagged } from './manifest/value.ts';

const Named = Type.Record(Type.String(), Type.Unknown());

export const FixtureEvent = Strict({
  id: Type.String({ description: '"*" stands for any.' }),
  id_from: Type.Optional(Type.Union([Type.Literal('vendor'), Type.Literal('hash')], { description: 'Default vendor.' })),
  id_signed: Type.Optional(Type.Boolean({ description: 'Default true.' })),
  type: Type.Union([Type.String(), Type.Null()]),
  time: Type.Optional(Type.String({ description: 'ISO 8601.' })),
  accounts: Type.Optional(Type.Record(Type.String(), Type.String(), { description: 'Field of the account → value.' })),
  order_key: Type.Optional(Type.String()),
  unified: Type.Optional(
    Type.Array(
      Strict({
        type: Type.String({ description: 'Such as crm.contact.updated.' }),
        fetch: Type.Optional(Type.String({ description: 'The id of a record that has still to be fetched.' })),
        deleted: Type.Optional(Type.String({ description: 'The id of what is gone.' })),
        record: Type.Optional(Named),
        changed: Type.Optional(Type.Array(Type.String())),
      }),
      { description: 'Of a record the members that matter; default none: the event means nothing to the models.' },
    ),
  ),
});
export type FixtureEvent = Type.Static<typeof FixtureEvent>;

export const WebhookFixture = Strict(
  {
    $schema: Type.Optional(Type.String()),
    name: Type.String({ minLength: 1 }),
    description: Type.Optional(Type.String()),
    received_at: Type.String({ description: 'ISO 8601.' }),
    account: Type.Optional(Strict({ config: Type.Optional(Named), captured: Type.Optional(Named), secret: Type.Optional(Named), app: Type.Optional(Named) })),
    keys: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: 'Keys fetched from the vendor: the id of the need → JSON, or a certificate as text.' })),
    request: Strict({
      method: Type.Optional(Type.String({ description: 'Default POST.' })),
      url: Type.String({ description: 'The address registered with the vendor, with its query.' }),
      headers: Type.Record(Type.String(), Type.Union([Type.String(), Type.Array(Type.String())])),
      text: Type.Optional(Type.String({ description: 'The body as UTF-8.' })),
      base64: Type.Optional(Type.String({ description: 'The body where it is no UTF-8.' })),
    }),
    outcome: Tagged('kind', [
      Strict({ kind: Type.Literal('refused'), status: Type.Integer(), reason: Type.String() }),
      Strict({ kind: Type.Literal('reply'), handshake: Type.String(), status: Type.Integer(), headers: Type.Optional(Type.Record(Type.String(), Type.String())), body: Type.String(), captured: Type.Optional(Named), secret: Type.Optional(Named) }),
      Strict({ kind: Type.Literal('accepted'), rule: Type.String(), status: Type.Integer(), body: Type.Optional(Type.String({ description: 'Default empty.' })), events: Type.Array(FixtureEvent) }),
    ]),
  },
  { $id: 'https://evenkeel.dev/schemas/webhook-fixture.v1.json', title: 'Evenkeel webhook fixture' },
);
export type WebhookFixture = Type.Static<typeof WebhookFixture>;
