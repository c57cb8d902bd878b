import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createTestDatabase } from '@evenkeel/tests/harness/database.ts';
import { explain, fillHistory } from '@evenkeel/tests/harness/delivery-history.ts';
import { dropDayPartitions, firstIdAt, makeDayPartitions } from './day-partitions.ts';
import { attemptsStatement, listStatement, type DeliveryFilter } from './delivery-store.ts';
import { countResend, countStatement } from './resend-batch.ts';
import type { ResendFilter } from './resend-store.ts';
import { statisticsStatement } from './statistics.ts';

const { pool } = await createTestDatabase();
const untilMs = Date.parse('2026-11-20T12:00:00Z');
const days = 6;
const total = await fillHistory(pool, { days, perMinute: 10, endpoints: 20, untilMs });
const all: DeliveryFilter = { endpointIds: null, eventId: null, state: null, eventType: null, sinceMs: null, before: null, limit: 51 };
const middle = firstIdAt('dlv', untilMs - 3 * 86_400_000);

describe(`with ${total} deliveries and attempts over ${days} days`, () => {
  const filters: Readonly<Record<string, Partial<DeliveryFilter>>> = {
    'the newest': {},
    'a page in the middle': { before: middle },
    'of an endpoint': { endpointIds: ['ep_fill_3'] },
    'of an endpoint, in the middle': { endpointIds: ['ep_fill_3'], before: middle },
    'of five endpoints of a tenant': { endpointIds: ['ep_fill_1', 'ep_fill_2', 'ep_fill_3', 'ep_fill_4', 'ep_fill_5'] },
    'failed ones': { state: 'failed' },
    'failed ones of an endpoint': { state: 'failed', endpointIds: ['ep_fill_3'] },
    'pending ones': { state: 'pending' },
    'of an event': { eventId: `evt_${middle.slice(4)}0000000000000001` },
  };
  for (const [name, filter] of Object.entries(filters)) {
    it(`lists ${name} by index alone, reading little more than the page`, async () => {
      const { text, values } = listStatement({ ...all, ...filter });
      const { nodes, pages } = await explain(pool, text, values);
      const scanned = nodes.filter((node) => node['Node Type'] === 'Seq Scan' && (node['Actual Rows'] ?? 0) + (node['Rows Removed by Filter'] ?? 0) > 0);
      assert.deepEqual(scanned.map((node) => node['Relation Name']), []);
      assert.ok(pages < 600, `${pages} pages`);
    });
  }

  it('finds the attempts of a delivery without looking at earlier days', async () => {
    const { text, values } = attemptsStatement(`${middle}0000000000000001`);
    const { nodes } = await explain(pool, text, values);
    const relations = nodes.flatMap((node) => node['Relation Name'] ?? []);
    assert.ok(!relations.some((name) => name < 'delivery_attempts_20261117' && name !== 'delivery_attempts'), relations.join());
    assert.ok(nodes.every((node) => node['Node Type'] !== 'Seq Scan' || (node['Actual Rows'] ?? 0) === 0));
  });

  it('finds the events a tenant has missed without reading those of others', async () => {
    await pool.query(`insert into tenants (id) values ('few')`);
    await pool.query(`insert into endpoints (id, tenant_id, url, event_types, type_patterns) values ('ep_few', 'few', 'https://example.com/', '{*}', '{%}')`);
    await pool.query(
      `insert into events (id, tenant_id, type, payload) select $1 || lpad(n::text, 16, '0'), case when n % 1000 = 0 then 'few' else 'other-' || n % 7 end, 'crm.contact.updated', '{}' from generate_series(1, 30000) n`,
      [firstIdAt('evt', untilMs - 86_400_000)],
    );
    await pool.query('analyze events');
    const filter: ResendFilter = { states: ['failed'], eventTypes: null, sinceMs: untilMs - 2 * 86_400_000, untilMs, missing: true };
    assert.deepEqual(await countResend(pool, 'ep_few', filter), { atLeast: 30, exact: true });
    const { text, values } = countStatement({ endpointId: 'ep_few', tenantId: 'few', filter }, { after: firstIdAt('evt', filter.sinceMs), upTo: firstIdAt('evt', untilMs) });
    const { nodes, pages } = await explain(pool, text, values);
    assert.deepEqual(nodes.filter((node) => node['Relation Name']?.startsWith('events') && (node['Rows Removed by Filter'] ?? 0) > 0), []);
    assert.ok(pages < 600, `${pages} pages`);
  });

  it('reads statistics from the counters of the days asked for', async () => {
    const { nodes } = await explain(pool, statisticsStatement, ['ep_fill_3', new Date(untilMs - 2 * 86_400_000), 'hour']);
    const relations = nodes.flatMap((node) => node['Relation Name'] ?? []).filter((name) => name !== 'delivery_counts_default');
    assert.ok(relations.length > 0 && relations.every((name) => name >= 'delivery_counts_20261118'), relations.join());
  });

  it('lets whole days go by dropping them, and takes rows of a day that has no partition yet', async () => {
    const dropped = await dropDayPartitions(pool, untilMs, 3);
    assert.deepEqual(dropped.filter((name) => name.startsWith('deliveries_closed')), ['deliveries_closed_20261114', 'deliveries_closed_20261115', 'deliveries_closed_20261116']);
    const { rows } = await pool.query<{ oldest: string; n: number }>('select min(id) as oldest, count(*) as n from deliveries_closed');
    assert.equal(rows[0]?.n, (total / days) * 4);
    assert.ok((rows[0]?.oldest ?? '') >= firstIdAt('dlv', Date.parse('2026-11-17T00:00:00Z')));
    const later = Date.parse('2026-12-24T12:00:00Z');
    await pool.query(`insert into events (id, type, payload) values ($1, 'endpoint:test', '{}')`, [`${firstIdAt('evt', later)}0000000000000001`]);
    // Two nodes that start at once, whose sessions have both looked already.
    const made = (await Promise.all([makeDayPartitions(pool, later), makeDayPartitions(pool, later)])).flat();
    assert.equal(new Set(made).size, made.length, 'each was made once');
    const { rows: placed } = await pool.query<{ place: string }>(`select tableoid::regclass::text as place from events where type = 'endpoint:test'`);
    assert.deepEqual(placed, [{ place: 'events_20261224' }]);
  });
});
