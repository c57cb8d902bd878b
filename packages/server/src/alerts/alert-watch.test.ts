import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AlertsFile } from '@evenkeel/contract/playbook/alerts.ts';
import { runMigrations } from 'graphile-worker';
import { createTestDatabase } from '@evenkeel/tests/harness/database.ts';
import { createLog } from '../log.ts';
import { AlertWatch } from './alert-watch.ts';
import { findAlert, listAffected, listAlerts, type AlertRow } from './alert-store.ts';
import type { UpstreamClient } from '../upstream/client.ts';
import { notifyJob } from './notify.ts';
import { replayRules } from './replay.ts';
import { endSilence, insertSilence } from './silence-store.ts';
import { inboundStreams, unmeasuredMinutes } from './streams.ts';

const rules: AlertsFile = {
  version: 1,
  alerts: [
    { id: 'account-errors', title: 'Calls of accounts fail', severity: 'P2', watch: 'error-rate', by: 'account', min_total: 20 },
    { id: 'reauth', title: 'Accounts lose their authorisation', severity: 'P2', watch: 'auth-health' },
  ],
  routes: [{ id: 'pager', url: 'http://127.0.0.1:9/' }],
};
const { pool } = await createTestDatabase();
await runMigrations({ pgPool: pool });
const log = createLog('silent');
const start = Math.floor(Date.parse('2026-11-23T09:00:00Z') / 60_000) * 60_000;
const at = (minute: number) => new Date(start + minute * 60_000);
const newWatch = () => new AlertWatch({ pool, log, rules, facts: { shapeChanges: () => Promise.resolve([]) } });
const everyAlert = (): Promise<AlertRow[]> => listAlerts(pool, { state: null, severity: null, connectorId: null, accountId: null, tenantId: null, before: null, limit: 100 });

const series = await pool.query<{ id: number }>(
  `insert into telemetry_series (kind, surface, tenant_id, account_id, connector_id, endpoint)
   select 'call', 'proxy', 'tenant-' || n, 'acc-' || n, 'acme', 'contacts.list' from generate_series(1, 6) n returning id`,
);

/** Six accounts, 20 calls each; the first `failing` of them fail. */
async function seal(minute: number, failing: number, covered = 60): Promise<void> {
  await pool.query(
    `insert into minute_counts (minute, series_id, total, success, upstream)
     select $1, id, 20, case when n <= $3 then 0 else 20 end, case when n <= $3 then 20 else 0 end
     from unnest($2::bigint[]) with ordinality as s (id, n)`,
    [at(minute), series.rows.map(({ id }) => id), failing],
  );
  await pool.query('insert into telemetry_minutes (minute, covered_seconds, lost_seconds) values ($1, $2, 0)', [at(minute), covered]);
}

test('an outage is one alert with everyone it met, told once to each route, over a change of nodes', async () => {
  const first = newWatch();
  for (let minute = 0; minute < 40; minute += 1) await seal(minute, 0);
  // The evaluation begins with the newest minute: a new installation judges no history.
  assert.equal(await first.evaluateDue(), 1);
  assert.deepEqual(await everyAlert(), []);
  for (let minute = 40; minute < 48; minute += 1) await seal(minute, minute < 44 ? 3 : 5);
  assert.equal(await first.evaluateDue(), 8);
  const [alert, ...others] = await everyAlert();
  assert.deepEqual(others, []);
  assert.ok(alert !== undefined);
  assert.deepEqual([alert.scope, alert.connector_id, alert.origin, alert.severity, alert.state, alert.affected], ['connector', 'acme', 'upstream', 'P2', 'firing', 5]);
  assert.ok(alert.opened_at.getTime() <= at(44).getTime(), alert.opened_at.toISOString());
  assert.deepEqual((await listAffected(pool, alert.id, 'tenant-2')).map(({ account_id }) => account_id), ['acc-2']);

  // Another node goes on, and neither opens it again nor forgets it.
  const second = newWatch();
  for (let minute = 48; minute < 80; minute += 1) await seal(minute, minute < 50 ? 5 : 0);
  assert.equal(await second.evaluateDue(), 32);
  assert.equal(await first.evaluateDue(), 0);
  const all = await everyAlert();
  assert.deepEqual(all.map(({ id, state }) => [id, state]), [[alert.id, 'resolved']]);
  assert.ok((all[0]?.resolved_at?.getTime() ?? 0) > at(50).getTime());
  const { rows } = await pool.query<{ payload: unknown }>(`select payload from graphile_worker._private_jobs order by id`);
  assert.deepEqual(rows.map(({ payload }) => payload), ['firing', 'resolved'].map((status) => ({ alert_id: alert.id, status, route: 'pager' })));
});

