/**
 * Judges sealed minutes in their order. One node at a time, whoever takes the row of the evaluation; each minute's
 * changes, the people to tell and how far it came are one transaction. Windows are kept in memory as long as this node
 * goes on with its own work, and made anew from history when another node was in between.
 */
import type { AlertsFile, AlertSeverity } from '@evenkeel/contract/playbook/alerts.ts';
import { AlertEvaluator, type AlertChange } from '@evenkeel/core/alerts/evaluator.ts';
import type { FiringFinding, MinuteFacts } from '@evenkeel/core/alerts/facts.ts';
import type { BudgetPolicy } from '@evenkeel/core/objectives/definition.ts';
import { transaction, type Pool, type Queryable } from '../database/pool.ts';
import { queueJob } from '../jobs/job.ts';
import type { Log } from '../log.ts';
import { insertAlert, openCauses, resolveAlert, storeEvaluation, takeEvaluation, updateAlert } from './alert-store.ts';
import { countsOf, earlyEndsAfter, needsReauthAt, sealedMinutes, SeriesCache, storedFacts, type FactSource, type SealedMinute } from './minute-facts.ts';
import { maxAttempts } from './alert-notice.ts';
import { notifyJobName, type Notice } from './notify.ts';
import { tellRoles, tellRolesOfEnd, type RoleBook } from './role-notices.ts';
import { inboundStreams, lastDeletion, tenantStandings, unmeasuredMinutes } from './streams.ts';

const minuteMs = 60_000;
const hourMs = 3_600_000;
/** Series known beyond twice those of the last windows. */
const spareSeries = 20_000;
/** Judged in one transaction at most. */
const batchMinutes = 30;
/** A longer time without any minute is passed over: there is nothing to judge in it. */
const longestGapMinutes = 180;
/** Budgets that take longer than this to take in what is sealed are judged as they stand. */
const budgetsWaitMs = 10_000;

export interface AlertWatchParts {
  readonly pool: Pool;
  readonly log: Log;
  readonly rules: AlertsFile;
  readonly facts: FactSource;
  /** What follows from error budgets; left out where nobody asks for them. */
  readonly budgetPolicy?: BudgetPolicy;
  /** Who stands behind the roles of that policy. */
  readonly roles?: RoleBook;
}

export interface AlertFigures {
  /** Milliseconds since the epoch of the last judged minute's begin; undefined when this node has judged none. */
  readonly minute: number | undefined;
  /** What judging it took, without reading it. */
  readonly evaluateMs: number;
  readonly failed: number;
}

export class AlertWatch {
  readonly #parts: AlertWatchParts;
  #evaluator: AlertEvaluator | undefined;
  #series = new SeriesCache();
  /** Series that come and go would fill the memory: with so many it begins anew from what the last windows hold. */
  #rebuildAt = 0;
  /** Of the account that was taken away last, as the streams that are watched know it. */
  #deletedAt: number | null = null;
  /** The minute up to which #evaluator has judged. */
  #at: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<number> | undefined;
  #evaluateMs = 0;
  #failed = 0;

  constructor(parts: AlertWatchParts) {
    this.#parts = parts;
  }

  get figures(): AlertFigures {
    return { minute: this.#at, evaluateMs: this.#evaluateMs, failed: this.#failed };
  }

  /** Looks for sealed minutes every two seconds; on nodes that work. */
  start(): void {
    this.#timer = setInterval(() => void this.evaluateDue().catch((error: unknown) => this.#complain(error)), 2_000);
    this.#timer.unref();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running?.catch(() => undefined);
  }

  /** Judges every sealed minute that is not judged yet; resolves with their number. The first time it begins with the newest. */
  evaluateDue(): Promise<number> {
    this.#running ??= this.#evaluateAll().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #evaluateAll(): Promise<number> {
    let judged = 0;
    await this.#budgetsSettle();
    for (;;) {
      const done = await transaction(this.#parts.pool, (client) => this.#evaluateSome(client)).catch((error: unknown) => {
        // What was judged is not stored: the windows are ahead of the database.
        this.#evaluator = undefined;
        throw error;
      });
      if (done === 0) break;
      judged += done;
    }
    if (judged > 0) this.#failed = 0;
    return judged;
  }

