import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Subscription } from '@evenkeel/contract/manifest/webhooks.ts';
import fc from 'fast-check';
import { pollAfter, polledEvent, pollSince } from './poll.ts';
import { dueAct, expiryOf, judgeCheck, madeSecret, mendingActs, type CheckFinding } from './subscription.ts';

const step = [{ id: 'a', request: { method: 'POST' as const, path: '/hooks' } }];
const kept: Subscription = { id: 'hook', register: step, check: { request: { method: 'GET', path: '/hooks' }, every_s: 600 }, renew: { before_s: 3600, steps: step }, expiry: { value: '{{captured.ends}}', unit: 'iso', lifetime_s: 86_400 }, remove: step };
const hour = 3_600_000;

test('what is due: registering, renewing before the end, checking in between', () => {
  const at = (state: { registeredAtMs: number | null; expiresAtMs: number | null; checkedAtMs: number | null }, nowMs: number): unknown => dueAct(kept, state, nowMs);
  assert.deepEqual(at({ registeredAtMs: null, expiresAtMs: null, checkedAtMs: null }, 0), { act: 'register' });
  assert.deepEqual(at({ registeredAtMs: 0, expiresAtMs: 10 * hour, checkedAtMs: null }, 0), { act: 'wait', untilMs: 600_000 });
  assert.deepEqual(at({ registeredAtMs: 0, expiresAtMs: 10 * hour, checkedAtMs: 1_000_000 }, 1_600_000), { act: 'check' });
  assert.deepEqual(at({ registeredAtMs: 0, expiresAtMs: 10 * hour, checkedAtMs: 9 * hour }, 9 * hour), { act: 'renew' });
  assert.deepEqual(at({ registeredAtMs: 0, expiresAtMs: 10 * hour, checkedAtMs: 9 * hour }, 10 * hour), { act: 'register' });
  assert.deepEqual(dueAct({ id: 'bare', register: step }, { registeredAtMs: 0, expiresAtMs: null, checkedAtMs: null }, hour), { act: 'wait', untilMs: null });
});

test('a wait always ends in the future, and something is due then', () => {
  const time = fc.integer({ min: 0, max: 100 * hour });
  fc.assert(
    fc.property(fc.record({ registeredAtMs: time, expiresAtMs: fc.option(time), checkedAtMs: fc.option(time) }), time, (state, nowMs) => {
      const act = dueAct(kept, state, nowMs);
      if (act.act !== 'wait' || act.untilMs === null) return;
      assert.ok(act.untilMs > nowMs);
      assert.notEqual(dueAct(kept, state, act.untilMs).act, 'wait');
    }),
  );
});

test('a check tells missing and disabled from an outage', async () => {
  const check = { request: { method: 'GET' as const, path: '/hooks' }, exists: { body: { id: { exists: true } } }, enabled: { body: { active: true } } };
  const judge = (status: number, body: unknown): Promise<CheckFinding> => judgeCheck(check, { status, headers: {}, body }, {});
  assert.deepEqual(await Promise.all([judge(200, { id: 1, active: true }), judge(200, { id: 1, active: false }), judge(200, {}), judge(404, null), judge(410, null), judge(503, null), judge(401, null)]), ['healthy', 'disabled', 'missing', 'missing', 'missing', 'unclear', 'unclear']);
});

test('of a list, the one that is meant is judged', async () => {
  const check = { request: { method: 'GET' as const, path: '/hooks' }, find: { in: 'data', id: 'id', equals: '{{captured.hook}}' }, enabled: { body: { active: 1 } } };
  const judge = (data: unknown, hook: unknown = 7): Promise<CheckFinding> => judgeCheck(check, { status: 200, headers: {}, body: { data } }, { captured: { hook } });
  assert.deepEqual(await Promise.all([judge([{ id: 6, active: 1 }, { id: '7', active: 1 }]), judge([{ id: 7, active: 0 }]), judge([{ id: 6, active: 1 }]), judge([]), judge(null), judge([{ id: 7, active: 1 }], null)]), ['healthy', 'disabled', 'missing', 'missing', 'missing', 'missing']);
});

test('what mends each finding', () => {
  assert.deepEqual(mendingActs(kept, 'missing'), ['register']);
  assert.deepEqual(mendingActs(kept, 'disabled'), ['remove', 'register']);
  assert.deepEqual(mendingActs({ ...kept, enable: step }, 'disabled'), ['enable']);
  assert.deepEqual(mendingActs(kept, 'healthy'), []);
  assert.deepEqual(mendingActs(kept, 'unclear'), []);
});

test('the end is what the vendor says, else a lifetime from now', () => {
  assert.equal(expiryOf(kept, { captured: { ends: '2026-12-24T10:00:00.000+0000' } }, 0), Date.parse('2026-12-24T10:00:00Z'));
  assert.equal(expiryOf(kept, { captured: {} }, 5), 86_400_005);
  assert.equal(expiryOf({ id: 'bare', register: step }, {}, 5), null);
});

test('a secret made here has the bytes and the alphabet asked for', () => {
  const random = (bytes: number): Uint8Array => new Uint8Array(bytes).fill(255);
  assert.equal(madeSecret({ name: 'a' }, random), 'ff'.repeat(32));
  assert.equal(madeSecret({ name: 'a', bytes: 16, encoding: 'base64url', prefix: 'whsec_' }, random), `whsec_${'_'.repeat(21)}w`);
});

const poll = { by: 'updated_after', id: 'contacts', model: 'crm.contacts', overlap_s: 60 } as const;

test('polling begins now, goes on from the newest and never runs ahead of the clock', () => {
  assert.equal(pollSince(poll, { newestMs: null }, 100_000), 40_000);
  assert.equal(pollSince(poll, { newestMs: 90_000 }, 100_000), 30_000);
  assert.deepEqual(pollAfter({ newestMs: 90_000 }, [{ timeMs: 95_000 }, { timeMs: 500_000 }], 100_000), { newestMs: 100_000 });
  assert.deepEqual(pollAfter({ newestMs: 90_000 }, [{ timeMs: 1 }], 100_000), { newestMs: 90_000 });
});

test('the same state of a record is the same event, a later one another', () => {
  const record = (updated: string): Record<string, unknown> => ({ id: '7', created_at: '2026-11-24T10:00:00.000Z', updated_at: updated });
  const [first, again, later] = ['2026-11-24T10:00:00.500Z', '2026-11-24T10:00:00.500Z', '2026-11-24T11:00:00.000Z'].map((updated) => polledEvent(poll, record(updated)));
  assert.deepEqual([first?.id === again?.id, first?.id === later?.id, first?.change, later?.change, first?.orderKey], [true, false, 'created', 'updated', 'crm.contacts:7']);
});
