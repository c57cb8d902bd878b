/**
 * The standing tasks of accounts: which there are to be, whose turn it is, and what becomes of a turn. A task of an
 * account that is not ready waits; one of a connector that does not declare it any more ends.
 */
import type { Webhooks } from '@evenkeel/contract/manifest/webhooks.ts';
import { webhooksOf } from '@evenkeel/core/inbound/rules.ts';
import type { AccountAccess } from '../../accounts/account-access.ts';
import type { AccountHooks, InstalledAccount } from '../../accounts/account-hooks.ts';
import type { OpenAccount } from '../../accounts/open-account.ts';
import type { Log } from '../../log.ts';
import { closeAddress } from '../receiving/address-store.ts';
import { readBackfill, readFeed, readPull, type ListParts } from './list-task.ts';
import { keepSubscription, removeSubscription, type SubscriptionParts } from './subscription-task.ts';
import { claimTasks, endTask, planTasks, postponeTask, removeTasks, takeTask, type DeclaredTask, type Task, type TaskEnd } from './task-store.ts';

export interface StandingParts extends SubscriptionParts, ListParts {
  readonly access: Pick<AccountAccess, 'open'>;
  /** Id and rules of every connector in effect. */
  readonly declared: () => readonly { readonly id: string; readonly webhooks: Webhooks | undefined }[];
  readonly log: Log;
  /** Drops what this node remembers of the account's address. */
  readonly forget: (accountId: string) => void;
  readonly owner: string;
  /** Whether accounts tell of what was there before they were connected. */
  readonly backfills: boolean;
}

const atOnce = 8;
/** An account that is not ready is looked at again; becoming ready is news of its own. */
const notReadyMs = 300_000;
const removalWithinMs = 20_000;

export class StandingWork implements AccountHooks {
  readonly #parts: StandingParts;

  constructor(parts: StandingParts) {
    this.#parts = parts;
  }

