/** The API of what came in: events, one event whole, replays, addresses, erasure. A key of one tenant sees that tenant's. */
import { setTimeout as pause } from 'node:timers/promises';
import Type from 'typebox';
import { AccountParams } from '@evenkeel/contract/api/accounts.ts';
import { AccountInbound, AskedTasks, AskTasks, Erasure, ErasureList, InboundAddress, InboundEventDetail, InboundEventList, InboundEventParams, InboundEventQuery, Replay, ReplayRequest, type InboundEventQuery as EventQuery } from '@evenkeel/contract/api/inbound.ts';
import { webhooksOf } from '@evenkeel/core/inbound/rules.ts';
import type { Caller } from '../access/keys.ts';
import { visibleTenant } from '../access/visible-tenant.ts';
import { findAccount } from '../accounts/account-store.ts';
import type { Vault } from '../accounts/vault/vault.ts';
import type { ConnectorSource } from '../accounts/vendor.ts';
import type { Pool } from '../database/pool.ts';
import { decodeCursor, pageOf } from '../http/cursor.ts';
import { Refusal } from '../http/problem.ts';
import { route, type Route } from '../http/route.ts';
import { timeOfId } from '../identifier.ts';
import { visibleEndpoints } from '../outbound/endpoint-access.ts';
import { askForErasure, erasePiece, findErasure, listErasures } from './erasure.ts';
import { findEvent, listEvents, type EventFilter } from './event-store.ts';
import { addressUrl, ensureAddress } from './receiving/address-store.ts';
import { beginReplay, countEvents, findReplay } from './replays.ts';
import { findRequest } from './request-store.ts';
import { askTasksAgain } from './standing/task-store.ts';
import { readAccountInbound, shownAddress } from './showing/account-view.ts';
import { readPublished, shownEvent, shownRequest } from './showing/event-view.ts';

export interface EventRouteParts {
  readonly pool: Pool;
  readonly vault: Vault;
  readonly connectors: ConnectorSource;
  readonly publicUrl: string;
  readonly now: () => number;
  /** A replay was asked for: workers need not wait for their next look. */
  readonly replayBegun: () => void;
  /** Standing tasks were asked for again. */
  readonly tasksAsked: () => void;
}

const tag = 'inbound';

export function eventRoutes(parts: EventRouteParts): Route[] {
  return [listRoute(parts), showRoute(parts), replayRoute(parts), replayProgressRoute(parts), accountRoute(parts), askTasksRoute(parts), connectorRoute(parts), eraseRoute(parts), erasuresRoute(parts)];
}

function listRoute({ pool }: EventRouteParts): Route {
  return route({
    method: 'GET',
    path: '/v1/inbound-events',
    summary: 'Events that came in from vendors, newest first',
    tag,
    access: 'read',
    audit: { none: 'reads only' },
    schema: { query: InboundEventQuery, response: { 200: InboundEventList } },
    async handle({ query, caller }) {
      const limit = query.limit ?? 50;
      const before = decodeCursor(query.cursor, 'string');
      if (before !== null && timeOfId(before) === null) throw new Refusal('invalid_request', 'The cursor was not made by this list. Start again without one.');
      return pageOf(await listEvents(pool, filterOf(query, caller), { before, limit: limit + 1 }), limit, ({ id }) => id, shownEvent);
    },
  });
}

function showRoute({ pool }: EventRouteParts): Route {
  return route({
    method: 'GET',
    path: '/v1/inbound-events/:id',
    summary: 'One event: its request with secrets masked, how it was verified, what became of it, and its deliveries',
    tag,
    access: 'read',
    audit: { none: 'reads only' },
    schema: { params: InboundEventParams, response: { 200: InboundEventDetail } },
    async handle({ params, caller }) {
      const event = await findEvent(pool, params.id, caller.tenantId);
      if (event === undefined) throw new Refusal('not_found', `There is no inbound event ${params.id}, or it is not kept any more.`);
      const request = await findRequest(pool, event.request_id);
      const { rows } = await pool.query<{ due_at: Date }>('select due_at from inbound_work where event_id = $1', [event.id]);
      return {
        ...shownEvent(event),
        duplicates: event.duplicates,
        last_duplicate_at: event.duplicate_at?.toISOString() ?? null,
        next_attempt_at: rows[0]?.due_at.toISOString() ?? null,
        request: request === undefined ? null : shownRequest(request, event.position, caller.tenantId !== null && request.tenant_id !== caller.tenantId),
        events: await readPublished(pool, event.published, await visibleEndpoints(pool, undefined, caller)),
      };
    },
  });
}

