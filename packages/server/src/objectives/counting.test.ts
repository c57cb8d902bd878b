import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Agreement, Terms } from '@evenkeel/contract/playbook/agreements.ts';
import { definePolicy, type ObjectiveDefinition } from '@evenkeel/core/objectives/definition.ts';
import { readPercent, whole } from '@evenkeel/core/objectives/share.ts';
import { isMeasured, noTally, tallyColumns, type Tally } from '@evenkeel/core/objectives/tally.ts';
import { createTestDatabase } from '@evenkeel/tests/harness/database.ts';
import { amendCoverage, amendMinute, plantSeries, sealMinute, type PlantedCounts } from '@evenkeel/tests/harness/sealed-minutes.ts';
import { seeded } from '@evenkeel/tests/harness/seeded-chance.ts';
import { readPlaybook } from '../playbook/playbook.ts';
import { agreementCounterKey, putAgreement, readAgreementMinutes } from './agreements/agreement-store.ts';
import { computeStatement, findStatement } from './agreements/statements.ts';
import { readUnmeasured } from './counting/coverage-store.ts';
import { readAgreements, type Definitions } from './definitions.ts';
import { readTracks, readWindows, writeScope } from './evaluation/scopes.ts';
import { tick } from './tick.ts';
import { trimSums } from './retention.ts';

const base = { title: '', description: null, indicatorName: '', target: readPercent('99.9') ?? 0n, budget: whole - (readPercent('99.9') ?? 0n), window: { kind: 'rolling', days: 1 }, scopes: ['overall', 'connector', 'category', 'tenant'], minimum: { events: 1, bad: 1 }, minMeasuredMinutes: 0, burnMinimum: { events: 1, bad: 1 }, service: 'evenkeel', terms: null, openslo: null } as const;
const objectives: ObjectiveDefinition[] = [
  { ...base, id: 'platform', indicator: { measure: 'availability', upstream: 'excluded' }, method: 'events', sliceBadAbove: 0n },
  { ...base, id: 'customer', indicator: { measure: 'availability', upstream: 'included' }, method: 'time_slices', sliceBadAbove: readPercent('5') ?? 0n },
  { ...base, id: 'fast', indicator: { measure: 'fast_answers', upstream: 'included' }, method: 'events', sliceBadAbove: 0n },
  { ...base, id: 'latency', indicator: { measure: 'overhead_latency', percentile: 95, threshold_ms: 50 }, method: 'time_slices', sliceBadAbove: 0n },
  { ...base, id: 'fresh', indicator: { measure: 'freshness' }, method: 'events', sliceBadAbove: 0n },
];
const terms: Terms = {
  title: 'Standard', target: 99.99, maintenance_notice_hours: 72, exclusions: ['maintenance', 'upstream'], cap: 50,
  downtime: { consecutive_minutes: 5, above: 5, errors: 'platform', unmeasured: 'downtime' },
  credits: [{ below: 99.99, credit: 10 }, { below: 99.9, credit: 25 }, { below: 99, credit: 50 }],
};
const reading = await readPlaybook(undefined);
assert.ok(reading.ok);
const definitions: Definitions = { objectives, policy: definePolicy(reading.playbook.budgetPolicy), terms: { standard: terms }, agreementsOfFile: [] };

/** Whole numbers that are the same in every run. */
function numbers(seed: number): (below: number) => number {
  const random = seeded(seed);
  return (below) => Math.floor(random() * below);
}

const { pool } = await createTestDatabase();
const second = await createTestDatabase();
const start = Date.UTC(2026, 9, 31, 22, 0) / 60_000;

/** What was written, so that the oracle can count it in its own way: minute → series → counts and durations. */
interface Written {
  readonly counts: Map<number, PlantedCounts[]>;
  readonly covered: Map<number, number>;
}

const series = [
  { tenantId: 'acme', connectorId: 'one', category: 'crm' },
  { tenantId: 'acme', connectorId: 'two', category: null },
  { tenantId: 'globex', connectorId: 'one', category: 'crm' },
  { tenantId: 'acme', connectorId: 'one', category: 'crm', kind: 'delivery' as const, surface: 'webhook' },
  { tenantId: 'acme', connectorId: 'one', category: 'crm', surface: 'external' },
];

