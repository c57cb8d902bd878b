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
import { firstPage, readBackfill, wholeTurn } from './backfill-task.ts';
import { readFeed, readPull, type PollParts } from './poll-task.ts';
import { keepSubscription, removeSubscription, type SubscriptionParts } from './subscription-task.ts';
import { claimTasks, endTask, holdTask, planTasks, postponeTask, removeTasks, stateOfTask, takeTask, takeUpTasks, type DeclaredTask, type Task, type TaskEnd } from './task-store.ts';

export interface StandingParts extends SubscriptionParts, PollParts {
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

/** Tasks taken at once, and under way on a node: those that a slow vendor holds up do not hold up the others. */
const [atOnce, maxUnderWay] = [8, 32];
/** From so many of a connector under way, no more of it are taken. */
const maxOfConnector = 8;
/** An account that is not ready is looked at again; becoming ready is news of its own. */
const notReadyMs = 300_000;
const removalWithinMs = 20_000;
/** A task over which so many processes died waits an hour before the next may try. */
const lostAtMost = 3;
const lostWaitMs = 3_600_000;
/** Another node has what set-up waits for. */
const takenMs = 1_000;

export class StandingWork implements AccountHooks {
  readonly #parts: StandingParts;
  /** Accounts that were not ready, and until when this node has put off their tasks. */
  readonly #notReady = new Map<string, Date[]>();
  /** Turns, each with the connector of its task. */
  readonly #underWay = new Map<Promise<void>, string>();

  constructor(parts: StandingParts) {
    this.#parts = parts;
  }