test('rules tried on history tell what the running evaluation told', async () => {
  const live = (await everyAlert())[0];
  const replayed = await replayRules(pool, rules, at(30), at(80));
  assert.equal(replayed.minutes, 50);
  assert.deepEqual(replayed.alerts.map(({ scope, connector, opened_at, resolved_at, affected_accounts }) => [scope, connector, opened_at, resolved_at, affected_accounts]), [['connector', 'acme', live?.opened_at.toISOString(), live?.resolved_at?.toISOString(), 5]]);
  const deaf = await replayRules(pool, { ...rules, alerts: [{ ...(rules.alerts[0] as Extract<AlertsFile['alerts'][number], { watch: 'error-rate' }>), min_ratio_percent: 100, evaluations: 60 }] }, at(30), at(80));
  assert.deepEqual(deaf.alerts, []);
});

test('a minute that was hardly covered, and one that was not at all, leave alerts as they are', async () => {
  const watch = newWatch();
  for (let minute = 80; minute < 85; minute += 1) await seal(minute, 6);
  await watch.evaluateDue();
  const open = (await everyAlert()).filter(({ state }) => state === 'firing');
  assert.equal(open.length, 1);
  for (let minute = 85; minute < 100; minute += 1) await seal(minute, 0, 10);
  // Minutes 100 to 129 have no row; 130 is covered again.
  await seal(130, 0, 10);
  assert.equal(await watch.evaluateDue(), 46);
  assert.equal((await findAlert(pool, open[0]?.id ?? ''))?.state, 'firing');
});

test('two nodes at once judge each minute once', async () => {
  for (let minute = 131; minute < 160; minute += 1) await seal(minute, 0);
  const judged = await Promise.all([newWatch(), newWatch(), newWatch()].map((watch) => watch.evaluateDue()));
  assert.equal(judged.reduce((sum, one) => sum + one, 0), 29);
  const { rows } = await pool.query<{ minute: Date }>('select minute from alert_evaluation');
  assert.deepEqual(rows, [{ minute: at(159) }]);
});

test('accounts in needs_reauth are counted as they were at each minute', async () => {
  await pool.query(`insert into tenants (id) values ('reauth') on conflict do nothing`);
  for (let number = 1; number <= 40; number += 1) {
    await pool.query(`insert into accounts (id, tenant_id, connector_id, scheme_id, state) values ($1, 'reauth', 'beta', 'oauth', 'needs_reauth')`, [`lost-${number}`]);
    await pool.query(`insert into events (id, tenant_id, account_id, type, payload) values ($1, 'reauth', $2, 'integrated_account:needs_reauth', '{}')`, [`evt-${number}`, `lost-${number}`]);
    await pool.query(
      `insert into account_transitions (id, account_id, tenant_id, from_state, to_state, cause, actor, event_id, at)
       values ($1, $2, 'reauth', 'active', 'needs_reauth', 'grant_rejected', 'test', $3, $4)`,
      [`atr-${number}`, `lost-${number}`, `evt-${number}`, number <= 2 ? at(-1000) : new Date(at(165).getTime() + number)],
    );
  }
  for (let minute = 160; minute < 170; minute += 1) await seal(minute, 0);
  await newWatch().evaluateDue();
  const [alert] = await everyAlert();
  assert.deepEqual([alert?.connector_id, alert?.origin, alert?.opened_at, alert?.findings[0]?.evidence], ['beta', 'account', at(167), { before: 2, now: 40, window_minutes: 60 }]);
});

