/** A node with the outbound room over a test database, whose clock can be moved, and receivers that record what they get. */
import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { EndpointRequest } from '@evenkeel/contract/api/endpoints.ts';
import { openVault } from '@evenkeel/server/accounts/vault/vault-keys.ts';
import type { Vault } from '@evenkeel/server/accounts/vault/vault.ts';
import { createNotifications } from '@evenkeel/server/database/notifications.ts';
import { transaction, type Pool } from '@evenkeel/server/database/pool.ts';
import { newId } from '@evenkeel/server/identifier.ts';
import { startJobs } from '@evenkeel/server/jobs/runner.ts';
import { createLog } from '@evenkeel/server/log.ts';
import { addSecret, storeHeaders } from '@evenkeel/server/outbound/endpoint-secrets.ts';
import { defaultSettings, insertEndpoint } from '@evenkeel/server/outbound/endpoint-store.ts';
import { publishEvents, type NewEvent } from '@evenkeel/server/outbound/publish.ts';
import { createOutboundRoom, type OutboundParts, type OutboundRoom } from '@evenkeel/server/outbound/room.ts';
import { noObserver } from '@evenkeel/server/telemetry/observation.ts';
import { atEnd, type TestDatabase } from './database.ts';
import { serve } from './loopback-servers.ts';

export interface OutboundNode {
  readonly room: OutboundRoom;
  readonly vault: Vault;
  /** The clock of this node, and moving it. */
  now(): number;
  ahead(ms: number): void;
  close(): Promise<void>;
}

export const masterKey = randomBytes(32);

export type NodeOptions = Partial<Omit<OutboundParts, 'settings'>> & {
  readonly settings?: Partial<OutboundParts['settings']>;
  /** Runs the room's jobs as well. */
  readonly jobs?: boolean;
};

/** Delivers from the start; ends with the file at the latest. */
export async function startOutboundNode(database: TestDatabase, options: NodeOptions = {}): Promise<OutboundNode> {
  let aheadMs = 0;
  const log = createLog(process.env['EVENKEEL_TEST_LOG'] ?? 'silent');
  const vault = await openVault(database.pool, masterKey);
  const notifications = await createNotifications(database.url, log);
  const room = await createOutboundRoom({
    pool: database.pool,
    vault,
    notifications,
    log,
    now: () => Date.now() + aheadMs,
    node: newId('node'),
    observer: noObserver,
    publicUrl: 'http://127.0.0.1:4400',
    delivers: true,
    // No jitter: the middle of the range.
    random: () => 0.5,
    ...options,
    settings: { allowPrivate: ['127.0.0.0/8'], keepDays: 35, disableAfterMs: 5 * 86_400_000, smtpUrl: undefined, mailFrom: 'evenkeel@localhost', mailTo: undefined, ...options.settings },
  });
  const jobs = options.jobs === true ? await startJobs(database.pool, room.jobs, log) : undefined;
  let closing: Promise<void> | undefined;
  const end = async (): Promise<void> => {
    await jobs?.stop();
    await room.close();
    await notifications.close();
  };
  const close = (): Promise<void> => (closing ??= end());
  atEnd(close);
  return {
    room,
    vault,
    now: () => Date.now() + aheadMs,
    ahead(ms) {
      aheadMs += ms;
      room.dispatcher.notify();
    },
    close,
  };
}

export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly path: string;
  readonly atMs: number;
}

export interface Receiver {
  readonly url: string;
  readonly received: readonly Received[];
  /** Resolves when so many requests have come in all. */
  count(n: number): Promise<readonly Received[]>;
}

/** `answer` gets the request once its body is whole; without it everything is answered 200. */
export async function startReceiver(answer: (received: Received, response: ServerResponse, n: number) => void = (_received, response) => void response.end()): Promise<Receiver> {
  const received: Received[] = [];
  const waiting: { n: number; done: () => void }[] = [];
  const url = await serve((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const one = { headers: request.headers, body: Buffer.concat(chunks), path: request.url ?? '', atMs: Date.now() };
      received.push(one);
      answer(one, response, received.length);
      for (const { n, done } of waiting) if (received.length >= n) done();
    });
  });
  return {
    url,
    received,
    async count(n) {
      if (received.length < n) await new Promise<void>((done) => waiting.push({ n, done }));
      return received;
    },
  };
}

/** Makes an endpoint. Returns its id and what a receiver verifies with. */
export async function makeEndpoint(pool: Pool, vault: Vault, given: Partial<EndpointRequest> & { url: string }): Promise<{ id: string; secret: string }> {
  return transaction(pool, async (client) => {
    if (given.tenant_id !== undefined) await client.query('insert into tenants (id) values ($1) on conflict do nothing', [given.tenant_id]);
    const id = await insertEndpoint(client, given.tenant_id ?? null, {
      ...defaultSettings,
      url: given.url,
      event_types: given.event_types ?? ['*'],
      ordered: given.ordered ?? false,
      rate_limit: given.rate_limit ?? null,
      max_in_flight: given.max_in_flight ?? defaultSettings.max_in_flight,
      timeout_ms: given.timeout_ms ?? defaultSettings.timeout_ms,
      retry_schedule_ms: given.retry_schedule_s?.map((s) => s * 1000) ?? null,
      contact_email: given.contact_email ?? null,
      header_names: Object.keys(given.headers ?? {}),
    });
    if (given.headers !== undefined) await storeHeaders(client, vault, id, given.headers);
    const { value } = await addSecret(client, vault, id, { kind: given.signature ?? 'hmac', given: given.secret });
    return { id, secret: value };
  });
}

/** Publishes in a transaction of its own, as rooms do. Returns the ids. */
export async function publish(pool: Pool, events: readonly (Partial<NewEvent> & { type?: string })[]): Promise<string[]> {
  const made = events.map((event): NewEvent => ({ id: newId('evt'), tenantId: 'acme', accountId: null, type: 'endpoint:test', data: { message: 'hello' }, ...event }));
  await transaction(pool, async (client) => {
    for (const tenantId of new Set(made.map((event) => event.tenantId))) if (tenantId !== null) await client.query('insert into tenants (id) values ($1) on conflict do nothing', [tenantId]);
    await publishEvents(client, made);
  });
  return made.map(({ id }) => id);
}

export interface StoredDelivery {
  readonly id: string;
  readonly state: string;
  readonly reason: string | null;
  readonly attempts: number;
  readonly due_at: Date | null;
  readonly last_error: string | null;
}

/** Looks until the deliveries of an endpoint are as wanted; fails after `withinMs` with what they are. */
export async function untilDeliveries(pool: Pool, endpointId: string, wanted: (deliveries: readonly StoredDelivery[]) => boolean, withinMs = 10_000): Promise<readonly StoredDelivery[]> {
  const until = Date.now() + withinMs;
  for (;;) {
    const { rows } = await pool.query<StoredDelivery>(
      `select id, state, reason, attempts, null::timestamptz as due_at, last_error from deliveries_closed where endpoint_id = $1
       union all select id, 'pending', null, attempts, due_at, last_error from deliveries_open where endpoint_id = $1 order by id`,
      [endpointId],
    );
    if (wanted(rows)) return rows;
    if (Date.now() > until) throw new Error(`the deliveries of ${endpointId} are not as wanted: ${JSON.stringify(rows)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