  /** Makes the tasks that are missing: of one account, or of all. */
  plan(accountId: string | null = null): Promise<number> {
    const tasks = this.#parts.declared().flatMap(({ id, webhooks }) => declaredTasks(id, this.#parts.backfills ? webhooks : webhooks && { ...webhooks, backfill: [] }));
    return tasks.length === 0 ? Promise.resolve(0) : planTasks(this.#parts.pool, tasks, accountId);
  }

  /** Works on what is due; how much that was. */
  async work(): Promise<number> {
    const { pool, owner, leaseS } = this.#parts;
    const tasks = await claimTasks(pool, owner, leaseS, atOnce);
    await Promise.all(tasks.map((task) => this.#turn(task)));
    return tasks.length;
  }

  async #turn(task: Task): Promise<void> {
    const { pool, access, now, log } = this.#parts;
    const opening = await access.open(task.account_id, { tenantId: null });
    if (!opening.ok) {
      // A deleted account is not found, and has nothing to do any more.
      await postponeTask(pool, task, opening.failure.code === 'not_found' ? null : now() + notReadyMs);
      return;
    }
    let end: TaskEnd | 'overtaken';
    try {
      end = await this.#perform(opening.opened, task);
    } catch (error) {
      log.warn({ err: error, accountId: task.account_id, kind: task.kind, name: task.name }, 'inbound: a standing task failed and is repeated');
      end = { state: 'failing', dueAtMs: now() + 60_000, progress: null, error: error instanceof Error ? error.message : 'It failed.' };
    }
    if (end === 'overtaken') return;
    if (end.error !== null && task.failures === 0) log.warn({ accountId: task.account_id, connector: task.connector_id, kind: task.kind, name: task.name, reason: end.error }, 'inbound: a standing task does not get on');
    if ((end.recreated ?? 0) > 0) log.warn({ accountId: task.account_id, connector: task.connector_id, name: task.name }, 'inbound: a subscription was missing or disabled at the vendor and was mended');
    await endTask(pool, task, end);
  }

  async #perform(opened: OpenAccount, task: Task): Promise<TaskEnd | 'overtaken'> {
    const rules = webhooksOf(opened.connector)?.source;
    const ended: TaskEnd = { state: 'removed', dueAtMs: null, progress: task.progress, error: null };
    switch (task.kind) {
      case 'subscription': {
        const subscription = rules?.subscriptions?.find(({ id }) => id === task.name);
        return subscription === undefined ? ended : keepSubscription(this.#parts, opened, subscription, task);
      }
      case 'backfill': {
        const backfill = rules?.backfill?.find(({ id }) => id === task.name);
        return backfill === undefined ? ended : readBackfill(this.#parts, opened, backfill, task);
      }
      case 'pull': {
        const poll = rules?.poll?.find(({ id }) => id === task.name);
        if (poll === undefined) return ended;
        return poll.by === 'cursor' ? readFeed(this.#parts, opened, poll, task) : readPull(this.#parts, opened, poll, task);
      }
    }
  }

  /** Subscriptions are registered before the account is active: without them its vendor's changes would pass unseen. */
  async install(account: InstalledAccount): ReturnType<AccountHooks['install']> {
    const { pool, owner, leaseS } = this.#parts;
    for (const subscription of webhooksOf(account.connector)?.source.subscriptions ?? []) {
      const task = await takeTask(pool, { accountId: account.id, tenantId: account.tenantId, connectorId: account.connectorId, kind: 'subscription', name: subscription.id }, owner, leaseS);
      // Another node works on it: what comes of it is told by the task.
      if (task === undefined) continue;
      const end = await keepSubscription(this.#parts, account, subscription, task);
      await endTask(pool, task, end);
      if (end.error !== null) return { ok: false, failure: { kind: end.failure?.kind ?? 'transient', retryAfterS: end.failure?.retryAfterS ?? null, message: end.error, step: `webhooks.${subscription.id}`, status: null, vendorCode: null } };
    }
    return { ok: true };
  }

  async removed(client: Parameters<AccountHooks['removed']>[0], { id, connectorId }: { readonly id: string; readonly connectorId: string }): Promise<void> {
    await removeTasks(client, id);
    await closeAddress(client, this.#parts.vault, { connectorId, accountId: id });
  }

  gone({ id }: { readonly id: string }): Promise<void> {
    this.#parts.forget(id);
    return Promise.resolve();
  }

  /** Takes an account's subscriptions back from the vendor, while its credential is still there. Never rejects. */
  async removing({ id: accountId }: { readonly id: string }): Promise<void> {
    const { access, log } = this.#parts;
    const limit = Promise.withResolvers<void>();
    const timer = setTimeout(() => limit.resolve(), removalWithinMs);
    const removing = async (): Promise<void> => {
      const opening = await access.open(accountId, { tenantId: null });
      if (!opening.ok) return;
      for (const subscription of webhooksOf(opening.opened.connector)?.source.subscriptions ?? []) {
        const done = await removeSubscription(this.#parts, opening.opened, subscription);
        if (!done.ok) log.warn({ accountId, connector: opening.opened.connectorId, subscription: subscription.id, reason: done.message }, 'inbound: the vendor did not take a deleted account\'s subscription back');
      }
    };
    await Promise.race([removing().catch((error: unknown) => log.warn({ err: error, accountId }, 'inbound: the subscriptions of a deleted account could not be taken back')), limit.promise]);
    clearTimeout(timer);
  }
}

function declaredTasks(connectorId: string, webhooks: Webhooks | undefined): DeclaredTask[] {
  const named = (kind: DeclaredTask['kind'], list: readonly { readonly id: string }[] = []): DeclaredTask[] => list.map(({ id }) => ({ connectorId, kind, name: id }));
  return [...named('subscription', webhooks?.subscriptions), ...named('pull', webhooks?.poll), ...named('backfill', webhooks?.backfill)];
}