  async #budgetsSettle(): Promise<void> {
    const { settled } = this.#parts.facts;
    if (settled === undefined) return;
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, budgetsWaitMs);
    await Promise.race([settled(), late.promise]).finally(() => clearTimeout(timer));
  }

  async #evaluateSome(client: Queryable): Promise<number> {
    const { rows } = await client.query<{ newest: Date | null }>('select max(minute) as newest from telemetry_minutes');
    const newest = rows[0]?.newest;
    if (newest === null || newest === undefined) return 0;
    const taken = await takeEvaluation(client, new Date(newest.getTime() - minuteMs));
    if (taken === undefined || taken.minute.getTime() >= newest.getTime()) return 0;
    const from = taken.minute.getTime();
    const evaluator = await this.#evaluatorAt(client, from);
    const minutes = withGap(from, await sealedMinutes(client, { from: new Date(from + minuteMs), to: new Date(newest.getTime() + minuteMs) })).slice(0, batchMinutes);
    let { driftId } = taken;
    const deletedAt = await lastDeletion(client);
    for (const facts of await this.#factsOf(client, minutes, async () => {
      const { ends, lastId } = await earlyEndsAfter(client, driftId);
      driftId = lastId;
      return ends;
    })) {
      if (deletedAt !== this.#deletedAt || Math.floor(facts.minute / hourMs) !== Math.floor((this.#at ?? 0) / hourMs)) {
        evaluator.watch(await inboundStreams(client, new Date(facts.minute)), null, await unmeasuredMinutes(client, new Date(facts.minute)));
        this.#deletedAt = deletedAt;
      }
      const startedAt = performance.now();
      const changes = evaluator.minute(facts);
      this.#evaluateMs = performance.now() - startedAt;
      await this.#apply(client, changes, new Date(facts.minute + minuteMs));
      this.#at = facts.minute;
    }
    const last = minutes.at(-1);
    if (last === undefined) return 0;
    await storeEvaluation(client, new Date(last.minute), driftId);
    return minutes.length;
  }

  async #evaluatorAt(client: Queryable, minute: number): Promise<AlertEvaluator> {
    if (this.#evaluator !== undefined && this.#at === minute && this.#series.size < this.#rebuildAt) return this.#evaluator;
    const { rules, budgetPolicy } = this.#parts;
    const evaluator = new AlertEvaluator(rules, budgetPolicy);
    this.#series = new SeriesCache();
    for await (const facts of storedFacts(client, { from: new Date(minute - evaluator.historyMinutes * minuteMs), to: new Date(minute + minuteMs) }, this.#series)) evaluator.remember(facts);
    this.#deletedAt = await lastDeletion(client);
    evaluator.watch(await inboundStreams(client, new Date(minute)), await tenantStandings(client, new Date(minute)), await unmeasuredMinutes(client, new Date(minute + minuteMs)));
    evaluator.resume(await openCauses(client, evaluator.rules));
    this.#evaluator = evaluator;
    this.#rebuildAt = 2 * this.#series.size + spareSeries;
    this.#at = minute;
    return evaluator;
  }

  /** Ends of tokens are taken as they became known, with the first of the minutes. */
  async #factsOf(client: Queryable, minutes: readonly SealedMinute[], earlyEnds: () => Promise<MinuteFacts['earlyEnds']>): Promise<MinuteFacts[]> {
    const [first, last] = [minutes[0], minutes.at(-1)];
    if (first === undefined || last === undefined) return [];
    const counts = await countsOf(client, { from: new Date(first.minute), to: new Date(last.minute + minuteMs) }, this.#series);
    const reauth = await needsReauthAt(client, minutes.map(({ minute }) => minute));
    const shapeChanges = await this.#parts.facts.shapeChanges(client);
    const ends = await earlyEnds();
    // Budgets are told as they stand now, for every minute of the batch: what has ended in between was judged by nobody.
    const budgets = await this.#parts.facts.budgets?.(client);
    return minutes.map(({ minute, ...known }) => ({ minute, ...known, ...(budgets === undefined ? {} : { budgets }), rows: counts.get(minute) ?? [], needsReauth: reauth.get(minute) ?? new Map(), earlyEnds: minute === first.minute ? ends : [], shapeChanges }));
  }

  async #apply(client: Queryable, changes: readonly AlertChange[], at: Date): Promise<void> {
    // Those that open come first: what has joined one names it.
    for (const change of changes.toSorted((a, b) => order(a) - order(b))) {
      switch (change.kind) {
        case 'opened': {
          const id = await insertAlert(client, change.cause, at);
          await this.#tell(client, { alert_id: id, status: 'firing' });
          await this.#tellRoles(client, id, change.cause.severity, change.cause.findings, at);
          break;
        }
        case 'updated': {
          const updated = await updateAlert(client, change.cause, at);
          if (updated === undefined) break;
          // A route that takes only the severest has not heard of it yet.
          if (updated.worse) await this.#tell(client, { alert_id: updated.id, status: 'firing' });
          await this.#tellRoles(client, updated.id, updated.severity, updated.worse ? change.cause.findings : change.joining, at);
          break;
        }
        case 'resolved': {
          const id = await resolveAlert(client, change.key, change.joined, at);
          if (id === undefined) break;
          await this.#tell(client, { alert_id: id, status: 'resolved' });
          await tellRolesOfEnd(client, id);
        }
      }
    }
  }

  async #tell(client: Queryable, notice: Omit<Notice, 'route'>): Promise<void> {
    for (const { id } of this.#parts.rules.routes ?? []) await queueJob(client, notifyJobName, { ...notice, route: id }, { maxAttempts });
  }

  /** Further budgets in a mode are told once an hour at most, however many enter it. */
  async #tellRoles(client: Queryable, id: string, severity: AlertSeverity, findings: readonly FiringFinding[], at: Date): Promise<void> {
    const { roles, log } = this.#parts;
    if (roles === undefined) return;
    const [modes, others] = [findings.filter(isMode), findings.filter((one) => !isMode(one))];
    await tellRoles(client, roles, log, { id, severity, round: severity }, others);
    await tellRoles(client, roles, log, { id, severity, round: `${severity} ${at.toISOString().slice(0, 13)}` }, modes);
  }

  #complain(error: unknown): void {
    this.#failed += 1;
    if (this.#failed === 1) this.#parts.log.error({ err: error }, 'alerts: minutes cannot be judged; they stay and it is tried again');
  }
}

const isMode = ({ rule }: FiringFinding): boolean => rule.watch === 'budget-mode';

const order = (change: AlertChange): number => (change.kind === 'resolved' ? 1 : 0);

/** Minutes between the last judged and the first stored one were not covered; of a long absence only the end is told. */
function withGap(judged: number, minutes: readonly SealedMinute[]): SealedMinute[] {
  const first = minutes[0];
  if (first === undefined) return [];
  const missing: SealedMinute[] = [];
  for (let minute = Math.max(judged + minuteMs, first.minute - longestGapMinutes * minuteMs); minute < first.minute; minute += minuteMs) missing.push({ minute, measured: false });
  return [...missing, ...minutes];
}
