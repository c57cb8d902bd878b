/** Agreements of the API, and the minutes that were bad for them, in PostgreSQL. */
import type { Agreement } from '@evenkeel/contract/playbook/agreements.ts';
import { countingRule, type AgreementDefinition } from '@evenkeel/core/objectives/agreement.ts';
import { calendarUnit } from '@evenkeel/core/objectives/calendar.ts';
import type { Queryable } from '../../database/pool.ts';

export async function listAgreements(database: Queryable): Promise<Agreement[]> {
  const { rows } = await database.query<{ definition: Agreement }>('select definition from agreements order by id');
  return rows.map(({ definition }) => definition);
}

/** Makes it, or states it anew. */
export async function putAgreement(database: Queryable, agreement: Agreement, actor: string): Promise<void> {
  await database.query(
    `insert into agreements (id, tenant_id, definition, created_by) values ($1, $2, $3, $4)
     on conflict (id) do update set tenant_id = excluded.tenant_id, definition = excluded.definition, updated_at = now()`,
    [agreement.id, agreement.tenant_id, JSON.stringify(agreement), actor],
  );
}

/**
 * Agreements whose minutes were counted by another rule than the present one are counted anew. `keptDays`: as far back
 * as telemetry has counts; without it for ever.
 */
export async function recountChanged(database: Queryable, agreements: readonly AgreementDefinition[], nowMs: number, keptDays: number | undefined): Promise<void> {
  const { rows } = await database.query<{ key: string; counted_by: string | null }>('select key, counted_by from objective_counters where key = any($1)', [agreements.map(({ id }) => agreementCounterKey(id))]);
  const countedBy = new Map(rows.map((row) => [row.key, row.counted_by]));
  for (const agreement of agreements) {
    const key = agreementCounterKey(agreement.id);
    const [before, rule] = [countedBy.get(key), countingRule(agreement)];
    if (before === rule || before === undefined) continue;
    if (before !== null) await forgetAgreementMinutes(database, agreement, nowMs, keptDays);
    await database.query('update objective_counters set counted_by = $2 where key = $1', [key, rule]);
  }
}

/**
 * What an agreement counts changed: its minutes are counted anew, from the beginning of the first month that telemetry
 * still has all counts of. A month is of one rule; older ones stay as they were counted.
 */
async function forgetAgreementMinutes(database: Queryable, { id, timeZone }: AgreementDefinition, nowMs: number, keptDays: number | undefined): Promise<void> {
  const since = new Date(keptDays === undefined ? 0 : wholeMonths(Math.ceil(nowMs / 60_000) - (keptDays - 1) * 1440, nowMs, timeZone) * 60_000);
  await database.query(`delete from agreement_minutes where agreement_id = $1 and minute >= extract(epoch from $2::timestamptz) / 60`, [id, since]);
  await database.query(
    `update objective_counters set minute_seq = least(minute_seq, coalesce((select max(seq) from telemetry_minutes where minute < $2), 0)) where key = $1`,
    [agreementCounterKey(id), since],
  );
}

/** The first month that begins after the counts do; the counts' beginning when that is yet to come. */
function wholeMonths(keptFrom: number, nowMs: number, timeZone: string): number {
  const { from, to } = calendarUnit('month', timeZone, keptFrom);
  const first = from === keptFrom ? from : to;
  return first * 60_000 > nowMs ? keptFrom : first;
}

export const agreementCounterKey = (id: string): string => `agreement ${id}`;

export interface AgreementMinute {
  readonly agreementId: string;
  readonly minute: number;
  readonly requests: number;
  readonly failed: number;
  readonly bad: boolean;
}

/** What each minute was, told anew: writing the same again changes nothing. Returns the agreements something changed for. */
export async function writeAgreementMinutes(database: Queryable, minutes: readonly AgreementMinute[]): Promise<Set<string>> {
  const values = (kept: readonly AgreementMinute[]): unknown[] => [kept.map(({ agreementId }) => agreementId), kept.map(({ minute }) => minute)];
  const [bad, good] = [minutes.filter((one) => one.bad), minutes.filter((one) => !one.bad)];
  const changed = new Set<string>();
  if (good.length > 0) {
    const { rows } = await database.query<{ agreement_id: string }>(
      `delete from agreement_minutes a using unnest($1::text[], $2::int[]) as g (agreement_id, minute)
       where a.agreement_id = g.agreement_id and a.minute = g.minute returning a.agreement_id`,
      values(good),
    );
    for (const row of rows) changed.add(row.agreement_id);
  }
  if (bad.length > 0) {
    const { rows } = await database.query<{ agreement_id: string }>(
      `insert into agreement_minutes as a (agreement_id, minute, requests, failed)
       select * from unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[])
       on conflict (agreement_id, minute) do update set requests = excluded.requests, failed = excluded.failed
       where (a.requests, a.failed) is distinct from (excluded.requests, excluded.failed)
       returning a.agreement_id`,
      [...values(bad), bad.map(({ requests }) => requests), bad.map(({ failed }) => failed)],
    );
    for (const row of rows) changed.add(row.agreement_id);
  }
  return changed;
}

/** Bad minutes of a range, ascending. */
export async function readAgreementMinutes(database: Queryable, agreementId: string, from: number, to: number): Promise<{ minute: number; requests: number; failed: number }[]> {
  const { rows } = await database.query<{ minute: number; requests: number; failed: number }>(
    'select minute, requests, failed from agreement_minutes where agreement_id = $1 and minute >= $2 and minute < $3 order by minute',
    [agreementId, from, to],
  );
  return rows;
}