function replayRoute(parts: EventRouteParts): Route {
  return route({
    method: 'POST',
    path: '/v1/inbound-events/replay',
    summary: 'Work on events once more, and publish what they tell anew; with dry_run only count them',
    tag,
    access: 'write',
    audit: { action: 'inbound_events.replay' },
    schema: { body: ReplayRequest, response: { 200: Replay, 202: Replay } },
    async handle({ body, caller, reply }) {
      const { dry_run: dryRun = false, ...criteria } = body;
      const at = new Date(parts.now());
      const filter = { ...filterOf(criteria, caller), until: new Date(Math.min(at.getTime(), criteria.until === undefined ? Infinity : Date.parse(criteria.until))) };
      if (dryRun) return { id: null, dry_run: true, total: await countEvents(parts.pool, filter), queued: 0, pending: 0, created_at: at.toISOString(), finished_at: null };
      const replay = await beginReplay(parts.pool, filter, `key:${caller.keyId}`);
      parts.replayBegun();
      reply.code(202);
      return replay;
    },
  });
}

function replayProgressRoute({ pool }: EventRouteParts): Route {
  return route({
    method: 'GET',
    path: '/v1/inbound-events/replays/:id',
    summary: 'How far a replay has come',
    tag,
    access: 'read',
    audit: { none: 'reads only' },
    schema: { params: InboundEventParams, response: { 200: Replay } },
    async handle({ params, caller }) {
      const replay = await findReplay(pool, params.id, caller.tenantId);
      if (replay === undefined) throw new Refusal('not_found', `There is no replay ${params.id}.`);
      return replay;
    },
  });
}

function accountRoute({ pool, vault, connectors, publicUrl }: EventRouteParts): Route {
  return route({
    method: 'GET',
    path: '/v1/accounts/:id/inbound',
    summary: 'The address to register at the account\'s vendor, subscriptions, pulls and backfills with their progress',
    tag,
    access: 'write',
    audit: { none: 'kept by the room itself' },
    schema: { params: AccountParams, response: { 200: AccountInbound } },
    async handle({ params, caller }) {
      const account = await findAccount(pool, params.id, caller.tenantId);
      if (account === undefined) throw new Refusal('not_found', `There is no account ${params.id}.`);
      const connector = connectors.get(account.connector_id, account.id)?.connector;
      const rules = connector === undefined ? undefined : webhooksOf(connector)?.source;
      const takes = rules?.scope === 'account' && (rules.verify !== undefined || rules.handshake !== undefined);
      const url = takes ? addressUrl(publicUrl, await ensureAddress(pool, vault, { connectorId: account.connector_id, accountId: account.id })) : null;
      return { ...shownAddress(rules, url), ...(await readAccountInbound(pool, account.id)) };
    },
  });
}

function askTasksRoute({ pool, tasksAsked }: EventRouteParts): Route {
  return route({
    method: 'POST',
    path: '/v1/accounts/:id/inbound/retry',
    summary: 'Try an account\'s subscriptions, pulls and backfills again that failed or were given up; with from_start, read a backfill anew',
    tag,
    access: 'write',
    audit: { action: 'inbound_tasks.retry' },
    schema: { params: AccountParams, body: AskTasks, response: { 202: AskedTasks } },
    async handle({ params, body, caller, reply }) {
      const account = await findAccount(pool, params.id, caller.tenantId);
      if (account === undefined) throw new Refusal('not_found', `There is no account ${params.id}.`);
      const tasks = await askTasksAgain(pool, { accountId: account.id, kind: body.kind ?? null, name: body.name ?? null, fromStart: body.from_start ?? false });
      if (tasks > 0) tasksAsked();
      reply.code(202);
      return { account_id: account.id, tasks };
    },
  });
}

