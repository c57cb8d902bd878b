import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { newId, timeOfId } from './identifier.ts';

describe('newId', () => {
  it('sorts by time and never repeats', () => {
    const ids = Array.from({ length: 5000 }, (_, index) => newId('acc', 1_700_000_000_000 + index));
    assert.deepEqual(ids.toSorted(), ids);
    assert.equal(new Set(Array.from({ length: 5000 }, () => newId('acc', 1_700_000_000_000))).size, 5000);
    for (const id of ids) assert.match(id, /^acc_[0-9a-hjkmnp-tv-z]{26}$/);
  });

  it('sorts by the order of making within a millisecond, also when ids of the past are made in between', () => {
    const [present, past, other]: [string[], string[], string[]] = [[], [], []];
    for (let index = 0; index < 20_000; index += 1) {
      present.push(newId('evt'));
      past.push(newId('ibe', 1_700_000_000_000));
      other.push(newId('dlv'));
    }
    for (const ids of [present, past, other]) assert.deepEqual(ids.toSorted(), ids);
    assert.ok(past.every((id) => timeOfId(id) === 1_700_000_000_000));
  });

  it('goes up where the clock is set back, and past the counter of a millisecond', (t) => {
    const nowMs = Date.now() + 10;
    t.mock.timers.enable({ apis: ['Date'], now: nowMs });
    let last = newId('evt');
    t.mock.timers.setTime(nowMs - 5_000);
    for (let index = 0; index < 2 ** 20 + 10; index += 1) {
      const id = newId('evt');
      assert.ok(id > last, `${id} after ${last}`);
      last = id;
    }
    assert.ok((timeOfId(last) ?? 0) > nowMs);
  });
});
