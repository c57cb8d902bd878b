/** Replays a recorded webhook through the functions that ingest and workers use, and tells whatever differs with its place. */
import type { FixtureEvent, WebhookFixture } from '@evenkeel/contract/webhook-fixture.ts';
import { unifiedEventType } from '@evenkeel/contract/unified/events.ts';
import type { Connector } from '../connectors/connector.ts';
import { fromBase64, toBytes } from '../connectors/values/bytes.ts';
import type { Scope } from '../connectors/values/scope.ts';
import { differences, type Difference } from '../gateway/difference.ts';
import type { InboundRequest } from './inbound-request.ts';
import type { FetchedKeys } from './public-key.ts';
import type { Received } from './receive.ts';
import { webhooksOf, type CompiledWebhooks } from './rules.ts';
import type { InboundEvent } from './split.ts';
import { readPayload, type UnifiedPlan } from './unify.ts';
import type { VerificationPort } from './verification-port.ts';

export interface WebhookFixtureResult {
  readonly name: string;
  readonly ok: boolean;
  readonly differences: readonly Difference[];
}

/** The fixture has to be valid by its schema. Rejects only for a bug. */
export async function runWebhookFixture(connector: Connector, fixture: WebhookFixture, env: { readonly crypto: VerificationPort }): Promise<WebhookFixtureResult> {
  const rules = webhooksOf(connector);
  if (rules === undefined) return result(fixture, [{ at: 'webhooks', expected: 'a section of the manifest', actual: undefined }]);
  const request = fixtureRequest(fixture);
  const received = rules.receive(request, [fixtureScope(fixture)], { crypto: env.crypto, keys: fixtureKeys(fixture) });
  return result(fixture, await compare(connector, rules, fixture, request, received, env.crypto));
}

/** The request of a fixture as ingest gets it. */
export function fixtureRequest({ request, received_at: receivedAt }: WebhookFixture): InboundRequest {
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), typeof value === 'string' ? [value] : value]));
  const body = request.base64 === undefined ? toBytes(request.text ?? '') : (fromBase64(request.base64) ?? new Uint8Array());
  return { method: request.method ?? 'POST', url: request.url, headers, body, receivedAtMs: Date.parse(receivedAt) };
}

export function fixtureScope({ account = {} }: WebhookFixture): Scope {
  const { config = {}, captured = {}, secret = {}, app = {} } = account;
  return { config, captured, secret, app };
}

export function fixtureKeys({ keys = {} }: WebhookFixture): FetchedKeys {
  return (id) => {
    const value = Object.hasOwn(keys, id) ? keys[id] : undefined;
    return value === undefined ? undefined : typeof value === 'string' ? { kind: 'pem', text: value } : { kind: 'json', value };
  };
}

async function compare(connector: Connector, rules: CompiledWebhooks, { outcome }: WebhookFixture, request: InboundRequest, received: Received, crypto: VerificationPort): Promise<Difference[]> {
  if (received.kind !== outcome.kind) return differences('outcome', outcome, shown(received));
  if (received.kind === 'refused') return differences('outcome', outcome, { ...received });
  if (received.kind === 'reply') return differences('outcome', outcome, replied(received), { subset: true });
  if (received.kind !== 'accepted' || outcome.kind !== 'accepted') return [];
  const { rule, status, body = '', events } = outcome;
  const found = differences('outcome', { rule, status, body }, { rule: received.verification.rule, status: received.ack.status, body: received.ack.body });
  const split = rules.split(request, { crypto });
  if (!split.ok) return [...found, { at: 'outcome.events', expected: events, actual: split.message }];
  const actual = await Promise.all(split.events.map((event) => describe(connector, rules, event)));
  for (let index = 0; index < Math.max(events.length, actual.length); index++) {
    const expected = events[index];
    found.push(...differences(`outcome.events[${index}]`, expected === undefined ? undefined : withDefaults(expected), actual[index], { subset: true }));
  }
  return found;
}

const shown = (received: Received): unknown => (received.kind === 'needs_key' ? { kind: received.kind, id: received.need.id } : received);

function replied({ handshake, reply, captures, kind }: Extract<Received, { kind: 'reply' }>): unknown {
  return { kind, handshake, ...reply, captured: captures?.captured, secret: captures?.secret };
}

const withDefaults = (event: FixtureEvent): unknown => ({ id_from: 'vendor', id_signed: true, unified: [], ...event });

async function describe(connector: Connector, rules: CompiledWebhooks, event: InboundEvent): Promise<unknown> {
  const plans = await rules.unify(event);
  return {
    id: event.id,
    id_from: event.idFrom,
    id_signed: event.idSigned,
    type: event.type,
    ...(event.timeMs === null ? {} : { time: new Date(event.timeMs).toISOString() }),
    accounts: Object.fromEntries(event.accounts.map(({ field, value }) => [field, value])),
    ...(event.orderKey === null ? {} : { order_key: event.orderKey }),
    unified: plans.ok ? (await Promise.all(plans.plans.map((plan) => describePlan(connector, plan)))).filter((one) => one !== undefined) : plans.message,
  };
}

async function describePlan(connector: Connector, plan: UnifiedPlan): Promise<unknown> {
  const common = { type: unifiedEventType(plan.model, plan.change), ...(plan.changed === null ? {} : { changed: plan.changed }) };
  if (plan.record.kind === 'fetch') return { ...common, fetch: plan.record.id };
  if (plan.record.kind === 'id') return { ...common, deleted: plan.record.id };
  const mapping = connector.mapping(plan.model);
  if (mapping === undefined) return { ...common, record: `there is no mapping of ${plan.model}` };
  const read = await readPayload(mapping, plan.record.record);
  return read.kind === 'foreign' ? undefined : { ...common, record: read.kind === 'record' ? read.record : read.message };
}

function result({ name }: WebhookFixture, found: readonly Difference[]): WebhookFixtureResult {
  return { name, ok: found.length === 0, differences: found };
}
