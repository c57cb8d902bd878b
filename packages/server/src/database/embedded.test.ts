import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import pg from 'pg';
import { startEmbeddedPostgres } from './embedded.ts';

const dir = await mkdtemp(join(tmpdir(), 'evenkeel-embedded-'));
await chmod(dir, 0o755);
after(() => rm(dir, { recursive: true, force: true }));

async function one(url: string, sql: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<Record<string, unknown>>(sql);
  await client.end();
  return Object.values(rows[0] ?? {})[0];
}

describe('startEmbeddedPostgres', () => {
  it('keeps its data over a stop and a start, with durability on', async () => {
    const first = await startEmbeddedPostgres(dir);
    await one(first.url, 'create table kept as select 7 as x');
    assert.equal(await one(first.url, 'show fsync'), 'on');
    assert.equal(await one(first.url, 'show synchronous_commit'), 'on');
    await first.stop();
    const second = await startEmbeddedPostgres(dir);
    assert.equal(await one(second.url, 'select x from kept'), 7);
    await second.stop();
  });

  it('refuses a second owner and leaves the first one\'s database running', async () => {
    const owner = await startEmbeddedPostgres(dir);
    await assert.rejects(startEmbeddedPostgres(dir), /Another Evenkeel runs in the data folder/);
    assert.equal(await one(owner.url, 'select x from kept'), 7);
    await owner.stop();
  });

  it('adopts a database whose owner was killed', async () => {
    const killed = await startEmbeddedPostgres(dir);
    // What a SIGKILL of the owner leaves: the server running, the owner's connection gone.
    await one(killed.url, `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'evenkeel owner'`);
    const adopted = await startEmbeddedPostgres(dir);
    assert.equal(adopted.url, killed.url);
    assert.equal(await one(adopted.url, 'select x from kept'), 7);
    await adopted.stop();
  });
});
