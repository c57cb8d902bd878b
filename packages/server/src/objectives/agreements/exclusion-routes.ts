/** `/v1/exclusions`: proposed with evidence, approved or rejected, each by a named key. */
import { Exclusion, ExclusionDecision, ExclusionList, ExclusionParams, ExclusionQuery, ExclusionRequest } from '@evenkeel/contract/api/agreements.ts';
import { transaction, type Pool } from '../../database/pool.ts';
import { decodeCursor, pageOf } from '../../http/cursor.ts';
import { Refusal } from '../../http/problem.ts';
import { route, type Route } from '../../http/route.ts';
import { lockCounting } from '../counting/counting.ts';
import { readAgreements, type Definitions } from '../definitions.ts';
import { findAgreement, requireInstallation } from './agreement-request.ts';
import { exclusionView, proposeExclusion, settleExclusion } from './exclusion-proposal.ts';
import { findExclusion, listExclusions } from './exclusion-store.ts';

export function exclusionRoutes({ pool, definitions }: { pool: Pool; definitions: Definitions }): Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/exclusions',
      summary: 'Exclusions with their evidence, newest first',
      tag: 'objectives',
      access: 'read',
      audit: { none: 'reads only' },
      schema: { query: ExclusionQuery, response: { 200: ExclusionList } },
      async handle({ query, caller }) {
        const limit = query.limit ?? 50;
        const rows = await listExclusions(pool, { agreementId: query.agreement_id ?? null, tenantId: caller.tenantId, state: query.state ?? null, before: decodeCursor(query.cursor, 'string'), limit: limit + 1 });
        return pageOf(rows, limit, ({ id }) => id, exclusionView);
      },
    }),
    route({
      method: 'GET',
      path: '/v1/exclusions/:id',
      summary: 'One exclusion with its evidence',
      tag: 'objectives',
      access: 'read',
      audit: { none: 'reads only' },
      schema: { params: ExclusionParams, response: { 200: Exclusion } },
      async handle({ params, caller }) {
        const row = await findExclusion(pool, params.id, caller.tenantId);
        if (row === null) throw new Refusal('not_found', `There is no exclusion ${params.id}.`);
        return exclusionView(row);
      },
    }),
    route({
      method: 'POST',
      path: '/v1/exclusions',
      summary: 'Propose that a time does not count as downtime, with evidence',
      tag: 'objectives',
      access: 'write',
      audit: { action: 'exclusion.propose' },
      schema: { body: ExclusionRequest, response: { 201: Exclusion } },
      async handle({ body, caller, reply }) {
        requireInstallation(caller);
        const { definition } = await findAgreement(pool, definitions, body.agreement_id, caller);
        const row = await proposeExclusion(pool, definition, body, caller.keyId);
        reply.code(201);
        return exclusionView(row);
      },
    }),
    route({
      method: 'POST',
      path: '/v1/exclusions/:id/decision',
      summary: 'Approve or reject an exclusion; statements of closed months get a further revision',
      tag: 'objectives',
      access: 'admin',
      audit: { action: 'exclusion.decide' },
      schema: { params: ExclusionParams, body: ExclusionDecision, response: { 200: Exclusion } },
      async handle({ params, body, caller }) {
        requireInstallation(caller);
        const agreements = await readAgreements(pool, definitions);
        const row = await transaction(pool, async (client) => {
          // Statements are written by the tick as well.
          await lockCounting(client);
          const found = await findExclusion(client, params.id, null);
          if (found === null) throw new Refusal('not_found', `There is no exclusion ${params.id}.`);
          const agreement = agreements.find(({ written }) => written.id === found.agreement_id)?.definition ?? null;
          return settleExclusion(client, agreement, params.id, body.decision, caller.keyId, body.note ?? null);
        });
        if (row === null) throw new Refusal('conflict', `The exclusion ${params.id} was decided already.`);
        return exclusionView(row);
      },
    }),
  ];
}
