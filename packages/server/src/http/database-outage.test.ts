import assert from 'node:assert/strict';
import { after, it } from 'node:test';
import { freePort } from '@evenkeel/tests/harness/evenkeel.ts';
import { KeyLookup } from '../access/keys.ts';
import { accessRoutes } from '../access/routes.ts';
import { createPool } from '../database/pool.ts';
import { createLog } from '../log.ts';
import { createApplication } from './application.ts';

it('a database that is not there is a 503 that says so, not a bug', async () => {
  const pool = createPool(`postgres://nobody:nothing@127.0.0.1:${await freePort()}/none`, { onError: () => undefined });
  const keys = new KeyLookup(pool, Date.now);
  const application = await createApplication({ database: pool, keys, log: createLog('silent'), version: 'test', routes: accessRoutes({ database: pool, keys }) });
  after(async () => {
    await application.close();
    await pool.end();
  });
  const answer = await application.inject({ method: 'GET', url: '/v1/api-keys', headers: { authorization: 'Bearer ek_any_key_at_all' } });
  const problem = answer.json<{ code: string; origin: string; retryable: boolean; retry_after: number; detail: string }>();
  assert.equal(answer.statusCode, 503);
  assert.deepEqual([problem.code, problem.origin, problem.retryable, problem.retry_after], ['internal', 'platform', true, 2]);
  assert.match(problem.detail, /database is not reachable/);
  assert.equal(answer.headers['retry-after'], '2');
});
