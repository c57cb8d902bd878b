import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { createTestDatabase } from '@evenkeel/tests/harness/database.ts';
import { newId } from '../identifier.ts';
import { firstIdAt } from './day-partitions.ts';
import { countResend, resendBatch, type BatchLimits } from './resend-batch.ts';
import { findResend, insertResend, keepProgress, type ResendFilter } from './resend-store.ts';

const { pool } = await createTestDatabase();
const startMs = Date.parse('2026-11-20T12:00:00Z');
const all: ResendFilter = { states: ['delivered', 'failed', 'cancelled'], eventTypes: null, sinceMs: startMs, untilMs: startMs + 60_000, missing: true };
const small: BatchLimits = { queued: 7, looked: 10, counted: 10_000 };

interface Made {
  readonly atMs: number;
  readonly tenant: string | null;
  /** Null: none of the endpoint. */
  readonly delivery: 'delivered' | 'failed' | 'open' | null;
  readonly type?: string;
}

/** Events in the order given, of an endpoint of its own; returns it, and the ids of the events. */
async function fill(endpointTenant: string | null, made: readonly Made[]): Promise<{ endpoint: string; events: string[] }> {
  const endpoint = newId('ep');
  for (const tenant of ['a', 'b']) await pool.query('insert into tenants (id) values ($1) on conflict do nothing', [tenant]);
  await pool.query(`insert into endpoints (id, tenant_id, url, event_types, type_patterns) values ($1, $2, 'https://example.com/', '{*}', '{%}')`, [endpoint, endpointTenant]);
  const events = made.map(({ atMs }) => newId('evt', atMs));
  await pool.query(`insert into events (id, tenant_id, type, payload) select id, tenant, type, '{}' from unnest($1::text[], $2::text[], $3::text[]) as e (id, tenant, type)`, [
    events,
    made.map(({ tenant }) => tenant),
    made.map(({ type }) => type ?? 'crm.contact.updated'),
  ]);
  await pool.query(
    `with wanted as (select * from unnest($2::text[], $3::text[], $4::text[]) as d (event_id, type, state) where state is not null), open as (
       insert into deliveries_open (id, endpoint_id, event_id, event_type, due_at) select delivery_id(event_id, $1), $1, event_id, type, 'infinity' from wanted where state = 'open'
     )
     insert into deliveries_closed (id, endpoint_id, event_id, event_type, cause, state, accepted_at, closed_at, attempts)
     select delivery_id(event_id, $1), $1, event_id, type, 'event', state, now(), now(), 1 from wanted where state <> 'open'`,
    [endpoint, events, made.map(({ type }) => type ?? 'crm.contact.updated'), made.map(({ delivery }) => delivery)],
  );
  return { endpoint, events };
}

/** Runs an operation to its end; the events that each batch queued, by their ids. */
async function perform(endpoint: string, filter: ResendFilter, limits: BatchLimits): Promise<string[][]> {
  const { id } = await insertResend(pool, { endpointId: endpoint, kind: 'recover', filter, total: { atLeast: 0, exact: false }, createdBy: 'test' });
  const batches: string[][] = [];
  const seen = new Set<string>();
  for (let round = 0; round < 2_000; round += 1) {
    const row = (await findResend(pool, endpoint, id)) ?? assert.fail();
    if (row.state === 'done') {
      assert.deepEqual([row.total, row.total_exact, row.done], [seen.size, true, seen.size]);
      return batches;
    }
    const batch = await resendBatch(pool, row, limits);
    const { rows } = await pool.query<{ event_id: string }>(`select event_id from deliveries_open where endpoint_id = $1 and cause = 'recover' order by event_id`, [endpoint]);
    const fresh = rows.map(({ event_id }) => event_id).filter((one) => !seen.has(one));
    assert.equal(batch.queued, fresh.length);
    for (const one of fresh) seen.add(one);
    batches.push(fresh);
    await keepProgress(pool, id, batch);
  }
  return assert.fail('it does not end');
}

beforeEach(() => pool.query('truncate events, deliveries_open, deliveries_closed'));

describe('a batch of a bulk operation', () => {
  it('is of its size however many events share a millisecond, and later ones are never queued before earlier ones', async () => {
    const kinds: readonly Made['delivery'][] = ['failed', null, 'open', 'delivered', null];
    const made = Array.from({ length: 300 }, (_, n): Made => ({ atMs: startMs + (n < 20 ? n : n < 280 ? 20 : n), tenant: 'a', delivery: kinds[n % kinds.length] ?? null }));
    const { endpoint, events } = await fill('a', made);
    assert.deepEqual(await countResend(pool, endpoint, all, small), { atLeast: 240, exact: true });
    const batches = await perform(endpoint, all, small);
    assert.ok(batches.every(({ length }) => length <= small.queued));
    assert.deepEqual(batches.flat(), events.filter((_, n) => made[n]?.delivery !== 'open'));
    assert.deepEqual(await countResend(pool, endpoint, all, small), { atLeast: 0, exact: true });
  });

  it('looks at a bounded stretch where an endpoint of no tenant has missed little of what everybody gets', async () => {
    const made = Array.from({ length: 500 }, (_, n): Made => ({ atMs: startMs + n, tenant: n % 3 === 0 ? null : 'b', delivery: n % 100 === 50 ? null : n % 2 === 0 ? 'delivered' : 'open' }));
    const { endpoint, events } = await fill(null, made);
    const missed: ResendFilter = { ...all, states: ['failed', 'cancelled'] };
    assert.deepEqual(await countResend(pool, endpoint, missed, small), { atLeast: 5, exact: true });
    assert.deepEqual(await countResend(pool, endpoint, missed, { ...small, counted: 200 }), { atLeast: 2, exact: false });
    const batches = await perform(endpoint, missed, small);
    assert.ok(batches.length >= 500 / (small.looked + 1), `${batches.length} batches`);
    assert.deepEqual(batches.flat(), events.filter((_, n) => n % 100 === 50));
  });

  it('takes deliveries of the states, types and time asked for, and no missed events, when it resends', async () => {
    const made = Array.from({ length: 120 }, (_, n): Made => ({ atMs: startMs + (n < 60 ? 5 : n), tenant: 'a', delivery: n % 3 === 0 ? 'failed' : n % 3 === 1 ? 'delivered' : null, type: n % 2 === 0 ? 'crm.deal.created' : 'crm.contact.updated' }));
    const { endpoint, events } = await fill('a', made);
    const filter: ResendFilter = { ...all, states: ['failed'], eventTypes: ['crm.deal.*'], untilMs: startMs + 90, missing: false };
    const batches = await perform(endpoint, filter, small);
    assert.deepEqual(batches.flat(), events.filter((_, n) => n % 6 === 0 && n < 90));
  });

  it('goes on from a position that a node of the version before has kept: the end of a millisecond', async () => {
    const made = Array.from({ length: 40 }, (_, n): Made => ({ atMs: startMs + Math.floor(n / 20), tenant: 'a', delivery: 'failed' }));
    const { endpoint, events } = await fill('a', made);
    const row = await insertResend(pool, { endpointId: endpoint, kind: 'recover', filter: all, total: { atLeast: 40, exact: true }, createdBy: 'test' });
    let position: string | null = `${firstIdAt('evt', startMs)}~`;
    for (let round = 0; position !== null && round < 100; round += 1) ({ position } = await resendBatch(pool, { ...row, position }, small));
    assert.equal(position, null);
    const { rows } = await pool.query<{ event_id: string }>('select event_id from deliveries_open order by event_id');
    assert.deepEqual(rows.map(({ event_id }) => event_id), events.slice(20));
  });
});