function draw(random: (below: number) => number, id: number): PlantedCounts {
  const [platform5xx, upstream5xx, aborted, caller, slow] = [random(4) === 0 ? random(6) : 0, random(5) === 0 ? random(9) : 0, random(3), random(4), random(3)];
  const success = random(40) + slow;
  const counts = { success, platform: platform5xx, upstream: upstream5xx, caller, aborted, platform_5xx: platform5xx, upstream_5xx: upstream5xx, slow, total: success + platform5xx + upstream5xx + caller + aborted };
  return { series: id, counts, overheadUs: Array.from({ length: random(5) }, () => 1_000 + random(16) * 5_000), lagUs: Array.from({ length: Math.min(success, random(6)) }, () => random(4) * 30_000_000) };
}

/** The whole of it recounted minute by minute from what was written, without sums, tracks or SQL. */
function bruteForce(written: Written, ids: readonly number[], objective: ObjectiveDefinition, scope: string, from: number, to: number): Tally {
  const sum = { ...noTally };
  for (let minute = from; minute < to; minute += 1) {
    const rows = (written.counts.get(minute) ?? []).filter((row) => {
      const of = series[ids.indexOf(row.series)];
      return of !== undefined && of.surface !== 'external' && ['overall', `tenant:${of.tenantId}`, `connector:${of.connectorId}`, `category:${of.category}`].includes(scope);
    });
    const calls = rows.filter((row) => series[ids.indexOf(row.series)]?.kind !== 'delivery');
    const deliveries = rows.filter((row) => series[ids.indexOf(row.series)]?.kind === 'delivery');
    const of = (list: readonly PlantedCounts[], column: keyof PlantedCounts['counts']): number => list.reduce((all, row) => all + (row.counts[column] ?? 0), 0);
    const [p, u, answered] = [of(calls, 'platform_5xx'), of(calls, 'upstream_5xx'), of(calls, 'total') - of(calls, 'aborted')];
    let [events, bad, isBad] = [0, 0, false];
    if (objective.id === 'platform') [events, bad] = [answered - u, p];
    if (objective.id === 'customer') {
      [events, bad] = [answered, p + u];
      isBad = bad * 20 > events;
    }
    if (objective.id === 'fast') [events, bad] = [answered, p + u + of(calls, 'slow')];
    if (objective.id === 'latency') {
      const durations = calls.flatMap((row) => row.overheadUs ?? []).toSorted((a, b) => a - b);
      // Nearest rank, with the middle of the bucket; drawn values are far enough from the threshold's bucket not to matter.
      isBad = (durations[Math.max(1, Math.ceil(0.95 * durations.length)) - 1] ?? 0) > 50_000;
      events = answered;
    }
    if (objective.id === 'fresh') {
      const late = deliveries.flatMap((row) => row.lagUs ?? []).filter((us) => us > 60_000_000).length;
      const failed = of(deliveries, 'total') - of(deliveries, 'aborted') - of(deliveries, 'success');
      [events, bad] = [of(deliveries, 'total') - of(deliveries, 'aborted'), failed + Math.min(late, of(deliveries, 'success'))];
    }
    sum.events += events;
    sum.bad += bad;
    if (isBad) sum.badMinutes += 1;
    if (isBad && !isMeasured(written.covered.get(minute) ?? 0, 0)) sum.blindMinutes += 1;
  }
  return sum;
}

