/** Proposing and deciding exclusions: the clause must be in the terms, the evidence must exist, and both are recorded with their people. */
import type { Exclusion, ExclusionRequest } from '@evenkeel/contract/api/agreements.ts';
import type { CallEvidence } from '@evenkeel/contract/api/calls.ts';
import type { AgreementDefinition } from '@evenkeel/core/objectives/agreement.ts';
import { intersect, lengthOf, monthOf, monthsBetween } from '@evenkeel/core/objectives/calendar.ts';
import type { Queryable } from '../../database/pool.ts';
import { Refusal } from '../../http/problem.ts';
import { newId, timeOfId } from '../../identifier.ts';
import { callView, findCall, type CallRow } from '../../telemetry/call-store.ts';
import { decideExclusion, insertExclusion, type ExclusionRow } from './exclusion-store.ts';
import { keepStatements } from './statements.ts';

type FoundCall = CallRow & { evidence: CallEvidence | null };

/** Refuses what the agreement does not allow or the evidence does not bear. */
export async function proposeExclusion(database: Queryable, agreement: AgreementDefinition, request: ExclusionRequest, actor: string): Promise<ExclusionRow> {
  const [fromMs, toMs] = [Date.parse(request.from), Date.parse(request.to)];
  const refuse = (path: string, message: string): Refusal => new Refusal('validation_failed', message, { errors: [{ path, message }] });
  if (toMs <= fromMs) throw refuse('body.to', 'It ends before it begins.');
  if (!agreement.clauses.includes(request.clause)) throw refuse('body.clause', `The agreement ${agreement.id} has no clause for ${request.clause}; it has ${agreement.clauses.join(', ') || 'none'}.`);
  if (request.clause === 'maintenance') requireNotice(agreement, request.announced_at, fromMs, refuse);
  const { call_ids: callIds = [], links = [], notes } = request.evidence ?? {};
  if (request.clause === 'upstream' && callIds.length === 0) throw refuse('body.evidence.call_ids', 'An upstream failure is shown by calls that the vendor failed: name some of them.');
  if (callIds.length + links.length === 0 && notes === undefined) throw refuse('body.evidence', request.clause === 'maintenance' ? 'Say where the maintenance was announced: a link or a note. Its time alone is only claimed.' : 'Name calls, links or notes that show why this time is excluded.');
  const calls = await Promise.all(callIds.map((id, index) => findEvidence(database, agreement, id, { fromMs, toMs }, request.clause === 'upstream', (message) => refuse(`body.evidence.call_ids[${index}]`, message))));
  return insertExclusion(database, {
    id: newId('exc'),
    agreement_id: agreement.id,
    tenant_id: agreement.tenantId,
    clause: request.clause,
    from_at: new Date(fromMs),
    to_at: new Date(toMs),
    announced_at: request.announced_at === undefined ? null : new Date(request.announced_at),
    reason: request.reason,
    evidence: { calls: calls.map(copyOf), links, notes: notes ?? null },
    proposed_by: actor,
  });
}

function requireNotice({ noticeHours }: AgreementDefinition, announced: string | undefined, fromMs: number, refuse: (path: string, message: string) => Refusal): void {
  if (announced === undefined) throw refuse('body.announced_at', 'Maintenance needs the time it was announced at.');
  const noticeMs = fromMs - Date.parse(announced);
  if (noticeMs < noticeHours * 3_600_000) throw refuse('body.announced_at', `Announced ${Math.floor(noticeMs / 60_000)} minutes ahead; the agreement asks for ${noticeHours} hours.`);
}

async function findEvidence(database: Queryable, agreement: AgreementDefinition, id: string, range: { fromMs: number; toMs: number }, upstream: boolean, refuse: (message: string) => Refusal): Promise<FoundCall> {
  const at = timeOfId(id);
  const found = at === null ? null : await findCall(database, id, new Date(at), agreement.tenantId);
  if (found === null) throw refuse(`There is no recorded call ${id} of the tenant ${agreement.tenantId}. Failures are kept for a limited time.`);
  const endMs = found.at.getTime() + found.total_us / 1000;
  if (endMs < range.fromMs || found.at.getTime() >= range.toMs) throw refuse(`The call ${id} was at ${found.at.toISOString()}, outside of the excluded time.`);
  if (upstream && found.origin !== 'upstream') throw refuse(`The call ${id} is attributed to ${found.origin ?? 'nobody'} (${found.reason ?? 'no reason recorded'}), not to the vendor.`);
  return found;
}

function copyOf(row: FoundCall): Exclusion['evidence']['calls'][number] {
  const { id, at, request_id, connector, status, origin, code, upstream_status } = callView(row);
  return { id, at, request_id, connector, status, origin, code, upstream_status, upstream_answer: row.evidence?.response?.body?.text ?? null };
}

/** Decides once; the statements of the months it touches follow in the same transaction. */
export async function settleExclusion(client: Queryable, agreement: AgreementDefinition | null, id: string, decision: 'approve' | 'reject', by: string, note: string | null): Promise<ExclusionRow | null> {
  const row = await decideExclusion(client, id, decision === 'approve' ? 'approved' : 'rejected', by, note);
  if (row === null || row.state !== 'approved' || agreement === null) return row;
  const touched = intersect(agreement.term, { from: Math.floor(row.from_at.getTime() / 60_000), to: Math.ceil(row.to_at.getTime() / 60_000) });
  if (lengthOf(touched) > 0) await keepStatements(client, agreement, monthsBetween(monthOf(touched.from, agreement.timeZone), monthOf(touched.to - 1, agreement.timeZone)).slice(0, 24));
  return row;
}

export const exclusionView = (row: ExclusionRow): Exclusion => ({
  id: row.id,
  agreement_id: row.agreement_id,
  tenant_id: row.tenant_id,
  clause: row.clause,
  from: row.from_at.toISOString(),
  to: row.to_at.toISOString(),
  announced_at: row.announced_at?.toISOString() ?? null,
  reason: row.reason,
  evidence: row.evidence,
  state: row.state,
  proposed_by: row.proposed_by,
  proposed_at: row.proposed_at.toISOString(),
  decided_by: row.decided_by,
  decided_at: row.decided_at?.toISOString() ?? null,
  decision_note: row.decision_note,
});
