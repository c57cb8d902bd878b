/** `/v1/alerts`, silences, trying rules on history, and alerts of other systems. */
import { AlertFindings, AlertFindingsQuery, AlertList, AlertmanagerTaken, AlertmanagerWebhook, AlertParams, AlertQuery, AlertReplay, AlertReplayed, AlertWithAccounts, NewSilence, RoleNotice, Silence, SilenceList } from '@evenkeel/contract/api/alerts.ts';
import type { AlertsFile } from '@evenkeel/contract/playbook/alerts.ts';
import { readReceived } from '@evenkeel/core/alerts/alertmanager.ts';
import { lintAlerts } from '@evenkeel/core/alerts/rules-lint.ts';
import type Type from 'typebox';
import type { Caller } from '../access/keys.ts';
import { visibleTenant } from '../access/visible-tenant.ts';
import { transaction, type Pool } from '../database/pool.ts';
import { decodeCursor, pageOf } from '../http/cursor.ts';
import { Refusal } from '../http/problem.ts';
import { route, type Route } from '../http/route.ts';
import { timeOfId } from '../identifier.ts';
import { findAlert, insertAlert, listAffected, listAlerts, resolveAlert } from './alert-store.ts';
import { listRoleNotices, type RoleNoticeRow } from './role-notices.ts';
import { replayRules } from './replay.ts';
import { findingsAfter, shownAlert, shownFinding } from './shown-alert.ts';
import { endSilence, insertSilence, listSilences, silenceOf, type SilenceRow } from './silence-store.ts';

interface Parts {
  readonly pool: Pool;
  readonly rules: AlertsFile;
  readonly now: () => number;
}

const dayMs = 86_400_000;
/** Any constant that nothing else in the database uses. */
const receivingLock = 4_400_050;
/** Stored minutes that one request may judge. */
const longestReplayMs = 14 * dayMs;

export function alertRoutes(parts: Parts): Route[] {
  return [...readingRoutes(parts), ...silenceRoutes(parts), replayRoute(parts), receivingRoute(parts)];
}

function readingRoutes({ pool }: Parts): Route[] {
  const common = { method: 'GET', tag: 'monitoring', access: 'read', audit: { none: 'reads only' } } as const;
  return [
    route({
      ...common, path: '/v1/alerts', summary: 'Alerts, newest first', schema: { query: AlertQuery, response: { 200: AlertList } },
      async handle({ query, caller }) {
        const limit = query.limit ?? 50;
        const cursor = decodeCursor(query.cursor, 'string');
        const [at, id] = cursor?.split(' ') ?? [];
        const rows = await listAlerts(pool, {
          state: query.state ?? null,
          severity: query.severity ?? null,
          connectorId: query.connector ?? null,
          accountId: query.account_id ?? null,
          tenantId: visibleTenant(caller, query.tenant_id),
          before: at === undefined || id === undefined ? null : { at: new Date(Number(at)), id },
          limit: limit + 1,
        });
        return pageOf(rows, limit, (row) => `${row.opened_at.getTime()} ${row.id}`, (row) => shownAlert(row, caller));
      },
    }),
    route({
      ...common, path: '/v1/alerts/:id', summary: 'One alert with the accounts it met', schema: { params: AlertParams, response: { 200: AlertWithAccounts } },
      async handle({ params, caller }) {
        const alert = timeOfId(params.id) === null ? undefined : await findAlert(pool, params.id);
        const accounts = alert === undefined ? [] : await listAffected(pool, alert.id, caller.tenantId);
        if (alert === undefined || (caller.tenantId !== null && alert.tenant_id !== caller.tenantId && accounts.length === 0)) throw new Refusal('not_found', `There is no alert ${params.id}.`);
        const silence = await silenceOf(pool, alert);
        return { ...shownAlert(alert, caller), silenced_until: silence?.expires_at.toISOString() ?? null, accounts: accounts.map(({ since, ...rest }) => ({ ...rest, since: since.toISOString() })), told: caller.tenantId === null ? (await listRoleNotices(pool, alert.id)).map(shownNotice) : [] };
      },
    }),
    route({
      ...common, path: '/v1/alerts/:id/findings', summary: 'What the rules found, of one alert', schema: { params: AlertParams, query: AlertFindingsQuery, response: { 200: AlertFindings } },
      async handle({ params, query, caller }) {
        const alert = timeOfId(params.id) === null ? undefined : await findAlert(pool, params.id);
        const met = alert !== undefined && (caller.tenantId === null || alert.tenant_id === caller.tenantId || (await listAffected(pool, alert.id, caller.tenantId)).length > 0);
        if (!met) throw new Refusal('not_found', `There is no alert ${params.id}.`);
        const limit = query.limit ?? 50;
        const rest = findingsAfter(alert, caller, decodeCursor(query.cursor, 'string') ?? '');
        return pageOf(rest.slice(0, limit + 1), limit, ({ place }) => place, ({ finding }) => shownFinding(finding));
      },
    }),
  ];
}

