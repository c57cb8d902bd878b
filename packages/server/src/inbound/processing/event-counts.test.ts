/** What telemetry is told of an event's end: how late it was by whose clock, and nothing of what is only done once more. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Observation } from '../../telemetry/observation.ts';
import { EventCounts } from './event-counts.ts';

const nowMs = Date.parse('2026-11-24T10:00:00Z');
const event = {
  connector_id: 'crm', account_id: 'acc_1', tenant_id: 'acme', type: 'contact.changed', unified_type: 'crm.contact.updated', state: 'processed', source: 'webhook',
  occurred_at: new Date(nowMs - 240_000), received_at: new Date(nowMs - 2_000),
} as const;

function observed(change: object, options?: Parameters<EventCounts['settled']>[2]): { seen: Observation[]; counts: EventCounts } {
  const seen: Observation[] = [];
  const counts = new EventCounts({ observe: (observation) => void seen.push(observation) }, { get: () => undefined, app: () => Promise.resolve({}) });
  counts.settled({ ...event, ...change }, nowMs, options);
  return { seen, counts };
}
const lagOf = (change: object): number | undefined => observed(change).seen[0]?.lagMs;

test('a webhook is late by the vendor\'s clock, by ours where the vendor tells no time, and never before its time', () => {
  assert.equal(lagOf({}), 240_000);
  assert.equal(lagOf({ occurred_at: null }), 2_000);
  assert.equal(lagOf({ occurred_at: new Date(nowMs + 5_000) }), 0);
});

test('what is polled is as old as the poll\'s interval lets it become: only the time since it was read is lag', () => {
  assert.equal(lagOf({ source: 'pull' }), 2_000);
  assert.equal(lagOf({ source: 'backfill', occurred_at: null }), 2_000);
});

test('a replay counts among what was worked on, and is no traffic and no lag', () => {
  const { seen, counts } = observed({}, { replayed: true });
  assert.deepEqual(seen, []);
  assert.equal(counts.totals.processed, 1);
});
