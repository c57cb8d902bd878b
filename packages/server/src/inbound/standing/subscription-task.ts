/**
 * One subscription of one account kept alive: registered, renewed before it ends, looked after, made anew when the
 * vendor has lost or disabled it, and removed with the account. The secrets of it stand with the address they prove.
 */
import { runStep, type StepOutcome } from '@evenkeel/core/accounts/step.ts';
import { compileReader } from '@evenkeel/core/connectors/values/value.ts';
import { momentOf, type Scope } from '@evenkeel/core/connectors/values/scope.ts';
import { dueAct, expiryOf, judgeCheck, madeSecret, mendingActs, type CheckFinding } from '@evenkeel/core/inbound/subscription.ts';
import type { Step } from '@evenkeel/contract/manifest/auth.ts';
import type { Subscription } from '@evenkeel/contract/manifest/webhooks.ts';
import { randomBytes } from 'node:crypto';
import { announceAccount } from '../../accounts/account-store.ts';
import { mergeCaptures } from '../../accounts/captures.ts';
import type { InstalledAccount } from '../../accounts/account-hooks.ts';
import type { Vault } from '../../accounts/vault/vault.ts';
import { secretsIn, type Vendor } from '../../accounts/vendor.ts';
import { transaction, type Pool } from '../../database/pool.ts';
import { addAddressSecrets, addressUrl, ensureAddress, type Address } from '../receiving/address-store.ts';
import { backoffMs } from './backoff.ts';
import type { Progress, Task, TaskEnd, TaskFailure } from './task-store.ts';

/** What is needed of an account, also while it is being set up. */
export type Subscriber = Pick<InstalledAccount, 'id' | 'connectorId' | 'connector' | 'scheme' | 'scope'>;

export interface SubscriptionParts {
  readonly pool: Pool;
  readonly vault: Vault;
  readonly vendor: Vendor;
  readonly publicUrl: string;
  readonly now: () => number;
}

/** What is worked with, as it grows by captures. */
interface Work {
  readonly parts: SubscriptionParts;
  readonly opened: Subscriber;
  readonly address: Address;
  scope: Scope;
}
type Done = { readonly ok: true } | Refused;
type Refused = { readonly ok: false; readonly message: string; readonly failure: TaskFailure; /** Steps before it that passed. */ readonly made: number };

const stepMs = 60_000;

export async function keepSubscription(parts: SubscriptionParts, opened: Subscriber, subscription: Subscription, task: Task): Promise<TaskEnd> {
  const work = await begin(parts, opened);
  const nowMs = parts.now();
  if (subscription.when !== undefined && (await compileReader({ $expr: subscription.when })(work.scope)) === false) return { state: 'done', dueAtMs: null, progress: task.progress, error: null };
  const { registered_at: registeredAtMs = null, checked_at: checkedAtMs = null } = task.progress;
  const due = dueAct(subscription, { registeredAtMs, checkedAtMs, expiresAtMs: task.expires_at?.getTime() ?? null }, nowMs);
  switch (due.act) {
    case 'register':
      return settled(work, subscription, task, await register(work, subscription), { registered_at: nowMs }, registeredAtMs === null ? 0 : 1);
    case 'renew': {
      const renewed = await steps(work, subscription.renew?.steps ?? []);
      // What the vendor refuses to renew may be gone already, and would be silent until its end.
      if (!renewed.ok && renewed.failure.kind !== 'transient' && subscription.check !== undefined) return checked(work, subscription, task, renewed);
      // Else the attempts go on until it ends, and it is registered anew then.
      return settled(work, subscription, task, renewed, { registered_at: registeredAtMs ?? nowMs }, 0, renewed.ok);
    }
    case 'check':
      return checked(work, subscription, task);
    case 'wait':
      return { state: 'active', dueAtMs: due.untilMs, progress: task.progress, error: null };
  }
}

async function begin(parts: SubscriptionParts, opened: Subscriber): Promise<Work> {
  const address = await ensureAddress(parts.pool, parts.vault, { connectorId: opened.connectorId, accountId: opened.id });
  const scope: Scope = { ...opened.scope, now: momentOf(parts.now()), secret: { ...(opened.scope.secret as object), ...address.secret }, webhook: { url: addressUrl(parts.publicUrl, address) } };
  return { parts, opened, address, scope };
}

/** A secret made here is kept when the subscription is made anew: what is under way is still signed with it. */
async function register(work: Work, subscription: Subscription): Promise<Done> {
  const { secret } = subscription;
  const known = (work.scope.secret ?? {}) as Record<string, unknown>;
  if (secret !== undefined && typeof known[secret.name] !== 'string') {
    const made = { [secret.name]: madeSecret(secret, (bytes) => randomBytes(bytes)) };
    // Stored before the vendor learns it: its first request may come before its answer.
    await keep(work, { captured: {}, secret: made });
  }
  const registered = await steps(work, subscription.register);
  // What is half made would send what nobody can prove; what was made for an account deleted meanwhile, what nobody takes.
  const takeBack = registered.ok ? await isDeleted(work) : registered.made > 0;
  if (takeBack) await steps(work, subscription.remove ?? []);
  return registered;
}

