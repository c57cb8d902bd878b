/** The API of accounts and connect sessions. A key with a tenant sees and makes only what is that tenant's. */
import Type from 'typebox';
import { Account, AccountDeleted, AccountDetail, AccountList, AccountParams, AccountQuery, AccountTransitionList } from '@evenkeel/contract/api/accounts.ts';
import { ConnectSession, ConnectSessionRequest } from '@evenkeel/contract/api/connect-sessions.ts';
import { pageQuery } from '@evenkeel/contract/api/list.ts';
import { transition } from '@evenkeel/core/accounts/state-machine.ts';
import type { Connector, CompiledScheme } from '@evenkeel/core/connectors/connector.ts';
import { ensureTenant, type Caller } from '../access/keys.ts';
import type { Pool } from '../database/pool.ts';
import { decodeCursor, pageOf } from '../http/cursor.ts';
import { Refusal } from '../http/problem.ts';
import { route, type Route } from '../http/route.ts';
import { removeAccount, type RemovalParts } from './account-removal.ts';
import { accountExisted, findAccount, listAccounts, requestSetup, shownAccount, type AccountWithCredential } from './account-store.ts';
import { createSession } from './connecting/connect-session-store.ts';
import { readTimeline } from './refreshing/credential-events.ts';
import type { ReconnectLinks } from './connecting/reconnect-links.ts';
import type { Refresher } from './refreshing/refresher.ts';
import type { Setup } from './connecting/setup.ts';
import { listTransitions, shownTransition } from './transitions.ts';

export interface AccountRouteParts extends RemovalParts {
  readonly setup: Setup;
  readonly refresher: Refresher;
  readonly links: ReconnectLinks;
  readonly publicUrl: string;
  readonly changed: (accountId: string) => void;
}

export function accountRoutes(parts: AccountRouteParts): Route[] {
  return [createSessionRoute(parts), listRoute(parts), showRoute(parts), transitionsRoute(parts), retryRoute(parts), refreshRoute(parts), deleteRoute(parts)];
}

function createSessionRoute(parts: AccountRouteParts): Route {
  return route({
    method: 'POST',
    path: '/v1/connect-sessions',
    summary: 'Make a link with which the owner of an account connects it; with account_id it re-authorises that account',
    tag: 'connecting',
    access: 'write',
    audit: { action: 'connect_session.create' },
    schema: { body: ConnectSessionRequest, response: { 201: ConnectSession } },
    async handle({ body, caller, reply }) {
      const { pool, publicUrl } = parts;
      if (caller.tenantId !== null && caller.tenantId !== body.tenant_id) throw new Refusal('forbidden', `This key belongs to tenant ${caller.tenantId} and cannot connect accounts of another.`);
      const connector = parts.connectors.get(body.connector, body.account_id)?.connector;
      if (connector === undefined) throw new Refusal('not_found', `There is no connector "${body.connector}". GET /v1/connectors lists them.`);
      const account = body.account_id === undefined ? undefined : await findAccount(pool, body.account_id, body.tenant_id);
      if (body.account_id !== undefined && account?.connector_id !== body.connector) {
        throw new Refusal('not_found', `Tenant ${body.tenant_id} has no account ${body.account_id} of the connector "${body.connector}".`);
      }
      const scheme = schemeFor(connector, body.scheme ?? account?.scheme_id);
      await requireApp(parts, connector, scheme);
      await ensureTenant(pool, body.tenant_id);
      const session = await createSession(pool, {
        tenantId: body.tenant_id,
        connectorId: body.connector,
        schemeId: scheme.id,
        accountId: account?.id ?? null,
        returnUrl: returnUrlOf(body.return_url),
        createdBy: caller.keyId,
      });
      reply.code(201);
      return { id: session.id, url: `${publicUrl}/connect/${session.token}`, expires_at: session.expiresAt.toISOString() };
    },
  });
}

function schemeFor(connector: Connector, id: string | undefined): CompiledScheme {
  const scheme = connector.scheme(id);
  if (scheme !== undefined) return scheme;
  const known = connector.manifest.auth.map((one) => one.id).join(', ');
  throw new Refusal('invalid_request', `The connector "${connector.id}" has no scheme "${id ?? ''}"; it has ${known}.`);
}

/** Told to the developer who makes the link, not to the customer who opens it. */
async function requireApp({ connectors }: AccountRouteParts, connector: Connector, scheme: CompiledScheme): Promise<void> {
  if (scheme.source.type !== 'oauth2_code') return;
  const { client_id: clientId } = await connectors.app(connector.id);
  if (clientId === undefined || clientId === '') throw new Refusal('conflict', `No OAuth app is stored for "${connector.id}": PUT /v1/connectors/${connector.id}/app with client_id and client_secret first.`);
}

function returnUrlOf(url: string | undefined): string | null {
  if (url === undefined) return null;
  const parsed = URL.parse(url);
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) throw new Refusal('invalid_request', 'return_url has to be an http or https address.');
  return parsed.href;
}

