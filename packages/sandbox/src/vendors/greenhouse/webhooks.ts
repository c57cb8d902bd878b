/** Greenhouse webhooks: {action, payload}, Signature "sha256 <hex>" with a space, event id in an unsigned header. */
import { createHmac, randomInt } from 'node:crypto';
import type { JsonObject } from '../../json.ts';
import type { Change, WebhookMessage, WebhookRegistration } from '../../vendor.ts';

const actions: Readonly<Record<string, Readonly<Record<Change['kind'], string>>>> = {
  candidates: { created: 'candidate_created', updated: 'update_candidate', deleted: 'delete_candidate' },
  jobs: { created: 'job_created', updated: 'job_updated', deleted: 'job_deleted' },
  applications: { created: 'new_candidate_application', updated: 'application_updated', deleted: 'delete_application' },
  scheduled_interviews: { created: 'interview_created', updated: 'interview_updated', deleted: 'interview_deleted' },
};

function actionOf(change: Change): string | null {
  if (change.resource === 'applications' && change.kind === 'updated') {
    const [before, after] = [change.previous ?? {}, change.record];
    if (after['status'] === 'hired' && before['status'] !== 'hired') return 'hire_candidate';
    if (after['status'] === 'rejected' && before['status'] !== 'rejected') return 'reject_candidate';
    if (JSON.stringify(before['current_stage']) !== JSON.stringify(after['current_stage'])) return 'candidate_stage_change';
  }
  return actions[change.resource]?.[change.kind] ?? null;
}

export function greenhouseWebhooks(change: Change, registration: WebhookRegistration): WebhookMessage[] {
  const action = actionOf(change);
  if (action === null || (registration.events !== null && !registration.events.includes(action))) return [];
  const payload: JsonObject = change.resource === 'applications' ? { application: change.record } : change.resource === 'candidates' ? { candidate: change.record } : change.resource === 'jobs' ? { job: change.record } : change.record;
  const body = JSON.stringify({ action, payload });
  const signature = `sha256 ${createHmac('sha256', registration.secret).update(body).digest('hex')}`;
  return [{ body, headers: { 'content-type': 'application/json', signature, 'greenhouse-event-id': String(randomInt(1_000_000_000, 9_000_000_000)) } }];
}