test('incremental sums equal a brute-force recount to the integer, with gaps, late facts, amendments and a late counter', async () => {
  const random = numbers(20_261_101);
  const ids: number[] = [];
  for (const one of series) ids.push(await plantSeries(pool, one));
  await putAgreement(pool, { id: 'acme', tenant_id: 'acme', terms: 'standard', time_zone: 'UTC', starts: '2026-01-01', monthly_fee_minor: 500_000, currency: 'USD' } satisfies Agreement, 'test');
  const written: Written = { counts: new Map(), covered: new Map() };
  const minutes = 260;
  const late: number[] = [];
  for (let at = 0; at < minutes; at += 1) {
    const minute = start + at;
    if (random(20) === 0) continue;
    const covered = random(10) === 0 ? random(61) : 60;
    const counts = ids.flatMap((id) => (random(4) === 0 ? [] : [draw(random, id)]));
    written.counts.set(minute, [...counts]);
    written.covered.set(minute, covered);
    await sealMinute(pool, minute, counts, covered);
    if (random(6) === 0) late.push(minute);
    // A second objective comes to the playbook half-way, and late facts arrive at any time.
    if (random(8) === 0) await tick(pool, at < minutes / 2 ? { ...definitions, objectives: objectives.slice(0, 3) } : definitions);
    if (random(5) === 0 && late.length > 0) {
      const of = late[random(late.length)] ?? minute;
      const added = draw(random, ids[random(ids.length)] ?? 0);
      written.counts.get(of)?.push(added);
      await amendMinute(pool, of, [added]);
      if (random(3) === 0 && (written.covered.get(of) ?? 60) < 60) {
        written.covered.set(of, 60);
        await amendCoverage(pool, of, 60);
      }
    }
  }
  await tick(pool, definitions);
  assert.equal((await tick(pool, definitions)).minutes, 0, 'nothing is counted twice');
  const end = start + minutes;
  const ranges = [[start, end], [start + 17, start + 18], [start + 100, start + 160], [start - 500, start + 30], [end - 5, end], [start + 59, end - 40]].map(([from = 0, to = 0]) => ({ from, to }));
  const tracks = await readTracks(pool, objectives);
  const reader = await readWindows(pool, tracks, ranges);
  let compared = 0;
  for (const objective of objectives) {
    const key = `${objective.indicator.measure}`;
    for (const track of tracks.filter((one) => one.key.startsWith(key) && (objective.id !== 'customer' || one.key.includes('included')) && (objective.id !== 'platform' || one.key.includes('excluded')))) {
      for (const range of ranges) {
        const found = reader.sums(track, range);
        const expected = bruteForce(written, ids, objective, writeScope(track), range.from, range.to);
        for (const column of ['events', 'bad', 'badMinutes', 'blindMinutes'] as const) assert.equal(found.tally[column], expected[column], `${objective.id} ${writeScope(track)} ${column} from ${range.from - start} to ${range.to - start}`);
        assert.equal(found.tally.platform + found.tally.upstream + found.tally.slow, found.tally.bad, 'causes make up what is bad');
        const measured = Array.from({ length: range.to - range.from }, (_, at) => range.from + at).filter((minute) => minute >= track.firstMinute && isMeasured(written.covered.get(minute) ?? 0, 0)).length;
        assert.equal(found.measuredMinutes, measured);
        compared += 1;
      }
    }
  }
  assert.ok(compared > 100, `${compared} windows were compared`);
  // Minutes of the agreement, and the minutes nobody measured.
  const oracle = [...written.counts].flatMap(([minute, rows]) => {
    const own = rows.filter((row) => ids.indexOf(row.series) < 2);
    const of = (column: 'total' | 'aborted' | 'platform_5xx') => own.reduce((all, row) => all + (row.counts[column] ?? 0), 0);
    const [requests, failed] = [of('total') - of('aborted'), of('platform_5xx')];
    return failed * 20 > requests ? [{ minute, requests, failed }] : [];
  });
  assert.deepEqual(await readAgreementMinutes(pool, 'acme', 0, 1e9), oracle.toSorted((a, b) => a.minute - b.minute));
  const first = Math.min(...written.covered.keys());
  const last = Math.max(...written.covered.keys());
  const blind = Array.from({ length: last - first + 1 }, (_, at) => first + at).filter((minute) => !isMeasured(written.covered.get(minute) ?? 0, 0));
  assert.deepEqual(await readUnmeasured(pool, 0, 1e9), blind);
  // Trimming changes no window that begins after it.
  const before = reader.sums(tracks[0] ?? assert.fail(), ranges[2] ?? assert.fail()).tally;
  await trimSums(pool, (start + 90 + 125 * 1440) * 60_000, 130);
  const after = (await readWindows(pool, tracks, ranges)).sums(tracks[0] ?? assert.fail(), ranges[2] ?? assert.fail()).tally;
  for (const column of tallyColumns) assert.equal(after[column], before[column]);
});

