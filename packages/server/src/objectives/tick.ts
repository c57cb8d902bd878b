/** A tick: counts what was sealed or amended since the last one, evaluates each new minute, keeps the statements it changed. */
import { monthOf } from '@evenkeel/core/objectives/calendar.ts';
import { transaction, type Pool, type Queryable } from '../database/pool.ts';
import { keepStatements, statedMonths } from './agreements/statements.ts';
import { countRound, lockCounting, readProgress } from './counting/counting.ts';
import { readAgreements, type Definitions } from './definitions.ts';
import { evaluate } from './evaluation/evaluation.ts';

export interface TickResult {
  readonly minutes: number;
  readonly evaluated: number;
  readonly modeChanges: number;
  readonly fired: number;
  readonly resolved: number;
  /** Written statements as `agreement month`. */
  readonly statements: readonly string[];
}

export interface TickOptions {
  readonly signal?: AbortSignal;
  /** Days that telemetry keeps counts by minute. */
  readonly keptDays?: number;
}

/** After a long pause the minutes in between are summed but not evaluated one by one: nobody can act on them any more. */
const evaluatedAtMost = 15;
/** Closed months whose statements are looked at again. */
const monthsLookedAt = 4;

/** Runs until nothing is left to count. Safe on several nodes at once: one works, the others find nothing to do. */
export async function tick(pool: Pool, definitions: Definitions, options: TickOptions = {}): Promise<TickResult> {
  const result = { minutes: 0, evaluated: 0, modeChanges: 0, fired: 0, resolved: 0, statements: [] as string[] };
  for (let more = true; more && options.signal?.aborted !== true; ) {
    more = await transaction(pool, async (client) => {
      await lockCounting(client);
      return tickRound(client, definitions, result, options);
    });
  }
  return result;
}

async function tickRound(client: Queryable, definitions: Definitions, result: { minutes: number; evaluated: number; modeChanges: number; fired: number; resolved: number; statements: string[] }, { keptDays }: TickOptions): Promise<boolean> {
  const agreements = (await readAgreements(client, definitions)).map(({ definition }) => definition);
  const { last_minute: before } = await readProgress(client);
  const counted = await countRound(client, { objectives: definitions.objectives, agreements, ...(keptDays === undefined ? {} : { keptDays }) });
  result.minutes += counted.minutes;
  if (counted.minutes === 0 || counted.lastMinute === null) return false;
  const last = counted.lastMinute;
  const first = Math.max(Math.min((before ?? last) + 1, last), last - evaluatedAtMost + 1);
  for (let minute = first; minute <= last; minute += 1) {
    const done = await evaluate(client, definitions.objectives, definitions.policy, minute);
    result.evaluated += done.scopes;
    result.modeChanges += done.modeChanges;
    result.fired += done.fired;
    result.resolved += done.resolved;
  }
  for (const agreement of agreements) {
    // A month can only close when another begins or a run at its end does; looking at that once an hour is enough.
    const hourBegins = before === null || Math.floor(before / 60) !== Math.floor(last / 60) || monthOf(before, agreement.timeZone) !== monthOf(last, agreement.timeZone);
    if (!hourBegins && !counted.agreements.has(agreement.id)) continue;
    const months = await keepStatements(client, agreement, await statedMonths(client, agreement, monthsLookedAt));
    result.statements.push(...months.map((month) => `${agreement.id} ${month}`));
  }
  return counted.more;
}
