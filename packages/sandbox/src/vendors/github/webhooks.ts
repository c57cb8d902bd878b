/** GitHub webhooks: X-GitHub-Event and -Delivery beside HMAC-SHA256 of the body; a ping on registration. */
import { createHmac, randomUUID } from 'node:crypto';
import { asText, type JsonObject } from '../../json.ts';
import type { Change, WebhookMessage, WebhookRegistration } from '../../vendor.ts';
import { owners } from './data.ts';

function message(event: string, payload: JsonObject, registration: WebhookRegistration): WebhookMessage {
  const body = JSON.stringify(payload);
  const signature: Record<string, string> = registration.secret === '' ? {} : { 'x-hub-signature-256': `sha256=${createHmac('sha256', registration.secret).update(body).digest('hex')}` };
  return { body, headers: { 'content-type': 'application/json', accept: '*/*', 'user-agent': 'GitHub-Hookshot/sandbox', 'x-github-event': event, 'x-github-delivery': randomUUID(), 'x-github-hook-id': registration.id, ...signature } };
}

export const ping = (registration: WebhookRegistration): WebhookMessage[] => [message('ping', { zen: 'Keep it logically awesome.', hook_id: registration.id, hook: { type: 'App', id: registration.id, active: true, events: ['issues'] } }, registration)];

function issueAction(change: Change): string {
  if (change.kind === 'created') return 'opened';
  if (change.kind === 'deleted') return 'deleted';
  const [before, after] = [change.previous?.['state'], change.record['state']];
  if (before !== after) return after === 'closed' ? 'closed' : 'reopened';
  return change.previous?.['locked'] !== change.record['locked'] ? (change.record['locked'] === true ? 'locked' : 'unlocked') : 'edited';
}

export function githubWebhooks(change: Change, registration: WebhookRegistration): WebhookMessage[] {
  const event = change.resource === 'issues' ? 'issues' : change.resource === 'issue_comments' ? 'issue_comment' : 'repository';
  if (registration.events !== null && !registration.events.includes(event) && !registration.events.includes('*')) return [];
  const login = owners.find((owner) => owner.id === change.account)?.name ?? '';
  const full = /\/repos\/([^/]+\/[^/]+)/.exec(asText(change.record['url']))?.[1] ?? '';
  const general = { repository: { full_name: full, name: full.split('/')[1] ?? '', private: true }, organization: { login }, sender: { login, type: 'User' }, installation: { id: Number(change.account) } };
  const subject: JsonObject = event === 'issues' ? { issue: change.record } : event === 'issue_comment' ? { comment: change.record, issue: { url: change.record['issue_url'] ?? null } } : {};
  const action = event === 'issues' ? issueAction(change) : change.kind === 'updated' ? 'edited' : change.kind;
  return [message(event, { action, ...subject, ...general }, registration)];
}
