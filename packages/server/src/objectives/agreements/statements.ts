/** Monthly statements: computed from the stored minutes at any time, kept in revisions once a month is closed. */
import type { StatementView } from '@evenkeel/contract/api/agreements.ts';
import type { AgreementDefinition } from '@evenkeel/core/objectives/agreement.ts';
import { monthRange, monthsBetween, type MinuteRange } from '@evenkeel/core/objectives/calendar.ts';
import { countedRanges, type AcceptedExclusion } from '@evenkeel/core/objectives/downtime.ts';
import { cutPercent, percentOf } from '@evenkeel/core/objectives/share.ts';
import { monthsOf, stateMonth, type Statement } from '@evenkeel/core/objectives/statement.ts';
import type { Queryable } from '../../database/pool.ts';
import { readProgress } from '../counting/counting.ts';
import { readUnmeasured } from '../counting/coverage-store.ts';
import { agreementCounterKey, readAgreementMinutes } from './agreement-store.ts';
import { approvedExclusions } from './exclusion-store.ts';

/** Minutes that are read beyond a month's ends, so that a run is seen as long as it was. */
const beyondMinutes = 7 * 1440;

/** The statement as it stands now; null when the agreement was not in force, or nothing of the month is sealed or counted yet. */
export async function computeStatement(database: Queryable, agreement: AgreementDefinition, month: string): Promise<StatementView | null> {
  const progress = await readSealedRange(database, agreement.id);
  const range = monthRange(month, agreement.timeZone);
  if (progress === null || range === undefined) return null;
  const beyond = Math.max(beyondMinutes, agreement.downtime.consecutiveMinutes);
  const [from, to] = [range.from - beyond, range.to + beyond];
  const statement = stateMonth({
    agreement,
    month,
    badMinutes: await readAgreementMinutes(database, agreement.id, from, to),
    unmeasured: await readUnmeasured(database, from, to),
    exclusions: await acceptedExclusions(database, agreement, range),
    firstMinute: progress.first,
    sealedTo: progress.sealedTo,
  });
  return statement === null ? null : viewOf(agreement, statement);
}

/** What the agreement's counter has taken; null before its first minute. */
async function readSealedRange(database: Queryable, agreementId: string): Promise<{ first: number; sealedTo: number } | null> {
  const { first_minute: first, last_minute: last } = await readProgress(database);
  if (first === null || last === null) return null;
  const { rows } = await database.query<{ minute: Date | null; counted_from: number | null }>(
    `select (select minute from telemetry_minutes where seq <= c.minute_seq order by seq desc limit 1) as minute, counted_from
     from objective_counters c where key = $1`,
    [agreementCounterKey(agreementId)],
  );
  const row = rows[0];
  if (row === undefined || row.minute === null) return null;
  return { first: Math.max(first, row.counted_from ?? first), sealedTo: Math.min(last, row.minute.getTime() / 60_000) + 1 };
}

/** Maintenance of the agreement that was announced in time; its approver is the agreement itself. */
function maintenanceOf({ maintenance, noticeHours, clauses }: AgreementDefinition): AcceptedExclusion[] {
  if (!clauses.includes('maintenance')) return [];
  return maintenance.flatMap((window, index) => {
    const [fromMs, toMs, announcedMs] = [Date.parse(window.from), Date.parse(window.to), Date.parse(window.announced_at)] as const;
    return fromMs - announcedMs >= noticeHours * 3_600_000 ? [{ id: `maintenance[${index}]`, clause: 'maintenance' as const, fromMs, toMs, approver: 'agreement' }] : [];
  });
}

async function exclusionsOf(database: Queryable, agreement: AgreementDefinition, fromMs: number, toMs: number): Promise<AcceptedExclusion[]> {
  const rows = await approvedExclusions(database, agreement.id, fromMs, toMs);
  return rows.filter(({ clause }) => agreement.clauses.includes(clause)).map((row) => ({ id: row.id, clause: row.clause, fromMs: row.from_at.getTime(), toMs: row.to_at.getTime(), approver: row.decided_by ?? '' }));
}

const acceptedExclusions = async (database: Queryable, agreement: AgreementDefinition, { from, to }: MinuteRange): Promise<AcceptedExclusion[]> => [...maintenanceOf(agreement), ...(await exclusionsOf(database, agreement, from * 60_000, to * 60_000))];

