import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestDatabase } from '@evenkeel/tests/harness/database.ts';
import { createLog } from '../log.ts';
import { createPool } from './pool.ts';

test('a connection that PostgreSQL ends is told of without the client, which holds the key to cancel its queries', async () => {
  const database = await createTestDatabase();
  const lines: string[] = [];
  const log = createLog('warn', { write: (line: string) => void lines.push(line) });
  const told = Promise.withResolvers<void>();
  const pool = createPool(database.url, {
    max: 1,
    onError(error) {
      log.warn({ err: error }, 'lost');
      told.resolve();
    },
  });
  const { rows } = await pool.query<{ pid: number }>('select pg_backend_pid() as pid');
  await database.pool.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
  await told.promise;
  await pool.end();
  assert.match(lines[0] ?? '', /terminating connection/);
  assert.doesNotMatch(lines.join(''), /secretKey|parsedStatements/);
});
