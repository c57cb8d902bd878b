/** `GET /v1/objectives`, one objective with budget, burn, mode and history, the calls that cost it, and burn-rate alerts. */
import { CallList } from '@evenkeel/contract/api/calls.ts';
import { BurnAlertList, BurnAlertQuery, ObjectiveCallsQuery, ObjectiveDetail, ObjectiveList, ObjectiveParams, ObjectiveQuery } from '@evenkeel/contract/api/objectives.ts';
import Type from 'typebox';
import type { Pool } from '../../database/pool.ts';
import { decodeCursor, pageOf } from '../../http/cursor.ts';
import { Refusal } from '../../http/problem.ts';
import { route, type Route } from '../../http/route.ts';
import { callView } from '../../telemetry/call-store.ts';
import { listBadCalls } from '../bad-calls.ts';
import type { Definitions } from '../definitions.ts';
import { modeOfReading, readDetail, readScopeNow } from './objective-reading.ts';
import { findObjective, scopeFor } from './objective-request.ts';
import { writeScope } from './scopes.ts';
import { listBurnAlerts } from './state-store.ts';
import { alertView, budgetView, isoOf, summaryOf } from './views.ts';

export function objectiveRoutes({ pool, definitions }: { pool: Pool; definitions: Definitions }): Route[] {
  const { objectives, policy } = definitions;
  return [
    route({
      method: 'GET',
      path: '/v1/objectives',
      summary: 'Objectives of the playbook with the state of their budgets',
      tag: 'objectives',
      access: 'read',
      audit: { none: 'reads only' },
      schema: { query: Type.Object({}), response: { 200: ObjectiveList } },
      async handle({ caller }) {
        const scope = scopeFor(caller, undefined);
        const results = [];
        for (const objective of objectives) {
          if (!objective.scopes.includes(scope.kind)) {
            if (caller.tenantId === null) results.push({ ...summaryOf(objective, null), overall: null });
            continue;
          }
          const reading = await readScopeNow(pool, objective, policy, scope);
          results.push({ ...summaryOf(objective, reading.end === null ? null : isoOf(reading.end)), overall: { scope: writeScope(scope), mode: modeOfReading(reading), budget: budgetView(reading.figures, reading.exhaustsInMinutes) } });
        }
        return { results, next_cursor: null };
      },
    }),
    route({
      method: 'GET',
      path: '/v1/objectives/:id',
      summary: 'One objective: budget, burn rates, policy mode, history, alerts; in one scope. Where it is not kept it has figures, and no mode or alerts',
      tag: 'objectives',
      access: 'read',
      audit: { none: 'reads only' },
      schema: { params: ObjectiveParams, query: ObjectiveQuery, response: { 200: ObjectiveDetail } },
      async handle({ params, query, caller }) {
        const objective = findObjective(definitions, params.id);
        const scope = scopeFor(caller, query.scope);
        const detail = await readDetail(pool, objective, policy, scope, query.history_days ?? 30);
        if (caller.tenantId === null) return detail;
        return { ...detail, overall: null, available_scopes: [writeScope(scope)] };
      },
    }),
    route({
      method: 'GET',
      path: '/v1/objectives/:id/calls',
      summary: 'The calls that consumed the budget, newest first',
      tag: 'objectives',
      access: 'read',
      audit: { none: 'reads only' },
      schema: { params: ObjectiveParams, query: ObjectiveCallsQuery, response: { 200: CallList } },
      async handle({ params, query, caller }) {
        const objective = findObjective(definitions, params.id);
        const scope = scopeFor(caller, query.scope);
        const { indicator } = objective;
        if (indicator.measure !== 'availability' && indicator.measure !== 'fast_answers') throw new Refusal('unsupported_operation', `The objective ${objective.id} measures ${indicator.measure}: no single calls stand behind it.`, { status: 409 });
        const { figures } = await readScopeNow(pool, objective, policy, scope);
        const limit = query.limit ?? 50;
        const ranges = [{ fromMs: figures.range.from * 60_000, toMs: figures.range.to * 60_000 }];
        const rows = await listBadCalls(pool, { scope, ranges, upstream: indicator.upstream === 'included', beforeId: decodeCursor(query.cursor, 'string'), limit: limit + 1 });
        return pageOf(rows, limit, ({ id }) => id, callView);
      },
    }),
    route({
      method: 'GET',
      path: '/v1/burn-alerts',
      summary: 'Burn-rate alerts, newest first',
      tag: 'objectives',
      access: 'read',
      audit: { none: 'reads only' },
      schema: { query: BurnAlertQuery, response: { 200: BurnAlertList } },
      async handle({ query, caller }) {
        const limit = query.limit ?? 50;
        const scope = query.scope === undefined && caller.tenantId === null ? null : scopeFor(caller, query.scope);
        const rows = await listBurnAlerts(pool, { objectiveId: query.objective ?? null, scope, firing: query.state === undefined ? null : query.state === 'firing', before: decodeCursor(query.cursor, 'string'), limit: limit + 1 });
        return pageOf(rows, limit, ({ id }) => id, alertView);
      },
    }),
  ];
}
