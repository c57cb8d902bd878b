/**
 * A whole day of seeded traffic over the whole server: counted by the real counter, stored as half seconds, sealed and
 * judged minute by minute by the server's own parts with the rules and objectives that come with it, and asked for through
 * the API. Noisy and normal, it raises nothing; the same day with one outage raises that one alert.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeSeriesIds } from '@evenkeel/core/telemetry/counts-codec.ts';
import { ensureTenant } from '@evenkeel/server/access/keys.ts';
import { createAccount, moveAccount } from '@evenkeel/server/accounts/transitions.ts';
import { transaction, type Pool } from '@evenkeel/server/database/pool.ts';
import { newId } from '@evenkeel/server/identifier.ts';
import { halfMs, insertHalves } from '@evenkeel/server/telemetry/counting/second-store.ts';
import { SeriesCounter } from '@evenkeel/server/telemetry/counting/series-counter.ts';
import { resolveSeries } from '@evenkeel/server/telemetry/counting/series-store.ts';
import { startTestEvenkeel, type TestEvenkeel } from '../harness/evenkeel.ts';
import { seeded } from '../harness/seeded-chance.ts';
import { eventsOfHour, seededDay, type Outage, type SeededAccount } from '../harness/seeded-day.ts';
import { keepCountsOfServer } from '../harness/staged-minutes.ts';

const [quiet, disturbed] = [await startUncounted(), await startUncounted()];
const minuteMs = 60_000;
const hourMs = 3_600_000;
const dayMinutes = 1_440;
const seed = 20_261_124;
const connectors = ['hubspot', 'pipedrive', 'salesforce', 'zendesk'];

interface AlertAnswer {
  readonly title: string;
  readonly state: string;
  readonly scope: string;
  readonly origin: string | null;
  readonly connector: string | null;
  readonly affected_accounts: number;
  readonly opened_at: string;
  readonly findings: readonly { readonly rule: string }[];
}

/** The last whole day that begins with an hour, as the history before it ends with one: the hour between would be a silence that never was. */
const beginOfDay = (): number => Math.floor((Date.now() - (dayMinutes + 2) * minuteMs) / hourMs) * hourMs;

/** Lives through the day; resolves with every alert there was. */
async function alertsOf({ call, database: { pool } }: TestEvenkeel, minutes = dayMinutes, outage?: Outage): Promise<{ alerts: AlertAnswer[]; startMs: number; accounts: readonly SeededAccount[] }> {
  const startMs = beginOfDay();
  const accounts = await plantAccounts(pool, startMs);
  await rememberWeeks(pool, accounts, startMs);
  // A server begins with the newest minute; here it takes up where one left off before the day.
  await pool.query(`insert into alert_evaluation (minute, drift_id) values ($1, 0) on conflict (only_one) do update set minute = excluded.minute`, [new Date(startMs - minuteMs)]);
  let written = 0;
  for await (const minute of writeDay(pool, accounts, startMs, outage)) {
    written += 1;
    // Budgets are judged as they stand: from the outage on each minute before the next is known.
    if (written === minutes || (outage !== undefined && written >= outage.fromMinute)) await judged(pool, minute);
    if (written === minutes) break;
  }
  const { rows } = await pool.query<{ n: number; calls: number }>('select (select count(*) from telemetry_minutes where covered_seconds = 60) as n, (select sum(total) from minute_counts join telemetry_series on id = series_id where kind = \'call\')::int as calls');
  assert.equal(rows[0]?.n, minutes, 'every minute was sealed');
  assert.ok((rows[0]?.calls ?? 0) > minutes * 20, `${rows[0]?.calls} calls`);
  const answer = await call('GET', '/v1/alerts?limit=200');
  assert.equal(answer.status, 200, answer.text);
  return { alerts: answer.json?.['results'] as AlertAnswer[], startMs, accounts };
}

