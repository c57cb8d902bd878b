import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog } from './log.ts';

function logged(record: object): Record<string, Record<string, unknown>> {
  const lines: string[] = [];
  createLog('info', { write: (line) => void lines.push(line) }).info(record);
  return JSON.parse(lines[0] ?? '{}') as Record<string, Record<string, unknown>>;
}

test('the code of an error of PostgreSQL or the system is in the log, one of OAuth is not', () => {
  for (const code of ['57P01', 'ECONNREFUSED', 'ERR_STREAM_PREMATURE_CLOSE']) {
    assert.equal(logged({ err: Object.assign(new Error('lost'), { code }) })['err']?.['error_code'], code);
  }
  const oauth = logged({ err: Object.assign(new Error('refused'), { code: 'SplxlOBeZQQYbYS6WxSbIA' }), callback: { code: 'SplxlOBeZQQYbYS6WxSbIA' } });
  assert.ok(!JSON.stringify(oauth).includes('Splxl'));
  assert.equal(oauth['err']?.['message'], 'refused');
});
