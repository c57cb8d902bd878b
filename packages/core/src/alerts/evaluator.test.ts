import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AlertsFile } from '@evenkeel/contract/playbook/alerts.ts';
import { Sketch } from '../telemetry/sketch.ts';
import { AlertEvaluator, type AlertChange } from './evaluator.ts';
import type { CountRow, MinuteFacts, SeriesIdentity } from './facts.ts';
import { makeBaseline } from './flat-line.ts';

const file: AlertsFile = {
  version: 1,
  alerts: [
    { id: 'endpoint', title: 'Calls of one endpoint fail', severity: 'P2', watch: 'error-rate', by: 'endpoint' },
    { id: 'account', title: 'Calls of accounts fail', severity: 'P3', watch: 'error-rate', by: 'account', min_total: 20 },
    { id: 'platform', title: 'Calls fail through our own fault', severity: 'P1', watch: 'error-rate', by: 'connector', origins: ['platform'], min_ratio_percent: 1 },
    { id: 'reauth', title: 'Accounts lose their authorisation', severity: 'P2', watch: 'auth-health' },
    { id: 'lag', title: 'Events are late', severity: 'P2', watch: 'webhook-lag', above_s: 30 },
    { id: 'delivery', title: 'Deliveries fail', severity: 'P3', watch: 'delivery-rate', by: 'endpoint', below_percent: 99.5 },
    { id: 'tenant', title: 'A tenant is broken', severity: 'P3', watch: 'tenant-success' },
    { id: 'silent', title: 'Events stopped', severity: 'P2', watch: 'flat-line', by: 'connector' },
    { id: 'silent-account', title: 'Events stopped', severity: 'P3', watch: 'flat-line', by: 'account' },
    { id: 'early', title: 'Tokens end early', severity: 'P3', watch: 'token-drift' },
    { id: 'shape', title: 'Answers changed', severity: 'P3', watch: 'drift' },
  ],
};

const start = Date.parse('2026-11-23T09:00:00Z');
const slots = new Map<string, number>();
function row(series: Partial<SeriesIdentity>, counts: Partial<Omit<CountRow, 'series' | 'slot'>>): CountRow {
  const full: SeriesIdentity = { kind: 'call', surface: 'proxy', tenantId: null, accountId: null, connectorId: null, endpoint: null, ...series };
  const key = JSON.stringify(full);
  if (!slots.has(key)) slots.set(key, slots.size);
  const all = { success: 0, caller: 0, account: 0, platform: 0, upstream: 0, aborted: 0, lag: null, ...counts };
  return { series: full, slot: slots.get(key) ?? 0, total: all.success + all.caller + all.account + all.platform + all.upstream + all.aborted, ...all };
}
const calls = (connectorId: string, account: number, counts: Partial<CountRow>, endpoint = 'contacts.list') => row({ connectorId, accountId: `${connectorId}-${account}`, tenantId: `tenant-${account}`, endpoint }, counts);

/** Runs minutes of `facts` by number; returns the changes with the minute they came in. */
function run(evaluator: AlertEvaluator, from: number, to: number, facts: (minute: number) => Partial<MinuteFacts>): { at: number; change: AlertChange }[] {
  const changes: { at: number; change: AlertChange }[] = [];
  for (let at = from; at < to; at += 1) {
    const given = facts(at);
    const minute: MinuteFacts = { minute: start + at * 60_000, measured: true, rows: [], needsReauth: new Map(), earlyEnds: [], shapeChanges: [], ...given };
    changes.push(...evaluator.minute(minute).map((change) => ({ at, change })));
  }
  return changes;
}
const shown = (changes: readonly { at: number; change: AlertChange }[]) => changes.map(({ at, change }) => `${at} ${change.kind} ${change.kind === 'resolved' ? change.key : change.cause.key}`);
const tenAccounts = (connectorId: string, counts: Partial<CountRow>) => Array.from({ length: 10 }, (_, account) => calls(connectorId, account, counts));