async function judged(pool: Pool, last: Date): Promise<void> {
  for (const deadline = Date.now() + 150_000; ; ) {
    const { rows } = await pool.query<{ minute: Date }>('select minute from alert_evaluation');
    if (rows[0] !== undefined && rows[0].minute >= last) return;
    assert.ok(Date.now() < deadline, `judged to ${rows[0]?.minute.toISOString()}, not to ${last.toISOString()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A server whose own seconds are not sealed: the day lies before them. */
async function startUncounted(): Promise<TestEvenkeel> {
  const started = await startTestEvenkeel();
  await keepCountsOfServer(started.database.pool);
  await started.database.pool.query('delete from telemetry_minutes');
  return started;
}

/** Four customers at each vendor, some of whom take back an authorisation during the day. */
async function plantAccounts(pool: Pool, startMs: number): Promise<SeededAccount[]> {
  const accounts = connectors.flatMap((connectorId, at) => Array.from({ length: 4 }, (_, number): SeededAccount => ({ id: newId('acc'), connectorId, tenantId: `tenant-${(number + at) % 9}`, busy: 1 + number * 2 })));
  for (const { id, tenantId, connectorId } of accounts) {
    await ensureTenant(pool, tenantId);
    await transaction(pool, async (client) => {
      await createAccount(client, { id, tenantId, connectorId, schemeId: 'oauth', config: {}, captured: {} }, { actor: 'test', evidence: {} });
      await client.query('update accounts set setup_due_at = null where id = $1', [id]);
      await moveAccount(client, id, { type: 'setup_passed', called: true }, { actor: 'test', evidence: {} });
    });
  }
  await pool.query('update account_transitions set at = $1', [new Date(startMs - hourMs)]);
  for (const [at, { id }] of [accounts[0], accounts[5], accounts[9], accounts[10]].entries().filter((entry): entry is [number, SeededAccount] => entry[1] !== undefined)) {
    await transaction(pool, (client) => moveAccount(client, id, { type: 'grant_rejected' }, { actor: 'test', evidence: {} }));
    await pool.query(`update account_transitions set at = $2 where account_id = $1 and to_state = 'needs_reauth'`, [id, new Date(startMs + (at * 5 + 3) * hourMs)]);
  }
  return accounts;
}

/** Four weeks of inbound events by hour, as they were rolled up. */
async function rememberWeeks(pool: Pool, accounts: readonly SeededAccount[], startMs: number): Promise<void> {
  const random = seeded(seed + 1);
  const hours = Array.from({ length: 4 * 168 }, (_, back) => Math.floor(startMs / hourMs) * hourMs - (back + 1) * hourMs);
  const ids = await resolveSeries(pool, accounts.map(({ id, connectorId, tenantId }) => ({ kind: 'inbound', surface: 'webhook', tenantId, accountId: id, connectorId, category: 'crm', endpoint: 'crm.contact.updated' })));
  const rows = accounts.flatMap((account, at) => hours.map((hour) => ({ hour: new Date(hour), id: ids[at] ?? 0, total: eventsOfHour(random, account, hour) })));
  await pool.query(`insert into hour_counts (hour, series_id, total, success) select hour, id, total, total from unnest($1::timestamptz[], $2::bigint[], $3::int[]) as given (hour, id, total) where total > 0`, [rows.map(({ hour }) => hour), rows.map(({ id }) => id), rows.map(({ total }) => total)]);
  await pool.query('insert into telemetry_hours (hour, covered_seconds, lost_seconds, amended_to) select hour, 3600, 0, 0 from unnest($1::timestamptz[]) as given (hour)', [hours.map((hour) => new Date(hour))]);
}

/** Writes a minute at a time, and yields it. */
async function* writeDay(pool: Pool, accounts: readonly SeededAccount[], startMs: number, outage: Outage | undefined): AsyncGenerator<Date> {
  const [counter, spread] = [new SeriesCounter(), seeded(seed + 2)];
  let minute = startMs;
  for (const observations of seededDay(accounts, startMs, seed, outage)) {
    const halves = Map.groupBy(observations, () => Math.floor(spread() * 120));
    const packed = Array.from({ length: 120 }, (_, half) => {
      for (const observation of halves.get(half) ?? []) counter.count(observation);
      return counter.turn();
    });
    const unknown = [...new Set(packed.flatMap(({ series }) => series.filter(({ id }) => id === undefined)))];
    const ids = unknown.length === 0 ? [] : await resolveSeries(pool, unknown.map(({ key }) => key));
    unknown.forEach((series, at) => void (series.id = ids[at]));
    await insertHalves(pool, 'staged', packed.map(({ series, packed: bytes }, half) => ({
      half: minute / halfMs + half, beat: true, last: false, lost: false,
      counts: series.length === 0 ? new Uint8Array(0) : Buffer.concat([writeSeriesIds(series.map(({ id }) => id ?? 0)), bytes]),
    })));
    yield new Date(minute);
    minute += minuteMs;
  }
}

const brief = (alerts: readonly AlertAnswer[]): string[] => alerts.map(({ title, scope, origin, connector, opened_at: at, findings }) => `${at} ${scope} ${origin} ${connector} ${[...new Set(findings.map(({ rule }) => rule))].join('+')}: ${title}`);

test('a noisy, normal day raises nothing', { timeout: 250_000 }, async () => {
  const { alerts } = await alertsOf(quiet);
  assert.deepEqual(brief(alerts), []);
});

test('the same day with an outage of one vendor raises one alert, of that vendor, within three minutes', { timeout: 250_000 }, async () => {
  // At the day's noon, whenever the test runs: three minutes hold for what an ordinary hour calls. The day ends in it, and has an hour before it.
  const toNoon = (36 - new Date(beginOfDay()).getUTCHours()) % 24;
  const fromMinute = (toNoon === 0 ? 2 : toNoon) * 60;
  const outage = { connectorId: 'pipedrive', fromMinute, toMinute: fromMinute + 25 };
  const { alerts, startMs, accounts } = await alertsOf(disturbed, Math.min(dayMinutes, fromMinute + 5), outage);
  // The budget of an installation of one day is not used up by it: there are no modes yet.
  const [alert, ...others] = alerts;
  assert.deepEqual(brief(others), []);
  assert.deepEqual([alert?.scope, alert?.origin, alert?.connector], ['connector', 'upstream', 'pipedrive'], brief(alerts).join('\n'));
  assert.equal(alert?.affected_accounts, accounts.filter(({ connectorId }) => connectorId === 'pipedrive').length);
  const after = (Date.parse(alert?.opened_at ?? '') - startMs) / minuteMs - outage.fromMinute;
  assert.ok(after > 0 && after <= 3, `told ${after} minutes after it began`);
});