test('an alert that becomes more severe is told again, for the routes that take only the severest', async () => {
  const escalating: AlertsFile = {
    ...rules,
    alerts: [
      { id: 'accounts', title: 'Calls of accounts fail', severity: 'P3', watch: 'error-rate', by: 'account', min_total: 20 },
      { id: 'endpoint', title: 'An endpoint fails', severity: 'P1', watch: 'error-rate', by: 'endpoint', evaluations: 6 },
    ],
  };
  const watch = new AlertWatch({ pool, log, rules: escalating, facts: { shapeChanges: () => Promise.resolve([]) } });
  for (let minute = 170; minute < 230; minute += 1) await seal(minute, 0);
  await watch.evaluateDue();
  await pool.query('delete from graphile_worker._private_jobs');
  for (let minute = 230; minute < 245; minute += 1) await seal(minute, 6);
  await watch.evaluateDue();
  const [alert] = await everyAlert();
  assert.deepEqual([alert?.state, alert?.severity], ['firing', 'P1']);
  const { rows } = await pool.query<{ payload: unknown }>(`select payload from graphile_worker._private_jobs order by id`);
  assert.deepEqual(rows.map(({ payload }) => payload), [1, 2].map(() => ({ alert_id: alert?.id, status: 'firing', route: 'pager' })));
});

test('an alert that outlasts its silence is told then', async () => {
  const [alert] = await everyAlert();
  assert.ok(alert !== undefined);
  const sent: string[] = [];
  const upstream = { send: (request: { body: unknown }) => Promise.resolve((sent.push(String(request.body)), { status: 200, bytes: () => Promise.resolve(new Uint8Array()) })) } as unknown as UpstreamClient;
  const notify = notifyJob({ database: pool, upstream, rules, publicUrl: 'http://127.0.0.1:1', log, now: Date.now });
  const tell = () => notify.execute({ alert_id: alert.id, status: 'firing', route: 'pager' }, AbortSignal.timeout(5_000));
  const waiting = async () => (await pool.query<{ run_at: Date; payload: unknown }>(`select j.run_at, p.payload from graphile_worker.jobs j join graphile_worker._private_jobs p using (id) where j.key is not null`)).rows;
  const expiresAt = new Date(Date.now() + 30_000);
  const silence = await insertSilence(pool, { matchers: { connector: 'acme' }, reason: 'maintenance', createdBy: 'test', expiresAt });
  await tell();
  await tell();
  assert.deepEqual(sent, []);
  assert.deepEqual(await waiting(), [{ run_at: expiresAt, payload: { alert_id: alert.id, status: 'firing', route: 'pager' } }]);
  await endSilence(pool, silence.id);
  await tell();
  assert.equal(sent.length, 1);
});

test('time in which Evenkeel was away is no silence of a stream, over a change of nodes', async () => {
  const database = (await createTestDatabase()).pool;
  await runMigrations({ pgPool: database });
  const begin = Date.parse('2026-10-26T00:00:00Z');
  const back = Date.parse('2026-11-24T09:00:00Z');
  const { rows } = await database.query<{ id: number }>(`insert into telemetry_series (kind, surface, tenant_id, account_id, connector_id, endpoint) values ('inbound', 'webhook', 't', 'acc', 'acme', 'made') returning id`);
  // Six events an hour, until everything stops twelve hours before `back`.
  await database.query(`insert into hour_counts (hour, series_id, total, success) select h, $1, 6, 6 from generate_series($2::timestamptz, $3::timestamptz - interval '13 hours', interval '1 hour') h`, [rows[0]?.id, new Date(begin), new Date(back)]);
  await database.query(`insert into telemetry_hours (hour, covered_seconds, lost_seconds, amended_to) select h, 3600, 0, 0 from generate_series($1::timestamptz, $2::timestamptz - interval '13 hours', interval '1 hour') h`, [new Date(begin), new Date(back)]);
  await database.query(`insert into telemetry_minutes (minute, covered_seconds, lost_seconds) select m, 60, 0 from generate_series($1::timestamptz - interval '14 hours', $1::timestamptz - interval '12 hours 1 minute', interval '1 minute') m`, [new Date(back)]);
  const silence: AlertsFile = { version: 1, alerts: [{ id: 'silent', title: 'Events stopped', severity: 'P2', watch: 'flat-line', by: 'account' }] };
  const watch = () => new AlertWatch({ pool: database, log, rules: silence, facts: { shapeChanges: () => Promise.resolve([]) } });
  await watch().evaluateDue();
  const sealOn = (from: number, to: number) => database.query(`insert into telemetry_minutes (minute, covered_seconds, lost_seconds) select $1::timestamptz + m * interval '1 minute', 60, 0 from generate_series($2::int, $3::int - 1) m`, [new Date(back), from, to]);
  const open = () => listAlerts(database, { state: 'firing', severity: null, connectorId: null, accountId: null, tenantId: null, before: null, limit: 10 });
  await sealOn(0, 70);
  await watch().evaluateDue();
  assert.equal((await inboundStreams(database, new Date(back))).length, 2);
  assert.equal((await unmeasuredMinutes(database, new Date(back))).length, 720);
  assert.deepEqual((await open()).map(({ findings }) => findings[0]?.evidence), []);
  // The stream stays silent while it is watched: that is one.
  await sealOn(70, 420);
  await watch().evaluateDue();
  assert.equal((await open()).length, 1);
});

