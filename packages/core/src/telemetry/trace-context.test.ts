import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readTraceParent } from './trace-context.ts';

const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
const span = '00f067aa0ba902b7';

test('a trace is read as the specification has it', () => {
  assert.deepEqual(readTraceParent(`00-${trace}-${span}-01`), { traceId: trace, spanId: span });
  assert.deepEqual(readTraceParent(`cc-${trace}-${span}-01-what-comes-later`), { traceId: trace, spanId: span }, 'a later version may say more');
});

test('what is no trace is ignored', () => {
  const others = [undefined, '', `00-${trace}-${span}`, `00-${trace}-${span}-01-more`, `ff-${trace}-${span}-01`, `00-${'0'.repeat(32)}-${span}-01`, `00-${trace}-${'0'.repeat(16)}-01`, `00-${trace.toUpperCase()}-${span}-01`, `00-${trace}-${span}-01, 00-${trace}-${span}-01`];
  for (const header of others) assert.equal(readTraceParent(header), null, String(header));
});