function connectorRoute({ pool, vault, connectors, publicUrl }: EventRouteParts): Route {
  return route({
    method: 'GET',
    path: '/v1/connectors/:id/inbound',
    summary: 'The address to register for the installation\'s app at a vendor',
    tag,
    access: 'admin',
    audit: { none: 'kept by the room itself' },
    schema: { params: Type.Object({ id: Type.String({ maxLength: 63 }) }), response: { 200: InboundAddress } },
    async handle({ params, caller }) {
      if (caller.tenantId !== null) throw new Refusal('forbidden', 'The address of an app is the installation\'s. Use a key without a tenant.');
      const connector = connectors.get(params.id)?.connector;
      if (connector === undefined) throw new Refusal('not_found', `There is no connector "${params.id}". GET /v1/connectors lists them.`);
      const rules = webhooksOf(connector)?.source;
      const url = rules?.scope === 'app' ? addressUrl(publicUrl, await ensureAddress(pool, vault, { connectorId: params.id, accountId: null })) : null;
      return shownAddress(rules, url);
    },
  });
}

/** A small tenant is erased before the answer. */
const [eraseWithinMs, eraseLookMs] = [3_000, 20];
const TenantParams = Type.Object({ id: Type.String({ maxLength: 128 }) });

function eraseRoute({ pool, now }: EventRouteParts): Route {
  return route({
    method: 'DELETE',
    path: '/v1/tenants/:id/inbound-events',
    summary: 'Erase everything that came in for a tenant so far. 202: it goes on by itself',
    tag,
    access: 'admin',
    audit: { action: 'inbound_events.erase' },
    schema: { params: TenantParams, response: { 200: Erasure, 202: Erasure } },
    async handle({ params, caller, reply }) {
      ownTenant(caller, params.id);
      let erasure = await askForErasure(pool, params.id, `key:${caller.keyId}`, now());
      for (const untilMs = now() + eraseWithinMs; erasure.finished_at === null && now() < untilMs; erasure = (await findErasure(pool, erasure.id)) ?? erasure) if ((await erasePiece(pool, erasure.id)) === 0) await pause(eraseLookMs);
      if (erasure.finished_at === null) reply.code(202);
      return erasure;
    },
  });
}

function erasuresRoute({ pool }: EventRouteParts): Route {
  return route({
    method: 'GET',
    path: '/v1/tenants/:id/inbound-erasures',
    summary: 'The erasures asked for of a tenant and how far they are, newest first, at most 50',
    tag,
    access: 'admin',
    audit: { none: 'reads only' },
    schema: { params: TenantParams, response: { 200: ErasureList } },
    async handle({ params, caller }) {
      ownTenant(caller, params.id);
      return { results: await listErasures(pool, params.id, 50), next_cursor: null };
    },
  });
}

function ownTenant(caller: Caller, tenantId: string): void {
  if (caller.tenantId !== null && caller.tenantId !== tenantId) throw new Refusal('forbidden', 'This key belongs to another tenant.');
}

type Criteria = Pick<EventQuery, 'tenant_id' | 'account_id' | 'connector' | 'type' | 'state' | 'since' | 'until'>;

function filterOf(query: Criteria, caller: Caller): EventFilter {
  const date = (text: string | undefined): Date | null => (text === undefined ? null : new Date(text));
  return {
    tenantId: visibleTenant(caller, query.tenant_id),
    accountId: query.account_id ?? null,
    connectorId: query.connector ?? null,
    type: query.type ?? null,
    state: query.state ?? null,
    since: date(query.since),
    until: date(query.until),
  };
}