test('an account that was taken away is no silence, nor is its part of its connector\'s events', async () => {
  const database = (await createTestDatabase()).pool;
  await runMigrations({ pgPool: database });
  const begin = Date.parse('2026-10-26T00:00:00Z');
  // In the middle of an hour: baselines are not made anew by the clock.
  const now = Date.parse('2026-11-24T09:05:00Z');
  await database.query(`insert into tenants (id) values ('t')`);
  await database.query(`insert into accounts (id, tenant_id, connector_id, scheme_id, state) select id, 't', 'acme', 'oauth', 'active' from unnest($1::text[]) id`, [['acc_gone', 'acc_stays']]);
  const { rows } = await database.query<{ id: number }>(
    `insert into telemetry_series (kind, surface, tenant_id, account_id, connector_id, endpoint) select 'inbound', 'webhook', 't', id, 'acme', 'made' from unnest($1::text[]) id returning id`,
    [['acc_gone', 'acc_stays']],
  );
  // 600 events an hour of the one, 6 of the other.
  await database.query(`insert into hour_counts (hour, series_id, total, success) select h, id, n, n from unnest($1::bigint[], array[600, 6]) as s (id, n), generate_series($2::timestamptz, $3::timestamptz, interval '1 hour') h`, [rows.map(({ id }) => id), new Date(begin), new Date(now - 3_600_000)]);
  await database.query(`insert into telemetry_hours (hour, covered_seconds, lost_seconds, amended_to) select h, 3600, 0, 0 from generate_series($1::timestamptz, $2::timestamptz, interval '1 hour') h`, [new Date(begin), new Date(now)]);
  const sealOn = async (from: number, to: number, ids: readonly (number | undefined)[]) => {
    await database.query(`insert into minute_counts (minute, series_id, total, success) select $1::timestamptz + m * interval '1 minute', id, 1, 1 from generate_series($2::int, $3::int - 1) m, unnest($4::bigint[]) id`, [new Date(now), from, to, ids]);
    await database.query(`insert into telemetry_minutes (minute, covered_seconds, lost_seconds) select $1::timestamptz + m * interval '1 minute', 60, 0 from generate_series($2::int, $3::int - 1) m`, [new Date(now), from, to]);
  };
  const silence: AlertsFile = { version: 1, alerts: [{ id: 'silent', title: 'Events stopped', severity: 'P2', watch: 'flat-line', by: 'account' }, { id: 'all-silent', title: 'Events stopped', severity: 'P2', watch: 'flat-line', by: 'connector' }] };
  const watch = new AlertWatch({ pool: database, log, rules: silence, facts: { shapeChanges: () => Promise.resolve([]) } });
  const open = async () => (await listAlerts(database, { state: 'firing', severity: null, connectorId: null, accountId: null, tenantId: null, before: null, limit: 10 })).map(({ scope, account_id }) => `${scope} ${account_id}`);
  await sealOn(0, 5, rows.map(({ id }) => id));
  await watch.evaluateDue();
  await database.query(`update accounts set deleted_at = now() where id = 'acc_gone'`);
  await sealOn(5, 30, []);
  await watch.evaluateDue();
  assert.deepEqual(await open(), []);
  await database.query(`update accounts set deleted_at = null where id = 'acc_gone'`);
  await sealOn(30, 35, []);
  await watch.evaluateDue();
  assert.deepEqual(await open(), ['connector null'], 'the same silence of one that is there is told of');
});