async function isDeleted({ parts, opened }: Work): Promise<boolean> {
  const { rows } = await parts.pool.query('select from accounts where id = $1 and deleted_at is null', [opened.id]);
  return rows.length === 0;
}

async function steps(work: Work, list: readonly Step[]): Promise<Done> {
  for (const [made, step] of list.entries()) {
    const outcome = await run(work, step);
    if (!outcome.ok) return { ok: false, message: `${step.id}: ${outcome.failure.message}`, failure: outcome.failure, made };
    await keep(work, outcome.captures);
  }
  return { ok: true };
}

async function run({ parts, opened, scope }: Work, step: Step): Promise<StepOutcome> {
  const secrets = secretsIn(scope);
  return parts.vendor.run(runStep(step, scope, parts.vendor.tools(opened.connector, opened.scheme, secrets)), secrets, AbortSignal.timeout(stepMs));
}

async function keep(work: Work, captures: { readonly captured: Readonly<Record<string, unknown>>; readonly secret: Readonly<Record<string, unknown>> }): Promise<void> {
  const { parts, opened, address } = work;
  if (Object.keys(captures.captured).length + Object.keys(captures.secret).length === 0) return;
  await transaction(parts.pool, async (client) => {
    if (Object.keys(captures.secret).length > 0) await addAddressSecrets(client, parts.vault, address.id, captures.secret);
    if (Object.keys(captures.captured).length === 0) return;
    await mergeCaptures(client, opened.id, captures.captured);
    await announceAccount(client, opened.id);
  });
  work.scope = { ...work.scope, captured: { ...(work.scope.captured as object), ...captures.captured }, secret: { ...(work.scope.secret as object), ...captures.secret } };
}

function settled(work: Work, subscription: Subscription, task: Task, done: Done, progress: Progress, recreated: number, fresh = done.ok): TaskEnd {
  const nowMs = work.parts.now();
  if (!done.ok) return failed(task, done, nowMs);
  const expiresAtMs = fresh ? expiryOf(subscription, work.scope, nowMs) : (task.expires_at?.getTime() ?? null);
  const kept: Progress = { ...progress, checked_at: nowMs };
  const next = dueAct(subscription, { registeredAtMs: kept.registered_at ?? nowMs, checkedAtMs: nowMs, expiresAtMs }, nowMs);
  return { state: 'active', dueAtMs: next.act === 'wait' ? next.untilMs : nowMs + backoffMs(0, null), progress: kept, expiresAtMs, recreated, error: null };
}

function failed(task: Task, { message, failure }: Omit<Refused, 'made'>, nowMs: number): TaskEnd {
  return { state: 'failing', dueAtMs: nowMs + backoffMs(task.failures, failure.retryAfterS), progress: task.progress, error: message, failure };
}

/** `refused`: the renewal that gave reason to ask. */
async function checked(work: Work, subscription: Subscription, task: Task, refused?: Refused): Promise<TaskEnd> {
  const { finding, message, retryAfterS } = await check(work, subscription);
  const nowMs = work.parts.now();
  if (finding === 'unclear') return failed(task, { ok: false, message, failure: { kind: 'transient', status: null, vendorCode: null, retryAfterS } }, nowMs);
  if (finding === 'healthy' && refused !== undefined) return failed(task, refused, nowMs);
  let acts = mendingActs(subscription, finding);
  let made = finding === 'missing';
  for (let act = acts[0]; act !== undefined; act = acts[0]) {
    acts = acts.slice(1);
    const done = act === 'register' ? await register(work, subscription) : await steps(work, (act === 'enable' ? subscription.enable : subscription.remove) ?? []);
    made ||= act === 'register';
    // What cannot be removed does not keep a new one from being made; what refuses to be woken is made anew.
    if (done.ok || act === 'remove') continue;
    if (act === 'enable' && done.failure.kind !== 'transient') acts = ['remove', 'register'];
    else return failed(task, { ...done, message: `It was found ${finding}, and mending it failed. ${done.message}` }, nowMs);
  }
  return settled(work, subscription, task, { ok: true }, { registered_at: made ? nowMs : (task.progress.registered_at ?? nowMs) }, finding === 'healthy' ? 0 : 1, made);
}

async function check(work: Work, subscription: Subscription): Promise<{ readonly finding: CheckFinding; readonly message: string; readonly retryAfterS: number | null }> {
  if (subscription.check === undefined) return { finding: 'healthy', message: '', retryAfterS: null };
  const outcome = await run(work, { id: 'check', request: subscription.check.request });
  const message = outcome.ok ? '' : `check: ${outcome.failure.message}`;
  return { finding: outcome.answer === undefined ? 'unclear' : await judgeCheck(subscription.check, outcome.answer, work.scope), message, retryAfterS: outcome.ok ? null : outcome.failure.retryAfterS };
}

/** Of an account that is about to be deleted; whatever comes of it, the account goes. */
export async function removeSubscription(parts: SubscriptionParts, opened: Subscriber, subscription: Subscription): Promise<Done> {
  return steps(await begin(parts, opened), subscription.remove ?? []);
}