  /** Makes the tasks that are missing: of one account, or of all. */
  plan(accountId: string | null = null): Promise<number> {
    const tasks = this.#parts.declared().flatMap(({ id, webhooks }) => declaredTasks(id, this.#parts.backfills ? webhooks : webhooks && { ...webhooks, backfill: [] }));
    return tasks.length === 0 ? Promise.resolve(0) : planTasks(this.#parts.pool, tasks, accountId);
  }

  /** Takes what is due and begins to work on it; how much that was. Rejects when the database cannot be reached. */
  async work(): Promise<number> {
    const { pool, owner, leaseS, log } = this.#parts;
    while (this.#underWay.size > maxUnderWay - atOnce) await Promise.race(this.#underWay.keys());
    const of = new Map<string, number>();
    for (const connector of this.#underWay.values()) of.set(connector, (of.get(connector) ?? 0) + 1);
    const tasks = await claimTasks(pool, owner, leaseS, { limit: atOnce, without: [...of].flatMap(([connector, n]) => (n >= maxOfConnector ? [connector] : [])) });
    for (const task of tasks) {
      const turn = this.#turn(task)
        .catch((error: unknown) => log.warn({ err: error, accountId: task.account_id, kind: task.kind, name: task.name }, 'inbound: the end of a turn could not be stored; it is taken up again when its lease ends'))
        .finally(() => this.#underWay.delete(turn));
      this.#underWay.set(turn, task.connector_id);
    }
    return tasks.length;
  }

  /** Resolves when nothing is under way any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay.keys());
  }

  async #turn(task: Task): Promise<void> {
    const { pool, access, now, log } = this.#parts;
    if (task.lost >= lostAtMost) {
      await endTask(pool, task, { state: 'failing', dueAtMs: now() + lostWaitMs, progress: null, error: `The process that worked on it ended ${task.lost} times.` });
      return;
    }
    const opening = await access.open(task.account_id, { tenantId: null });
    if (!opening.ok) {
      // A deleted account is not found, and has nothing to do any more.
      const untilMs = opening.failure.code === 'not_found' ? null : now() + notReadyMs;
      await postponeTask(pool, task, untilMs);
      if (untilMs !== null) this.#putOff(task.account_id, untilMs);
      return;
    }
    let end: TaskEnd | 'overtaken';
    try {
      end = await this.#holding(task, () => this.#perform(opening.opened, task));
    } catch (error) {
      log.warn({ err: error, accountId: task.account_id, kind: task.kind, name: task.name }, 'inbound: a standing task failed and is repeated');
      end = { state: 'failing', dueAtMs: now() + 60_000, progress: null, error: error instanceof Error ? error.message : 'It failed.' };
    }
    if (end !== 'overtaken') await this.#end(task, end);
  }

  async #end(task: Task, end: TaskEnd): Promise<void> {
    const { pool, log } = this.#parts;
    const about = { accountId: task.account_id, connector: task.connector_id, kind: task.kind, name: task.name };
    if (end.state === 'failed') log.error({ ...about, reason: end.error }, 'inbound: a standing task was given up; POST /v1/accounts/{id}/inbound/retry asks for it again');
    else if (end.error !== null && task.failures === 0) log.warn({ ...about, reason: end.error }, 'inbound: a standing task does not get on');
    if ((end.recreated ?? 0) > 0) log.warn(about, 'inbound: what the vendor was to send or keep was missing, disabled or forgotten, and was begun anew');
    await endTask(pool, task, end);
  }

  /** The lease is short, so that a dead process is replaced soon, and held on as long as the work goes on. */
  async #holding<Result>(task: Task, act: () => Promise<Result>): Promise<Result> {
    const { pool, leaseS, log } = this.#parts;
    const holding = setInterval(() => void holdTask(pool, task, leaseS).catch((error: unknown) => log.debug({ err: error }, 'inbound: a task could not be held on')), (leaseS * 1000) / 3);
    holding.unref();
    try {
      return await act();
    } finally {
      clearInterval(holding);
    }
  }

  /** Only what is still to come is kept: an account may be not ready for months, and is looked at again every few minutes. */
  #putOff(accountId: string, untilMs: number): void {
    const ahead = (this.#notReady.get(accountId) ?? []).filter((until) => until.getTime() > this.#parts.now());
    this.#notReady.set(accountId, [...ahead, new Date(untilMs)]);
  }

  /** News of an account: what waited for it to be ready is tried; whether there was anything. */
  async heard(accountId: string): Promise<boolean> {
    const putOff = this.#notReady.get(accountId);
    if (putOff === undefined) return false;
    this.#notReady.delete(accountId);
    await takeUpTasks(this.#parts.pool, accountId, putOff);
    return true;
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
        return backfill === undefined ? ended : readBackfill(this.#parts, opened, backfill, task, wholeTurn);
      }
      case 'pull': {
        const poll = rules?.poll?.find(({ id }) => id === task.name);
        if (poll === undefined) return ended;
        return poll.by === 'cursor' ? readFeed(this.#parts, opened, poll, task) : readPull(this.#parts, opened, poll, task);
      }
    }
  }

  /**
   * Subscriptions are registered before the account is active: without them its vendor's changes would pass unseen. Of
   * backfills so much is read as the connector says, by default the first page: what cannot be read is told now.
   */
  async install(account: InstalledAccount): ReturnType<AccountHooks['install']> {
    const rules = webhooksOf(account.connector)?.source;
    for (const subscription of rules?.subscriptions ?? []) {
      const installed = await this.#step(account, 'subscription', subscription.id, (task) => keepSubscription(this.#parts, account, subscription, task));
      if (installed !== undefined) return installed;
    }
    for (const backfill of this.#parts.backfills ? (rules?.backfill ?? []) : []) {
      const { before_active: share = 'first_page' } = backfill;
      if (share === 'nothing') continue;
      const state = await stateOfTask(this.#parts.pool, { accountId: account.id, kind: 'backfill', name: backfill.id });
      if (state === 'done' || (state === 'active' && share === 'first_page')) continue;
      const reader = { ...account, settingUp: true };
      const installed = await this.#step(account, 'backfill', backfill.id, (task) => readBackfill(this.#parts, reader, backfill, task, share === 'all' ? wholeTurn : firstPage), share === 'all');
      if (installed !== undefined) return installed;
    }
    return { ok: true };
  }

  /** One thing of set-up: undefined when it is done. `wholly`: not before there is nothing left to do. */
  async #step(account: InstalledAccount, kind: Task['kind'], name: string, act: (task: Task) => Promise<TaskEnd | 'overtaken'>, wholly = false): Promise<Awaited<ReturnType<AccountHooks['install']>> | undefined> {
    const { pool, owner, leaseS } = this.#parts;
    const task = await takeTask(pool, { accountId: account.id, tenantId: account.tenantId, connectorId: account.connectorId, kind, name }, owner, leaseS);
    if (task === undefined) return { ok: false, unfinished: { againMs: takenMs } };
    const end = await this.#holding(task, () => act(task));
    if (end === 'overtaken') return { ok: false, unfinished: { againMs: takenMs } };
    await endTask(pool, task, end);
    if (end.error !== null) {
      const { kind: failure = 'transient', retryAfterS = null, status = null, vendorCode = null } = end.failure ?? {};
      return { ok: false, failure: { kind: failure, retryAfterS, status, vendorCode, message: end.error, step: `${kind === 'backfill' ? 'backfill' : 'webhooks'}.${name}` } };
    }
    return wholly && end.state !== 'done' ? { ok: false, unfinished: { againMs: 0 } } : undefined;
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
      // Also of an account whose set-up did not come to its end: its subscription may be there.
      const opening = await access.open(accountId, { tenantId: null, settingUp: true });
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
