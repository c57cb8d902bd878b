/** Agreements and their monthly statements; the calls behind a month's downtime. */
import { AgreementList, AgreementParams, AgreementQuery, AgreementRequest, AgreementView, PeriodCallsQuery, PeriodParams, PeriodQuery, RevisionQuery, StatementList, StatementView } from '@evenkeel/contract/api/agreements.ts';
import { CallList } from '@evenkeel/contract/api/calls.ts';
import type { Agreement } from '@evenkeel/contract/playbook/agreements.ts';
import { defineAgreement } from '@evenkeel/core/objectives/agreement.ts';
import { lintAgreement } from '@evenkeel/core/objectives/agreement-lint.ts';
import { ensureTenant } from '../../access/keys.ts';
import { transaction, type Pool } from '../../database/pool.ts';
import { decodeCursor, pageOf } from '../../http/cursor.ts';
import { Refusal } from '../../http/problem.ts';
import { route, type Route } from '../../http/route.ts';
import { callView } from '../../telemetry/call-store.ts';
import { listBadCalls } from '../bad-calls.ts';
import { lockCounting } from '../counting/counting.ts';
import { readAgreements, type Definitions, type KnownAgreement } from '../definitions.ts';
import { findAgreement, requireInstallation } from './agreement-request.ts';
import { putAgreement, recountChanged } from './agreement-store.ts';
import { computeStatement, countedTimes, findStatement, isStatedForOthers, statedMonths } from './statements.ts';

const viewOf = ({ written, source }: KnownAgreement) => ({ ...written, source });

/** The playbook's stand in its file, and a day of a tenant has one agreement at most. */
function refuseConflicting({ id, tenant_id: tenantId, starts, ends = '9999' }: Agreement, known: readonly KnownAgreement[]): void {
  if (known.some(({ written, source }) => written.id === id && source === 'playbook')) throw new Refusal('conflict', `The agreement ${id} stands in the playbook's agreements.yaml; change it there.`);
  const overlapping = known.find(({ written }) => written.id !== id && written.tenant_id === tenantId && written.starts <= ends && starts <= (written.ends ?? '9999'));
  if (overlapping !== undefined) throw new Refusal('conflict', `The tenant ${tenantId} has the agreement ${overlapping.written.id} on some of these days. End that one first.`);
}

export function agreementRoutes({ pool, definitions, keptDays }: { pool: Pool; definitions: Definitions; keptDays: number }): Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/agreements',
      summary: 'Agreements of the playbook and of the API',
      tag: 'objectives',
      access: 'read',
      audit: { none: 'reads only' },
      schema: { query: AgreementQuery, response: { 200: AgreementList } },
      async handle({ query, caller }) {
        const tenantId = caller.tenantId ?? query.tenant_id ?? null;
        const found = await readAgreements(pool, definitions);
        return { results: found.filter(({ written }) => tenantId === null || written.tenant_id === tenantId).map(viewOf), next_cursor: null };
      },
    }),
    route({
      method: 'PUT',
      path: '/v1/agreements/:id',
      summary: 'Make an agreement, or state it anew',
      tag: 'objectives',
      access: 'admin',
      audit: { action: 'agreement.put' },
      schema: { params: AgreementParams, body: AgreementRequest, response: { 200: AgreementView } },
      async handle({ params, body, caller }) {
        requireInstallation(caller);
        const agreement: Agreement = { ...body, id: params.id };
        const found = lintAgreement(agreement, definitions.terms, '');
        const faults = found.filter(({ severity }) => severity === 'error');
        if (faults[0] !== undefined) throw new Refusal('validation_failed', `${faults[0].path}: ${faults[0].message}`, { errors: faults.map(({ path, message, suggestion }) => ({ path: `body.${path}`, message, ...(suggestion === undefined ? {} : { suggestion }) })) });
        await transaction(pool, async (client) => {
          // Before anything is read or written: of two that overlap the second finds the first, and a tick takes its locks in the same order.
          await lockCounting(client);
          refuseConflicting(agreement, await readAgreements(client, definitions));
          await ensureTenant(client, agreement.tenant_id);
          // Its kept statements are the former tenant's, and would be shown to the new one.
          if (await isStatedForOthers(client, agreement.id, agreement.tenant_id)) throw new Refusal('conflict', `The agreement ${params.id} has statements of another tenant. Make one with another id for ${agreement.tenant_id}.`);
          await putAgreement(client, agreement, caller.keyId);
          await recountChanged(client, [defineAgreement(agreement, definitions.terms)], Date.now(), keptDays);
        });
        return { ...agreement, source: 'api' as const, warnings: found.map(({ path, message }) => `${path}: ${message}`) };
      },
    }),
    route({
      method: 'GET',
      path: '/v1/agreements/:id/periods',
      summary: 'Monthly statements, newest first: closed months as kept, the open one as it stands',
      tag: 'objectives',
      access: 'read',
      audit: { none: 'reads only' },
      schema: { params: AgreementParams, query: PeriodQuery, response: { 200: StatementList } },
      async handle({ params, query, caller }) {
        const { definition } = await findAgreement(pool, definitions, params.id, caller);
        const months = await statedMonths(pool, definition, query.limit ?? 12);
        const results = await Promise.all(months.map(async (month) => (await findStatement(pool, definition.id, month, null)) ?? (await computeStatement(pool, definition, month))));
        return { results: results.filter((one) => one !== null), next_cursor: null };
      },
    }),
    route({
      method: 'GET',
      path: '/v1/agreements/:id/periods/:month',
      summary: 'The statement of a month, or one of its revisions',
      tag: 'objectives',
      access: 'read',
      audit: { none: 'reads only' },
      schema: { params: PeriodParams, query: RevisionQuery, response: { 200: StatementView } },
      async handle({ params, query, caller }) {
        const { definition } = await findAgreement(pool, definitions, params.id, caller);
        const kept = await findStatement(pool, definition.id, params.month, query.revision ?? null);
        const found = kept ?? (query.revision === undefined ? await computeStatement(pool, definition, params.month) : null);
        if (found === null) throw new Refusal('not_found', query.revision === undefined ? `Nothing of ${params.month} is measured under the agreement ${params.id}.` : `The statement of ${params.month} has no revision ${query.revision}.`);
        return found;
      },
    }),
    route({
      method: 'GET',
      path: '/v1/agreements/:id/periods/:month/calls',
      summary: 'The calls that caused the month\'s downtime, and so its credit; newest first',
      tag: 'objectives',
      access: 'read',
      audit: { none: 'reads only' },
      schema: { params: PeriodParams, query: PeriodCallsQuery, response: { 200: CallList } },
      async handle({ params, query, caller }) {
        const { definition } = await findAgreement(pool, definitions, params.id, caller);
        const statement = (await findStatement(pool, definition.id, params.month, null)) ?? (await computeStatement(pool, definition, params.month));
        if (statement === null) throw new Refusal('not_found', `Nothing of ${params.month} is measured under the agreement ${params.id}.`);
        const limit = query.limit ?? 50;
        const rows = await listBadCalls(pool, {
          scope: { kind: 'tenant', id: definition.tenantId },
          ranges: await countedTimes(pool, definition, statement),
          upstream: definition.downtime.errors === 'platform_and_upstream',
          beforeId: decodeCursor(query.cursor, 'string'),
          limit: limit + 1,
        });
        return pageOf(rows, limit, ({ id }) => id, callView);
      },
    }),
  ];
}
