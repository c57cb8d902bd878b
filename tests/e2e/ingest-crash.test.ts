/** What was acknowledged survives: the server and PostgreSQL are killed while webhooks come in. The large form is `npm run bench -- crash`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crashIngest } from '../harness/ingest-crash.ts';

test('kill -9 of server and PostgreSQL loses no acknowledged event and doubles no effect', { timeout: 180_000 }, async (t) => {
  const report = await crashIngest({
    seconds: 8,
    eventsPerSecond: 1_000,
    kills: [
      { what: 'server', afterMs: 700 + Math.random() * 800 },
      { what: 'postgres', afterMs: 300 + Math.random() * 500 },
      { what: 'server', afterMs: 300 + Math.random() * 500 },
    ],
    note: (text) => t.diagnostic(text),
  });
  t.diagnostic(JSON.stringify(report));
  assert.equal(report.events, 8_000);
  assert.equal(report.lost, 0, 'acknowledged and not processed');
  assert.equal(report.doubled, 0, 'more than one effect');
  assert.ok(report.duplicates > 0, 'repetitions came and were told apart');
  assert.ok((report.statuses[503] ?? 0) + (report.statuses[0] ?? 0) > 0, 'the kills were felt');
  assert.deepEqual(Object.keys(report.statuses).filter((status) => !['0', '200', '503'].includes(status)), [], 'nothing but success, 503 or a broken connection');
});