function silenceRoutes({ pool, now }: Parts): Route[] {
  return [
    route({
      method: 'GET', path: '/v1/alert-silences', summary: 'Silences: those in force first', tag: 'monitoring', access: 'read', audit: { none: 'reads only' }, schema: { response: { 200: SilenceList } },
      async handle({ caller }) {
        wholeInstallation(caller);
        return { results: (await listSilences(pool, 200)).map(shownSilence), next_cursor: null };
      },
    }),
    route({
      method: 'POST', path: '/v1/alert-silences', summary: 'Keep alerts quiet for a while', tag: 'monitoring', access: 'write', audit: { action: 'alert.silence' }, schema: { body: NewSilence, response: { 201: Silence } },
      async handle({ body, caller, reply }) {
        wholeInstallation(caller);
        const made = await insertSilence(pool, { matchers: body.matchers, reason: body.reason, createdBy: caller.keyId, expiresAt: new Date(now() + body.minutes * 60_000) });
        void reply.code(201);
        return shownSilence(made);
      },
    }),
    route({
      method: 'DELETE', path: '/v1/alert-silences/:id', summary: 'End a silence now', tag: 'monitoring', access: 'write', audit: { action: 'alert.silence_ended' }, schema: { params: AlertParams, response: { 204: null } },
      async handle({ params, caller, reply }) {
        wholeInstallation(caller);
        if (!(await endSilence(pool, params.id))) throw new Refusal('not_found', `There is no silence ${params.id} in force.`);
        return reply.code(204).send();
      },
    }),
  ];
}

function replayRoute({ pool, rules, now }: Parts): Route {
  return route({
    method: 'POST', path: '/v1/alerts/replay', summary: 'Try alert rules on stored minutes', tag: 'monitoring', access: 'read', audit: { none: 'reads only' }, bodyLimit: 262_144, schema: { body: AlertReplay, response: { 200: AlertReplayed } },
    async handle({ body, caller }) {
      wholeInstallation(caller);
      const [since, until] = [new Date(body.since), new Date(body.until ?? now())];
      if (!(since < until) || until.getTime() - since.getTime() > longestReplayMs) throw new Refusal('invalid_request', 'since must be before until, and at most 14 days before it.');
      const faults = body.rules === undefined ? [] : lintAlerts(body.rules).filter(({ severity }) => severity === 'error');
      if (faults.length > 0) throw new Refusal('validation_failed', `The rules have ${faults.length} fault(s).`, { errors: faults.map(({ path, message }) => ({ path, message })) });
      return replayRules(pool, body.rules ?? rules, since, until);
    },
  });
}

function receivingRoute({ pool, now }: Parts): Route {
  return route({
    method: 'POST', path: '/v1/alerts/alertmanager', summary: 'Take alerts of another system: Alertmanager webhooks, version 4', tag: 'monitoring', access: 'write', audit: { action: 'alert.receive' }, schema: { body: AlertmanagerWebhook, response: { 200: AlertmanagerTaken } },
    async handle({ body, caller }) {
      wholeInstallation(caller);
      return transaction(pool, async (client) => {
        const taken = { opened: 0, resolved: 0 };
        // In one order: two that tell of the same at once wait for each other, never in a circle.
        const told = body.alerts.map((alert) => ({ alert, cause: readReceived(alert) })).toSorted((a, b) => (a.cause.key < b.cause.key ? -1 : 1));
        for (const { alert, cause } of told) {
          await client.query('select pg_advisory_xact_lock($1, hashtext($2))', [receivingLock, cause.key]);
          if (alert.status === 'resolved') taken.resolved += (await resolveAlert(client, cause.key, null, new Date(now()), 'external')) === undefined ? 0 : 1;
          else {
            const { rows } = await client.query(`select from alerts where key = $1 and source = 'external' and state = 'firing'`, [cause.key]);
            if (rows.length > 0) continue;
            await insertAlert(client, cause, new Date(startOf(alert.startsAt) ?? now()), 'external');
            taken.opened += 1;
          }
        }
        return taken;
      });
    },
  });
}

function startOf(text: string | undefined): number | undefined {
  const ms = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isFinite(ms) && ms > 0 ? ms : undefined;
}

function shownNotice({ role, status, channel, address, state, attempts, detail, queued_at, settled_at }: RoleNoticeRow): Type.Static<typeof RoleNotice> {
  return { role, status, channel, address, state, attempts, detail, queued_at: queued_at.toISOString(), settled_at: settled_at?.toISOString() ?? null };
}

function shownSilence({ created_at, expires_at, ...rest }: SilenceRow): Type.Static<typeof Silence> {
  return { ...rest, created_at: created_at.toISOString(), expires_at: expires_at.toISOString() };
}

function wholeInstallation(caller: Caller): void {
  if (caller.tenantId !== null) throw new Refusal('forbidden', 'This concerns the whole installation: use a key without a tenant.');
}