/** The times that a statement counts as downtime: its runs in the month less what is excluded from them. */
export async function countedTimes(database: Queryable, agreement: AgreementDefinition, { downtime, from, to }: StatementView): Promise<{ fromMs: number; toMs: number }[]> {
  const minuteOf = (text: string): number => Date.parse(text) / 60_000;
  const known = await acceptedExclusions(database, agreement, { from: minuteOf(from), to: minuteOf(to) });
  return downtime.flatMap((run) => {
    const named = new Set(run.excluded.map((one) => one.exclusion_id));
    return countedRanges({ from: minuteOf(run.in_period.from), to: minuteOf(run.in_period.to) }, known.filter(({ id }) => named.has(id))).map((range) => ({ fromMs: range.from * 60_000, toMs: range.to * 60_000 }));
  });
}

/** Whether a statement was kept for another tenant than this one. */
export async function isStatedForOthers(database: Queryable, agreementId: string, tenantId: string): Promise<boolean> {
  const { rows } = await database.query('select from agreement_statements where agreement_id = $1 and tenant_id <> $2 limit 1', [agreementId, tenantId]);
  return rows.length > 0;
}

const iso = (minute: number): string => new Date(minute * 60_000).toISOString();
const span = ({ from, to }: { from: number; to: number }) => ({ from: iso(from), to: iso(to), minutes: to - from });

function viewOf(agreement: AgreementDefinition, statement: Statement): StatementView {
  const { tier } = statement;
  return {
    agreement_id: agreement.id,
    tenant_id: agreement.tenantId,
    month: statement.month,
    state: statement.state,
    revision: null,
    from: iso(statement.period.from),
    to: iso(statement.period.to),
    time_zone: agreement.timeZone,
    period_minutes: statement.periodMinutes,
    unmeasured_minutes: statement.unmeasuredMinutes,
    left_out_minutes: statement.leftOutMinutes,
    total_minutes: statement.totalMinutes,
    downtime_minutes: statement.downtimeMinutes,
    excluded_minutes: statement.excludedMinutes,
    uptime_percent: statement.uptime === null ? null : cutPercent(statement.uptime, 5),
    target_percent: percentOf(agreement.target),
    meets_target: statement.meets,
    credit_percent: tier === null ? '0' : percentOf(tier.credit < agreement.cap ? tier.credit : agreement.cap),
    credit_minor: Number(statement.creditMinor),
    monthly_fee_minor: Number(agreement.feeMinor),
    currency: agreement.currency,
    downtime: statement.runs.map((run) => ({
      run: span(run.run),
      in_period: span(run.inPeriod),
      unmeasured_minutes: run.unmeasured,
      requests: run.requests,
      failed_requests: run.failed,
      excluded: run.excluded.map(({ id, clause, minutes }) => ({ exclusion_id: id, clause, minutes })),
      counted_minutes: run.counted,
    })),
    working: [...statement.working],
  };
}

/** Months of which something is sealed, newest first. */
export async function statedMonths(database: Queryable, agreement: AgreementDefinition, limit: number): Promise<string[]> {
  const { first_minute: first, last_minute: last } = await readProgress(database);
  const months = first === null || last === null ? null : monthsOf(agreement, first, last + 1);
  return months === null ? [] : monthsBetween(months.first, months.last).toReversed().slice(0, limit);
}

/** Keeps the statements of closed months: a first revision, or a further one when it changed. Returns the months written. */
export async function keepStatements(client: Queryable, agreement: AgreementDefinition, months: readonly string[]): Promise<string[]> {
  const written: string[] = [];
  for (const month of months) {
    const statement = await computeStatement(client, agreement, month);
    if (statement === null || statement.state !== 'closed') continue;
    const { rows } = await client.query<{ revision: number }>(
      `with latest as (
         select revision, statement from agreement_statements where agreement_id = $1 and month = $2 order by revision desc limit 1
       )
       insert into agreement_statements (agreement_id, month, revision, tenant_id, statement)
       select $1, $2, coalesce((select revision from latest), 0) + 1, $3, $4::jsonb
       where not exists (select 1 from latest where statement = $4::jsonb)
       on conflict do nothing
       returning revision`,
      [agreement.id, month, agreement.tenantId, JSON.stringify(statement)],
    );
    if (rows.length > 0) written.push(month);
  }
  return written;
}

/** A kept revision; without a number the newest. */
export async function findStatement(database: Queryable, agreementId: string, month: string, revision: number | null): Promise<StatementView | null> {
  const { rows } = await database.query<{ revision: number; statement: StatementView }>(
    'select revision, statement from agreement_statements where agreement_id = $1 and month = $2 and ($3::int is null or revision = $3) order by revision desc limit 1',
    [agreementId, month, revision],
  );
  const row = rows[0];
  return row === undefined ? null : { ...row.statement, revision: row.revision };
}
