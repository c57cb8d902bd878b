/** The rules that come with Evenkeel over days that are noisy and normal: nothing is told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AlertEvaluator } from '@evenkeel/core/alerts/evaluator.ts';
import type { CountRow, Stream } from '@evenkeel/core/alerts/facts.ts';
import { hourOfWeek, makeBaseline } from '@evenkeel/core/alerts/flat-line.ts';
import { Sketch } from '@evenkeel/core/telemetry/sketch.ts';
import { poisson, seeded } from '@evenkeel/tests/harness/seeded-chance.ts';
import { readPlaybook } from '../playbook/playbook.ts';

const start = Date.parse('2026-11-23T00:00:00Z');
const connectors = ['one', 'two', 'three', 'four'];
const accounts = connectors.flatMap((connectorId, at) => Array.from({ length: 6 }, (_, number) => ({ connectorId, accountId: `${connectorId}-${number}`, tenantId: `tenant-${(number + at) % 9}`, busy: 1 + number * 2, failing: number === 5 ? 0.03 : 0.004 })));
/** A working day: little at night, most at noon. */
const curve = (ms: number): number => 0.15 + 0.85 * Math.max(0, Math.sin(((hourOfWeek(ms) % 24) - 5) * (Math.PI / 16)));

function weekOf(random: () => number, busy: number): number[] {
  return Array.from({ length: 168 }, (_, hour) => poisson(random, 12 * busy * curve(start + hour * 3_600_000)));
}

for (const seed of [1, 2, 3]) {
  test(`a noisy, normal day raises nothing (seed ${seed})`, async () => {
    const reading = await readPlaybook(undefined);
    assert.ok(reading.ok);
    const random = seeded(seed);
    const evaluator = new AlertEvaluator(reading.playbook.alerts);
    const weeks = new Map(accounts.map(({ accountId, busy }) => [accountId, Array.from({ length: 4 }, () => weekOf(random, busy))]));
    const streams: Stream[] = accounts.map(({ connectorId, accountId, tenantId }) => ({ connectorId, accountId, tenantId, baseline: makeBaseline(weeks.get(accountId) ?? []), lastEventMs: start }));
    for (const connectorId of connectors) {
      const own = accounts.filter((account) => account.connectorId === connectorId).map(({ accountId }) => weeks.get(accountId) ?? []);
      const sums = Array.from({ length: 4 }, (_, week) => Array.from({ length: 168 }, (__, hour) => own.reduce((sum, one) => sum + (one[week]?.[hour] ?? 0), 0)));
      streams.push({ connectorId, accountId: null, tenantId: null, baseline: makeBaseline(sums), lastEventMs: start });
    }
    evaluator.watch(streams, new Map());
    const lost = new Map(connectors.map((connector) => [connector, 2]));
    for (let at = 0; at < 1440; at += 1) {
      const ms = start + at * 60_000;
      // Every few hours a vendor has a bad minute, and now and then somebody takes back an authorisation.
      const stumbling = random() < 0.004 ? connectors[Math.floor(random() * connectors.length)] : undefined;
      if (random() < 0.008) lost.set('one', (lost.get('one') ?? 0) + (random() < 0.6 ? 1 : -1));
      const rows: CountRow[] = [];
      for (const [number, { connectorId, accountId, tenantId, busy, failing }] of accounts.entries()) {
        const series = { surface: 'proxy', tenantId, accountId, connectorId } as const;
        const total = poisson(random, 3 * busy * curve(ms));
        const upstream = Math.min(total, poisson(random, total * (connectorId === stumbling ? 0.1 : failing)));
        const counts = { caller: poisson(random, 0.3), account: 0, platform: 0, aborted: 0 };
        rows.push({ series: { ...series, kind: 'call', endpoint: 'contacts.list' }, slot: number * 3, total: total + counts.caller, success: total - upstream, upstream, ...counts, lag: null });
        const events = poisson(random, (12 * busy * curve(ms)) / 60);
        const lag = new Sketch();
        for (let event = 0; event < events; event += 1) lag.record(Math.exp(13 + random() * 3));
        if (events > 0) rows.push({ series: { ...series, kind: 'inbound', surface: 'webhook', endpoint: 'contact.updated' }, slot: number * 3 + 1, total: events, success: events, caller: 0, account: 0, platform: 0, upstream: 0, aborted: 0, lag });
        const deliveries = events * 3;
        const refused = poisson(random, deliveries * 0.001);
        rows.push({ series: { ...series, kind: 'delivery', surface: 'webhook', endpoint: `end_${tenantId}` }, slot: number * 3 + 2, total: deliveries, success: Math.max(0, deliveries - refused), caller: Math.min(deliveries, refused), account: 0, platform: 0, upstream: 0, aborted: 0, lag: null });
      }
      const changes = evaluator.minute({ minute: ms, measured: true, rows, needsReauth: new Map(lost), earlyEnds: random() < 0.002 ? [{ connectorId: 'two', accountId: 'two-1', driftS: 900 }] : [], shapeChanges: [] });
      assert.deepEqual(changes, [], `minute ${at}`);
    }
  });
}