test('a month is stated when it closes; a late fact makes a further revision and the first stays', async () => {
  const { pool: own } = second;
  const id = await plantSeries(own, { tenantId: 'acme' });
  const agreement: Agreement = { id: 'acme', tenant_id: 'acme', terms: 'standard', time_zone: 'Europe/Berlin', starts: '2026-01-01', monthly_fee_minor: 500_000, currency: 'USD' };
  await putAgreement(own, agreement, 'test');
  // October ends at 23:00 UTC in Berlin. A run of four bad minutes before it and one after it qualifies.
  const end = Date.UTC(2026, 9, 31, 23, 0) / 60_000;
  const counts = (bad: boolean): PlantedCounts[] => [{ series: id, counts: { total: 10, success: bad ? 0 : 10, platform: bad ? 10 : 0, platform_5xx: bad ? 10 : 0 } }];
  for (let minute = end - 60; minute < end + 61; minute += 1) await sealMinute(own, minute, counts(minute >= end - 4 && minute < end + 1));
  const { statements } = await tick(own, definitions);
  assert.deepEqual(statements, ['acme 2026-10']);
  const first = await findStatement(own, 'acme', '2026-10', null);
  assert.deepEqual([first?.revision, first?.downtime_minutes, first?.total_minutes, first?.credit_percent], [1, 4, 60, '50']);
  assert.equal(first?.left_out_minutes, 44_700 - 60, 'before the first sealed minute nothing can be said');
  // The minute after the month's end was good after all: late successes. The run is one too short.
  await amendMinute(own, end, [{ series: id, counts: { total: 1000, success: 1000 } }]);
  assert.deepEqual((await tick(own, definitions)).statements, ['acme 2026-10']);
  assert.deepEqual((await findStatement(own, 'acme', '2026-10', null))?.downtime_minutes, 0);
  assert.deepEqual(await findStatement(own, 'acme', '2026-10', 1), first);
  const [known] = await readAgreements(own, definitions);
  assert.ok(known !== undefined && agreementCounterKey(known.definition.id) === 'agreement acme');
  assert.equal((await computeStatement(own, known.definition, '2026-11'))?.state, 'open');
  assert.equal(await computeStatement(own, known.definition, '2025-12'), null);
});

test('an agreement made when the counts of its minutes are gone does not call them up', async () => {
  await putAgreement(second.pool, { id: 'late', tenant_id: 'globex', terms: 'standard', time_zone: 'UTC', starts: '2026-01-01', monthly_fee_minor: 500_000, currency: 'USD' }, 'test');
  // By any clock the counts of last October are gone then.
  await tick(second.pool, definitions, { keptDays: -10_000 });
  const known = (await readAgreements(second.pool, definitions)).find(({ written }) => written.id === 'late');
  assert.ok(known !== undefined);
  const statement = await computeStatement(second.pool, known.definition, '2026-10');
  assert.deepEqual([statement?.uptime_percent, statement?.total_minutes, statement?.left_out_minutes, statement?.credit_minor], [null, 0, 44_640, 0]);
});

test('what is old stays as it was counted: coverage is trimmed, and a late fact comes to a minute whose counts are gone', async () => {
  const { pool: own } = second;
  const end = Date.UTC(2026, 9, 31, 23, 0) / 60_000;
  const known = (await readAgreements(own, definitions)).find(({ written }) => written.id === 'acme');
  assert.ok(known !== undefined);
  const before = await readAgreementMinutes(own, 'acme', end - 60, end);
  assert.equal(before.length, 4);
  await own.query('delete from minute_counts where minute = $1', [new Date((end - 2) * 60_000)]);
  const { rows: [series] } = await own.query<{ id: number }>(`select id from telemetry_series where tenant_id = 'acme'`);
  await amendMinute(own, end - 2, [{ series: series?.id ?? 0, counts: { total: 1, success: 1 } }]);
  await trimSums(own, (end + 30 + 125 * 1440) * 60_000, 130);
  await sealMinute(own, end + 61);
  await tick(own, definitions, { keptDays: -10_000 });
  assert.deepEqual(await readAgreementMinutes(own, 'acme', end - 60, end), before);
  assert.equal((await computeStatement(own, known.definition, '2026-10'))?.total_minutes, 60, 'an old month does not lie before the beginning');
});

