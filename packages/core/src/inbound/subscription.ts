/** When a subscription at a vendor is registered, checked, renewed, woken or made anew. Decides; the shell sends the steps. */
import type { Subscription } from '@evenkeel/contract/manifest/webhooks.ts';
import { compileCondition } from '../connectors/answers/condition.ts';
import type { UpstreamAnswer } from '../connectors/answers/upstream-answer.ts';
import { compilePath } from '../connectors/values/path.ts';
import { compileTemplate } from '../connectors/values/value.ts';
import type { Scope } from '../connectors/values/scope.ts';
import { instantOf } from './instant.ts';
import { compileText } from './message.ts';

/** What is stored of one subscription of one account (or app). */
export interface SubscriptionState {
  readonly registeredAtMs: number | null;
  readonly expiresAtMs: number | null;
  readonly checkedAtMs: number | null;
}
export type SubscriptionAct =
  | { readonly act: 'register' }
  | { readonly act: 'renew' }
  | { readonly act: 'check' }
  /** Nothing now; look again then. null: nothing will ever be due. */
  | { readonly act: 'wait'; readonly untilMs: number | null };

const hourS = 3600;

/** What is due. An expired one is registered anew: what is gone cannot be renewed. */
export function dueAct(subscription: Subscription, state: SubscriptionState, nowMs: number): SubscriptionAct {
  if (state.registeredAtMs === null) return { act: 'register' };
  const { expiresAtMs } = state;
  if (expiresAtMs !== null && nowMs >= expiresAtMs) return { act: 'register' };
  const renewAtMs = expiresAtMs === null || subscription.renew === undefined ? null : expiresAtMs - subscription.renew.before_s * 1000;
  if (renewAtMs !== null && nowMs >= renewAtMs) return { act: 'renew' };
  const checkAtMs = subscription.check === undefined ? null : (state.checkedAtMs ?? state.registeredAtMs) + (subscription.check.every_s ?? hourS) * 1000;
  if (checkAtMs !== null && nowMs >= checkAtMs) return { act: 'check' };
  const times = [renewAtMs, checkAtMs, expiresAtMs].filter((at) => at !== null);
  return { act: 'wait', untilMs: times.length === 0 ? null : Math.min(...times) };
}

/**
 * What a check found. `missing` and `disabled` look like silence until they are noticed; `unclear` is an outage or a
 * credential that does not work, which says nothing about the subscription.
 */
export type CheckFinding = 'healthy' | 'missing' | 'disabled' | 'unclear';

/** Judges the answer to a check by the manifest's conditions. `scope` is the account's. */
export async function judgeCheck(check: NonNullable<Subscription['check']>, answer: UpstreamAnswer, scope: Scope): Promise<CheckFinding> {
  if (answer.status === 404 || answer.status === 410) return 'missing';
  if (answer.status < 200 || answer.status >= 300) return 'unclear';
  const body = check.find === undefined ? answer.body : memberOf(check.find, answer.body, scope);
  if (check.find !== undefined && body === undefined) return 'missing';
  const seen = { ...answer, body };
  if (check.exists !== undefined && !(await compileCondition(check.exists).test(seen))) return 'missing';
  return check.enabled !== undefined && !(await compileCondition(check.enabled).test(seen)) ? 'disabled' : 'healthy';
}

/** Ids are compared as text: vendors write the same one as a number here and as a text there. */
function memberOf(find: NonNullable<NonNullable<Subscription['check']>['find']>, body: unknown, scope: Scope): unknown {
  const [list, wanted, id] = [compilePath(find.in)(body), compileText(find.equals)(scope), compilePath(find.id)];
  if (!Array.isArray(list) || wanted === undefined) return undefined;
  return (list as unknown[]).find((member) => {
    const found = id(member);
    return (typeof found === 'string' || typeof found === 'number') && String(found) === wanted;
  });
}

/** What mends a finding: steps of the subscription, in order. A disabled one without `enable` is removed and made anew. */
export function mendingActs(subscription: Subscription, finding: CheckFinding): readonly ('enable' | 'remove' | 'register')[] {
  if (finding === 'missing') return ['register'];
  if (finding !== 'disabled') return [];
  return subscription.enable !== undefined ? ['enable'] : subscription.remove !== undefined ? ['remove', 'register'] : ['register'];
}

/** `scope` is the account's with the captures of registering or renewing; null when it does not end, or nobody says when. */
export function expiryOf(subscription: Subscription, scope: Scope, nowMs: number): number | null {
  const { expiry } = subscription;
  if (expiry === undefined) return null;
  const stated = expiry.value === undefined ? undefined : instantOf(compileTemplate(expiry.value)(scope), expiry.unit ?? 'auto');
  return stated ?? (expiry.lifetime_s === undefined ? null : nowMs + expiry.lifetime_s * 1000);
}

/** How a secret that is made here is written; `random` gives as many bytes as asked for. */
export function madeSecret(source: NonNullable<Subscription['secret']>, random: (bytes: number) => Uint8Array): string {
  const bytes = random(source.bytes ?? 32);
  const { encoding = 'hex', prefix = '' } = source;
  return prefix + (encoding === 'hex' ? bytes.toHex() : bytes.toBase64(encoding === 'base64' ? {} : { alphabet: 'base64url', omitPadding: true }));
}