describe('the evaluation of alerts', () => {
  it('an outage of a vendor is one alert with all its accounts, and resolves once', () => {
    const changes = run(new AlertEvaluator(file), 0, 120, (at) => ({ rows: [...tenAccounts('acme', at >= 40 && at < 60 ? { upstream: 10 } : { success: 10 }), ...tenAccounts('other', { success: 10 })] }));
    const opened = changes.filter(({ change }) => change.kind === 'opened');
    assert.deepEqual(opened.map(({ change }) => (change.kind === 'opened' ? [change.cause.key, change.cause.origin, change.cause.severity, change.cause.affected.length] : [])), [['failures acme', 'upstream', 'P2', 10]]);
    assert.ok((opened[0]?.at ?? 0) >= 40 && (opened[0]?.at ?? 99) <= 43, shown(changes).join('\n'));
    const resolved = changes.filter(({ change }) => change.kind === 'resolved');
    assert.deepEqual(resolved.map(({ change }) => (change.kind === 'resolved' ? [change.key, change.joined] : [])), [['failures acme', null]]);
    assert.ok((resolved[0]?.at ?? 0) > 60 && (resolved[0]?.at ?? 0) <= 85, shown(changes).join('\n'));
  });

  it('looks at each failed row a few times, however many accounts an outage meets', () => {
    let looks = 0;
    const watched = (one: CountRow): CountRow => ({ ...one, get series() { looks += 1; return one.series; } });
    const looksFor = (accounts: number): number => {
      const rows = (counts: Partial<CountRow>): CountRow[] => Array.from({ length: accounts }, (_, account) => watched(calls('wide', account, counts)));
      looks = 0;
      const changes = run(new AlertEvaluator(file), 0, 35, (at) => ({ rows: rows(at >= 30 ? { upstream: 30 } : { success: 30 }) }));
      assert.deepEqual(changes.flatMap(({ change }) => (change.kind === 'opened' ? change.cause.affected.length : [])), [accounts]);
      return looks;
    };
    const [few, many] = [looksFor(50), looksFor(500)];
    assert.ok(many <= few * 11, `${few} looks for 50 accounts, ${many} for 500`);
  });

  it('one account of many is its own alert', () => {
    const changes = run(new AlertEvaluator(file), 0, 70, (at) => ({ rows: tenAccounts('acme', { success: 30 }).map((one, account) => (account === 3 && at >= 40 ? calls('acme', 3, { account: 30 }) : one)) }));
    const opened = changes.flatMap(({ change }) => (change.kind === 'opened' ? change.cause : []));
    assert.deepEqual(opened.map(({ key, scope, origin, subject }) => [key, scope, origin, subject.tenantId]), [['failures acme account acme-3', 'account', 'account', 'tenant-3']]);
  });

  it('our own fault and an outage of the vendor at the same time are two alerts, each with its origin, and each ends with its own reason', () => {
    const unified = (counts: Partial<CountRow>) => Array.from({ length: 10 }, (_, account) => row({ connectorId: 'acme', surface: 'unified', accountId: `acme-${account}`, tenantId: `tenant-${account}`, endpoint: 'crm.contacts.list' }, counts));
    const changes = run(new AlertEvaluator(file), 0, 150, (at) => ({
      rows: [...tenAccounts('acme', at >= 40 && at < 90 ? { upstream: 10 } : { success: 10 }), ...unified(at >= 45 && at < 60 ? { platform: 6, success: 4 } : { success: 10 })],
    }));
    assert.deepEqual(changes.flatMap(({ change }) => (change.kind === 'opened' ? [[change.cause.key, change.cause.origin, change.cause.severity, change.cause.affected.length]] : [])), [
      ['failures acme', 'upstream', 'P2', 10],
      ['failures acme platform', 'platform', 'P1', 10],
    ]);
    const ends = changes.flatMap(({ change, at }) => (change.kind === 'resolved' ? [[change.key, change.joined, at]] : []));
    assert.deepEqual(ends.map(([key, joined]) => [key, joined]), [['failures acme platform', null], ['failures acme', null]]);
    assert.ok(Number(ends[0]?.[2]) < 90, 'the platform\'s ends while the vendor still fails');
    const platform = changes.flatMap(({ change }) => (change.kind === 'opened' && change.cause.origin === 'platform' ? change.cause.findings : []));
    assert.ok(platform.every(({ finding }) => finding.origin === 'platform'));
  });

  it('three connectors that fail through our own fault are the platform, at the highest severity', () => {
    const changes = run(new AlertEvaluator(file), 0, 60, (at) => ({ rows: ['one', 'two', 'three'].flatMap((connector) => tenAccounts(connector, at >= 40 ? { success: 8, platform: 2 } : { success: 10 })) }));
    const open = changes.flatMap(({ change }) => (change.kind === 'opened' ? change.cause : [])).at(-1);
    assert.deepEqual([open?.key, open?.scope, open?.severity, open?.origin, open?.affected.length], ['failures platform', 'platform', 'P1', 'platform', 30]);
    assert.ok(changes.every(({ change }) => change.kind !== 'resolved' || change.joined === 'failures platform'));
  });

  it('2 → 40 accounts in needs_reauth within an hour is one; 38 → 40 is none', () => {
    const count = (at: number) => new Map([['acme', at < 70 ? 2 : Math.min(40, 2 + (at - 70))], ['other', at < 70 ? 38 : 40]]);
    const changes = run(new AlertEvaluator(file), 0, 130, (at) => ({ needsReauth: count(at) }));
    assert.deepEqual(changes.flatMap(({ change }) => (change.kind === 'opened' ? change.cause.key : [])), ['reauth acme']);
  });

  it('lag, deliveries, early ends, shapes and a broken tenant each have theirs', () => {
    const late = new Sketch();
    late.record(45_000_000, 30);
    const changes = run(new AlertEvaluator(file), 0, 24 * 60 + 5, (at) => ({
      rows: [
        row({ kind: 'inbound', connectorId: 'acme', accountId: 'acme-1', surface: 'webhook' }, { success: 30, lag: late }),
        row({ kind: 'delivery', endpoint: 'ep_1', surface: 'webhook' }, { success: 98, upstream: 2 }),
        row({ kind: 'delivery', endpoint: 'ep_2', surface: 'webhook' }, { success: 1000, upstream: 4 }),
        row({ tenantId: 'sad', accountId: 'sad-1', connectorId: 'other', endpoint: 'contacts.list' }, { account: 1 }),
        row({ tenantId: 'glad', accountId: 'glad-1', connectorId: 'other', endpoint: 'contacts.list' }, { success: 300 }),
      ],
      earlyEnds: at === 3 ? [1, 2, 3].map((account) => ({ connectorId: 'acme', accountId: `acme-${account}`, driftS: 3000 })) : [],
      shapeChanges: at >= 5 ? [{ id: 'drf_1', connectorId: 'acme', endpoint: 'contacts.list', change: 'breaking' }] : [],
    }));
    const opened = changes.flatMap(({ change, at }) => (change.kind === 'opened' ? `${change.cause.key}@${at}` : []));
    assert.ok(opened.includes('lag acme@1') && opened.includes('delivery ep_1@10') && opened.includes('early acme@4') && opened.includes('shape acme@6'), opened.join());
    assert.ok(!opened.some((key) => key.includes('ep_2') || key.includes('glad')), opened.join());
    assert.equal(opened.find((key) => key.startsWith('tenant ')), 'tenant sad@1440');
  });

  it('a tenant that failed for a while and then rested is not broken by its silence, only by failing still', () => {
    const file: AlertsFile = { version: 1, alerts: [{ id: 'tenant', title: 'A tenant is broken', severity: 'P3', watch: 'tenant-success' }] };
    const one = (counts: Partial<CountRow>) => [row({ tenantId: 'sad', accountId: 'sad-1', connectorId: 'other', endpoint: 'contacts.list' }, counts)];
    const facts = (at: number) => ({ rows: at < 10 ? one({ success: 1 }) : at < 40 || at >= 3_000 ? one({ account: 1 }) : [] });
    assert.deepEqual(shown(run(new AlertEvaluator(file), 0, 3_010, facts)), ['3001 opened tenant sad']);
  });

  it('an alert does not resolve while counts are missing: what failed may be among them', () => {
    const evaluator = new AlertEvaluator(file);
    const changes = run(evaluator, 0, 60, (at) => ({ rows: tenAccounts('acme', at >= 40 ? { upstream: 10 } : { success: 10 }) }));
    assert.deepEqual(changes.flatMap(({ change }) => (change.kind === 'opened' ? change.cause.key : [])), ['failures acme']);
    assert.deepEqual(shown(run(evaluator, 60, 120, () => ({ complete: false, rows: [] }))).filter((line) => line.includes('resolved')), []);
    assert.deepEqual(shown(run(evaluator, 120, 140, () => ({ rows: tenAccounts('acme', { success: 10 }) }))).filter((line) => line.includes('resolved')).length, 1);
  });

  it('one silent subscription is an account\'s alert, all of them silent one of the connector', () => {
    const week = Array.from({ length: 168 }, () => 20);
    const baseline = makeBaseline([week, week, week]);
    const stream = (account: number | null) => ({ connectorId: 'acme', accountId: account === null ? null : `acme-${account}`, tenantId: account === null ? null : `tenant-${account}`, baseline, lastEventMs: start });
    const event = (account: number) => row({ kind: 'inbound', surface: 'webhook', connectorId: 'acme', accountId: `acme-${account}`, tenantId: `tenant-${account}` }, { success: 1 });
    const watched = [stream(null), ...[0, 1, 2, 3].map(stream)];

    const one = new AlertEvaluator(file);
    one.watch(watched, null);
    const single = run(one, 0, 120, (at) => ({ rows: [0, 1, 2, 3].filter((account) => account !== 2 || at < 30).map(event) }));
    assert.deepEqual(single.flatMap(({ change }) => (change.kind === 'opened' ? [change.cause.key, change.cause.scope] : [])), ['silence acme acme-2', 'account']);

    const behind = new AlertEvaluator(file);
    behind.watch(watched, null);
    assert.deepEqual(run(behind, 0, 120, (at) => ({ complete: at < 30, rows: at < 30 ? [0, 1, 2, 3].map(event) : [] })), [], 'a node is behind with its counts: nothing says that there were none');

    const all = new AlertEvaluator(file);
    all.watch(watched, null);
    const whole = run(all, 0, 120, (at) => ({ rows: at < 30 ? [0, 1, 2, 3].map(event) : [] }));
    assert.deepEqual(whole.flatMap(({ change }) => (change.kind === 'opened' ? [change.cause.key, change.cause.scope, change.cause.affected.length] : [])), ['silence acme', 'connector', 4]);
  });

  it('what is not measured neither fires nor resolves', () => {
    const evaluator = new AlertEvaluator(file);
    const before = run(evaluator, 0, 45, (at) => ({ rows: tenAccounts('acme', at >= 40 ? { upstream: 10 } : { success: 10 }) }));
    assert.equal(before.filter(({ change }) => change.kind === 'opened').length, 1);
    assert.deepEqual(run(evaluator, 45, 100, () => ({ measured: false })), []);
  });

  it('goes on after a restart as if there had been none', () => {
    const facts = (at: number) => ({ rows: tenAccounts('acme', at >= 40 && at < 60 ? { upstream: 10 } : { success: 10 }) });
    const whole = run(new AlertEvaluator(file), 0, 120, facts);
    const first = new AlertEvaluator(file);
    const before = run(first, 0, 50, facts);
    const open = before.flatMap(({ change }) => (change.kind === 'resolved' ? [] : change.cause)).slice(-1);
    const second = new AlertEvaluator(file);
    for (let at = 50 - second.historyMinutes; at < 50; at += 1) second.remember({ minute: start + at * 60_000, measured: true, needsReauth: new Map(), earlyEnds: [], shapeChanges: [], ...facts(at) });
    second.resume(JSON.parse(JSON.stringify(open)) as typeof open);
    assert.deepEqual(shown([...before, ...run(second, 50, 120, facts)]), shown(whole));
  });
});
