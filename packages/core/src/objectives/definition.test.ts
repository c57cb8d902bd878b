import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readMinutes, writeMinutes } from './definition.ts';

test('minutes are read and written', () => {
  for (const [text, minutes] of [['5m', 5], ['6h', 360], ['3d', 4320], ['90m', 90]] as const) {
    assert.equal(readMinutes(text), minutes);
    assert.equal(writeMinutes(minutes), text);
  }
  for (const wrong of ['', '0m', '5', '5s', '1.5h', '-1d']) assert.equal(readMinutes(wrong), undefined);
});
