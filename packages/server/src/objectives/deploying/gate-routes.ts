/** `GET /v1/deploy-gate` with its overrides, and deployment markers with what became of the error rate. */
import { Deployment, DeploymentList, DeploymentQuery, DeploymentRequest, GateAnswer, GateOverride, GateOverrideList, GateOverrideRequest, GateQuery } from '@evenkeel/contract/api/objectives.ts';
import { pageQuery } from '@evenkeel/contract/api/list.ts';
import { calendarUnit } from '@evenkeel/core/objectives/calendar.ts';
import type { ObjectiveDefinition } from '@evenkeel/core/objectives/definition.ts';
import { decideGate } from '@evenkeel/core/objectives/deploy-gate.ts';
import Type from 'typebox';
import type { Pool } from '../../database/pool.ts';
import { decodeCursor, pageOf } from '../../http/cursor.ts';
import { Refusal } from '../../http/problem.ts';
import { route, type Route } from '../../http/route.ts';
import { newId, timeOfId } from '../../identifier.ts';
import { requireInstallation } from '../agreements/agreement-request.ts';
import type { Definitions } from '../definitions.ts';
import { modeOfReading, readScopeNow } from '../evaluation/objective-reading.ts';
import { findObjective, requireScope, scopeFor } from '../evaluation/objective-request.ts';
import { writeScope } from '../evaluation/scopes.ts';
import { isoOf, remainingText } from '../evaluation/views.ts';
import { withEffects } from './deployment-effects.ts';
import { findOverride, insertDeployment, insertOverride, listDeployments, listOverrides, type DeploymentRow } from './gate-store.ts';

/** A mode that was evaluated so long ago that nothing it was judged by would be in the window now. */
function isOver({ window }: ObjectiveDefinition, end: number | null, nowMs: number): boolean {
  if (end === null) return false;
  const minute = Math.floor(nowMs / 60_000);
  return window.kind === 'rolling' ? minute - end >= window.days * 1440 : minute >= calendarUnit(window.unit, window.timeZone, end - 1).to;
}

export function gateRoutes({ pool, definitions, now }: { pool: Pool; definitions: Definitions; now: () => number }): Route[] {
  const { policy } = definitions;
  return [
    route({
      method: 'GET',
      path: '/v1/deploy-gate',
      summary: 'Whether a deployment may go ahead: allow or deny, with one line of reason',
      tag: 'objectives',
      access: 'read',
      audit: { none: 'reads only' },
      schema: { query: GateQuery, response: { 200: GateAnswer } },
      async handle({ query, caller }) {
        const objective = findObjective(definitions, query.objective);
        const scope = scopeFor(caller, query.scope);
        requireScope(objective, scope);
        const reading = await readScopeNow(pool, objective, policy, scope);
        const { budget } = reading.figures;
        const change = query.change ?? 'normal';
        const mode = isOver(objective, reading.end, now()) ? null : modeOfReading(reading);
        const remaining = budget.state === 'known' ? remainingText(budget.remaining) : null;
        const override = await findOverride(pool, objective.id, scope, new Date(now()));
        const gate = decideGate({
          objective: objective.id,
          change,
          mode,
          missing: budget.state === 'known' ? null : budget.reason,
          remaining,
          freeze: policy.modes[mode ?? 'normal'].freeze,
          lagMinutes: reading.end === null ? null : Math.max(0, Math.floor(now() / 60_000) - reading.end),
          policy: policy.gate,
          override: override === null ? null : { id: override.id, reason: override.reason, expiresAt: override.expires_at },
        });
        return { objective: objective.id, scope: writeScope(scope), change, ...gate, mode, remaining_percent: remaining, evaluated_to: reading.end === null ? null : isoOf(reading.end), override };
      },
    }),
    route({
      method: 'POST',
      path: '/v1/deploy-gate/overrides',
      summary: 'Open the gate of an objective for a time, with a reason; recorded',
      tag: 'objectives',
      access: 'admin',
      audit: { action: 'deploy_gate.override' },
      schema: { body: GateOverrideRequest, response: { 201: GateOverride } },
      async handle({ body, caller, reply }) {
        requireInstallation(caller);
        const objective = findObjective(definitions, body.objective);
        const scope = scopeFor(caller, body.scope);
        requireScope(objective, scope);
        const expiresMs = Date.parse(body.expires_at);
        const hours = policy.gate.max_override_hours;
        if (expiresMs <= now() || expiresMs > now() + hours * 3_600_000) throw new Refusal('validation_failed', `expires_at must lie in the next ${hours} hours (gate.max_override_hours of the budget policy).`, { errors: [{ path: 'body.expires_at', message: `must lie in the next ${hours} hours` }] });
        const made = await insertOverride(pool, { id: newId('ovr'), objectiveId: objective.id, scope, reason: body.reason, by: caller.keyId, expiresAt: new Date(expiresMs) });
        reply.code(201);
        return made;
      },
    }),
    route({
      method: 'GET',
      path: '/v1/deploy-gate/overrides',
      summary: 'Overrides of the gate, newest first',
      tag: 'objectives',
      access: 'read',
      audit: { none: 'reads only' },
      schema: { query: Type.Object(pageQuery), response: { 200: GateOverrideList } },
      async handle({ query, caller }) {
        requireInstallation(caller);
        const limit = query.limit ?? 50;
        const rows = await listOverrides(pool, decodeCursor(query.cursor, 'string'), limit + 1);
        return pageOf(rows, limit, ({ id }) => id, (one) => one);
      },
    }),
    route({
      method: 'POST',
      path: '/v1/deployments',
      summary: 'Mark a deployment, to see what became of the error rate after it',
      tag: 'objectives',
      access: 'write',
      audit: { action: 'deployment.mark' },
      schema: { body: DeploymentRequest, response: { 201: Deployment } },
      async handle({ body, caller, reply }) {
        requireInstallation(caller);
        const deployedMs = body.deployed_at === undefined ? now() : Date.parse(body.deployed_at);
        if (deployedMs > now() + 60_000) throw new Refusal('validation_failed', 'deployed_at lies in the future; mark a deployment when it has happened.', { errors: [{ path: 'body.deployed_at', message: 'lies in the future' }] });
        const row: DeploymentRow = { id: newId('dep', deployedMs), service: body.service ?? 'evenkeel', version: body.version, change: body.change ?? 'normal', description: body.description ?? null, url: body.url ?? null, deployed_at: new Date(deployedMs), created_by: caller.keyId };
        await insertDeployment(pool, row);
        const [made] = await withEffects(pool, definitions, [row]);
        if (made === undefined) throw new Error('a deployment was marked and not found');
        reply.code(201);
        return made;
      },
    }),
    route({
      method: 'GET',
      path: '/v1/deployments',
      summary: 'Deployments, newest first, each with the error rates before and after it',
      tag: 'objectives',
      access: 'read',
      audit: { none: 'reads only' },
      schema: { query: DeploymentQuery, response: { 200: DeploymentList } },
      async handle({ query, caller }) {
        requireInstallation(caller);
        const limit = query.limit ?? 50;
        const cursor = decodeCursor(query.cursor, 'string');
        const atMs = cursor === null ? null : timeOfId(cursor);
        const rows = await listDeployments(pool, { since: query.since === undefined ? null : new Date(query.since), before: cursor === null || atMs === null ? null : { at: new Date(atMs), id: cursor }, limit: limit + 1 });
        const page = pageOf(rows, limit, ({ id }) => id, (row) => row);
        return { results: await withEffects(pool, definitions, page.results), next_cursor: page.next_cursor };
      },
    }),
  ];
}