function listRoute({ pool }: AccountRouteParts): Route {
  return route({
    method: 'GET',
    path: '/v1/accounts',
    summary: 'List accounts, newest first',
    tag: 'accounts',
    access: 'read',
    audit: { none: 'reads only' },
    schema: { query: AccountQuery, response: { 200: AccountList } },
    async handle({ query, caller }) {
      if (caller.tenantId !== null && query.tenant_id !== undefined && query.tenant_id !== caller.tenantId) throw new Refusal('forbidden', `This key sees accounts of tenant ${caller.tenantId} only.`);
      const limit = query.limit ?? 50;
      const tenantId = caller.tenantId ?? query.tenant_id ?? null;
      const rows = await listAccounts(pool, { state: query.state, connector: query.connector, tenantId, limit: limit + 1, before: decodeCursor(query.cursor, 'string') });
      return pageOf(rows, limit, ({ id }) => id, shownAccount);
    },
  });
}

function showRoute({ pool }: AccountRouteParts): Route {
  return route({
    method: 'GET',
    path: '/v1/accounts/:id',
    summary: 'One account',
    tag: 'accounts',
    access: 'read',
    audit: { none: 'reads only' },
    schema: { params: AccountParams, response: { 200: AccountDetail } },
    async handle({ params, caller }) {
      const account = await requireAccount(pool, params.id, caller);
      return { ...shownAccount(account), timeline: await readTimeline(pool, account.id, 50) };
    },
  });
}

function transitionsRoute({ pool }: AccountRouteParts): Route {
  return route({
    method: 'GET',
    path: '/v1/accounts/:id/transitions',
    summary: 'What happened to an account and why, newest first; also of a deleted one',
    tag: 'accounts',
    access: 'read',
    audit: { none: 'reads only' },
    schema: { params: AccountParams, query: Type.Object(pageQuery), response: { 200: AccountTransitionList } },
    async handle({ params, query, caller }) {
      if (!(await accountExisted(pool, params.id, caller.tenantId))) throw noSuchAccount(params.id);
      const limit = query.limit ?? 50;
      const rows = await listTransitions(pool, { accountId: params.id, limit: limit + 1, before: decodeCursor(query.cursor, 'number') });
      return pageOf(rows, limit, ({ seq }) => seq, shownTransition);
    },
  });
}

function retryRoute({ pool, setup, links, changed }: AccountRouteParts): Route {
  return route({
    method: 'POST',
    path: '/v1/accounts/:id/retry',
    summary: 'Run validation and post-install steps again; the outcome comes as an event',
    tag: 'accounts',
    access: 'write',
    audit: { action: 'account.retry' },
    schema: { params: AccountParams, response: { 202: Account } },
    async handle({ params, caller, reply }) {
      const account = await requireAccount(pool, params.id, caller);
      const decision = transition(account.state, { type: 'retry_requested' });
      if (decision.kind === 'refused') {
        if (account.state === 'needs_reauth') throw new Refusal('reauth_required', decision.reason, { connect_url: await links.linkFor(account) });
        throw new Refusal('conflict', decision.reason);
      }
      await requestSetup(pool, account.id);
      changed(account.id);
      void setup.run(account.id);
      reply.code(202);
      return shownAccount(await requireAccount(pool, params.id, caller));
    },
  });
}

function refreshRoute({ pool, refresher, links, changed }: AccountRouteParts): Route {
  return route({
    method: 'POST',
    path: '/v1/accounts/:id/refresh',
    summary: 'Renew the account\'s token now',
    tag: 'accounts',
    access: 'write',
    audit: { action: 'account.refresh' },
    schema: { params: AccountParams, response: { 200: Account } },
    async handle({ params, caller }) {
      const account = await requireAccount(pool, params.id, caller);
      if (account.state === 'needs_reauth') throw new Refusal('reauth_required', 'The grant is gone: the owner has to connect again, a refresh cannot help.', { connect_url: await links.linkFor(account) });
      if (account.state !== 'active' || account.version === null) throw new Refusal('account_not_ready', `The account is ${account.state}; only an active one is refreshed.`);
      const renewal = await refresher.renew(account.id, account.version, { force: true, actor: `key:${caller.keyId}` });
      changed(account.id);
      switch (renewal.kind) {
        case 'renewed':
          return shownAccount(await requireAccount(pool, params.id, caller));
        case 'fixed':
          throw new Refusal('conflict', 'This account\'s credential is not of a kind that is refreshed.');
        case 'rejected':
          throw new Refusal('reauth_required', `The vendor refused the refresh for good: ${renewal.message}`, { connect_url: await links.linkFor(account) });
        case 'failed':
          throw new Refusal(renewal.status === 429 ? 'rate_limited' : 'upstream_unavailable', `The vendor did not renew the token: ${renewal.message}`, renewal.retryAfterS === null ? {} : { retry_after: renewal.retryAfterS });
      }
    },
  });
}

function deleteRoute(parts: AccountRouteParts): Route {
  return route({
    method: 'DELETE',
    path: '/v1/accounts/:id',
    summary: 'Delete an account; its grant is revoked at the vendor where that is possible',
    tag: 'accounts',
    access: 'write',
    audit: { action: 'account.delete' },
    schema: { params: AccountParams, response: { 200: AccountDeleted } },
    async handle({ params, caller }) {
      const account = await requireAccount(parts.pool, params.id, caller);
      const removed = await removeAccount(parts, account, `key:${caller.keyId}`);
      parts.changed(account.id);
      return removed;
    },
  });
}

async function requireAccount(pool: Pool, id: string, caller: Caller): Promise<AccountWithCredential> {
  const account = await findAccount(pool, id, caller.tenantId);
  if (account === undefined) throw noSuchAccount(id);
  return account;
}

const noSuchAccount = (id: string): Refusal => new Refusal('not_found', `There is no account ${id}.`);