test('terms that change in the playbook count the months anew that can be counted whole, and leave the others', async () => {
  const { pool: own } = await createTestDatabase();
  const id = await plantSeries(own, { tenantId: 'acme' });
  const month = Temporal.Now.zonedDateTimeISO('UTC').with({ day: 1 }).startOfDay();
  const [now, before] = [month, month.subtract({ months: 1 })].map((one) => one.epochMilliseconds / 60_000) as [number, number];
  // Ten minutes in each of two months: 3 % of the calls fail.
  for (const from of [before, now]) for (let at = 0; at < 10; at += 1) await sealMinute(own, from + at, [{ series: id, counts: { total: 100, success: 97, platform: 3, platform_5xx: 3 } }]);
  const withTerms = (above: number, errors: 'platform' | 'platform_and_upstream' = 'platform') => ({ ...definitions, objectives: [], terms: { standard: { ...terms, downtime: { ...terms.downtime, above, errors } } }, agreementsOfFile: [{ id: 'acme', tenant_id: 'acme', terms: 'standard', time_zone: 'UTC', starts: '2026-01-01', monthly_fee_minor: 500_000, currency: 'USD' }] });
  const bad = async () => Promise.all([before, now].map(async (from) => (await readAgreementMinutes(own, 'acme', from, from + 10)).length));
  const days = Math.floor((Date.now() / 60_000 - now) / 1440) + 5;
  await tick(own, withTerms(5), { keptDays: 100 });
  assert.deepEqual(await bad(), [0, 0]);
  // Counts are kept since some days before this month: the former one is not counted in part.
  for (const [above, keptDays, expected] of [[2, days, [0, 10]], [5, 100, [0, 0]], [2, 100, [10, 10]], [2, 100, [10, 10]]] as const) {
    await sealMinute(own, now + 11 + (await own.query('select from telemetry_minutes')).rows.length);
    await tick(own, withTerms(above), { keptDays });
    assert.deepEqual(await bad(), expected, `more than ${above} %, ${keptDays} days kept`);
  }
});

test('the minute an installation begins in is no downtime; one that is not measured later is', async () => {
  const { pool: own } = await createTestDatabase();
  const sharp: Terms = { ...terms, downtime: { ...terms.downtime, consecutive_minutes: 1 } };
  await putAgreement(own, { id: 'new', tenant_id: 'acme', terms: 'standard', time_zone: 'UTC', starts: '2026-01-01', monthly_fee_minor: 500_000, currency: 'USD' }, 'test');
  const begin = Date.UTC(2026, 9, 20, 12, 0) / 60_000;
  // Two short lives before it stays up: neither is a minute anybody could have counted on.
  for (const [at, covered] of [[0, 12], [1, 0], [2, 29], [3, 60], [4, 60], [5, 20], [6, 60]] as const) await sealMinute(own, begin + at, [], covered);
  const changed = { ...definitions, terms: { standard: sharp } };
  await tick(own, changed);
  const [known] = await readAgreements(own, changed);
  assert.ok(known !== undefined);
  const statement = await computeStatement(own, known.definition, '2026-10');
  assert.deepEqual([statement?.downtime_minutes, statement?.total_minutes, statement?.downtime.map(({ run }) => run.from)], [1, 4, [new Date((begin + 5) * 60_000).toISOString()]]);
  // More of the first minutes becomes known: then the beginning is where it was measured.
  await amendCoverage(own, begin + 2, 20);
  await tick(own, changed);
  assert.equal((await computeStatement(own, known.definition, '2026-10'))?.total_minutes, 5);
});

test('old sums are kept by the quarter of an hour: windows that begin and end on one stay exact, and nothing younger is touched', async () => {
  const { pool: own } = await createTestDatabase();
  const id = await plantSeries(own, { tenantId: 'acme' });
  const begin = Math.floor(Date.UTC(2026, 9, 1) / 60_000);
  const random = numbers(7);
  // Two hours around midnight, each minute another number of events, some none.
  for (let at = -60; at < 60; at += 1) await sealMinute(own, begin + at, random(4) === 0 ? [] : [{ series: id, counts: { total: 1 + random(9), success: 1 } }]);
  const plain = { ...definitions, objectives: objectives.slice(0, 1) };
  await tick(own, plain);
  const quarters = [-60, -45, -15, 0, 15, 60].map((at) => begin + at);
  const ranges = quarters.flatMap((from) => quarters.filter((to) => to > from).map((to) => ({ from, to })));
  const tracks = await readTracks(own, plain.objectives);
  const events = async (): Promise<number[]> => {
    const reader = await readWindows(own, tracks, ranges);
    return tracks.flatMap((track) => ranges.map((range) => reader.sums(track, range).tally.events));
  };
  const count = async (condition: string): Promise<number> => (await own.query<{ n: number }>(`select count(*)::int as n from objective_sums where minute ${condition} ${begin}`)).rows[0]?.n ?? 0;
  const before = await events();
  const [old, young] = [await count('<'), await count('>=')];
  // Fine as far back as midnight.
  const removed = await trimSums(own, (begin + 31 * 1440) * 60_000, 31);
  assert.deepEqual([await count('<'), await count('>=')], [4 * tracks.length, young]);
  assert.equal(removed, old - 4 * tracks.length);
  assert.deepEqual(await events(), before);
  assert.equal(await trimSums(own, (begin + 31 * 1440) * 60_000, 31), 0, 'once is enough');
});
