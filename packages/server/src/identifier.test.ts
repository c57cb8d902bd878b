import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { newId } from './identifier.ts';

describe('newId', () => {
  it('sorts by time and never repeats', () => {
    const ids = Array.from({ length: 5000 }, (_, index) => newId('acc', 1_700_000_000_000 + index));
    assert.deepEqual(ids.toSorted(), ids);
    assert.equal(new Set(Array.from({ length: 5000 }, () => newId('acc', 1_700_000_000_000))).size, 5000);
    for (const id of ids) assert.match(id, /^acc_[0-9a-hjkmnp-tv-z]{26}$/);
  });
});
