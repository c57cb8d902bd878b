/** A full disk under the requests: the sender is asked to come again, and what was acknowledged is there. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import pg from 'pg';
import { startInboundEvenkeel } from '@evenkeel/tests/harness/inbound-evenkeel.ts';
import { atEnd } from '@evenkeel/tests/harness/database.ts';
import { bodyOf, sign, signatureHeader, webhookManifest } from '@evenkeel/tests/harness/webhook-vendor.ts';

const run = promisify(execFile);

/** A small file system of its own; undefined where this process may mount none. */
async function mountSmall(): Promise<string | undefined> {
  const dir = await mkdtemp(join(tmpdir(), 'evenkeel-small-'));
  await chmod(dir, 0o755);
  try {
    await run('mount', ['-t', 'tmpfs', '-o', 'size=3m,mode=0777', 'tmpfs', dir]);
    return dir;
  } catch {
    await rm(dir, { recursive: true });
    return undefined;
  }
}

const dir = await mountSmall();

test('a full disk is answered with 503, and costs nothing that was acknowledged', { skip: dir === undefined ? 'no file system can be mounted here; as root it runs' : false }, async () => {
  assert.ok(dir !== undefined);
  // Registered first, so that it comes last: the database is gone by then.
  atEnd(async () => {
    const client = new pg.Client({ connectionString: Object.assign(new URL(evenkeel.database.url), { pathname: '/postgres' }).href });
    // A cluster of this process alone has been stopped already, and its tablespace with it.
    await client.connect().then(() => client.query(`drop tablespace if exists small_${process.pid}`)).catch(() => undefined);
    await client.end().catch(() => undefined);
    await run('umount', [dir]);
    await rm(dir, { recursive: true, force: true });
  });
  const { evenkeel, address, settled, putConnector } = await startInboundEvenkeel();
  const { pool } = evenkeel.database;
  await putConnector(webhookManifest());
  const one = await address();
  const folder = join(dir, 'space');
  await run('mkdir', ['-m', '0700', folder]);
  if (process.getuid?.() === 0) await run('chown', ['postgres:postgres', folder]);
  await pool.query(`create tablespace small_${process.pid} location '${folder}'`);
  const { rows } = await pool.query<{ name: string }>(`select child.relname as name from pg_inherits join pg_class child on child.oid = inhrelid where inhparent = 'inbound_requests'::regclass and relname ~ '_[0-9]{8}$'`);
  for (const { name } of rows) await pool.query(`alter table ${name} set tablespace small_${process.pid}`);

  const acknowledged = new Set<string>();
  const send = async (index: number): Promise<Response> => {
    const id = `disk-${index}`;
    const body = bodyOf({ id, contact: { id, name: 'x'.repeat(60_000), note: Array.from({ length: 2_000 }, () => Math.random().toString(36)).join('') } });
    const response = await fetch(evenkeel.url + one.path, { method: 'POST', body, headers: { [signatureHeader]: sign(one.secret, body) } });
    if (response.ok) acknowledged.add(id);
    return response;
  };
  let refused: Response | undefined;
  for (let index = 0; index < 400 && refused === undefined; index += 1) {
    const response = await send(index);
    if (!response.ok) refused = response;
  }
  assert.equal(refused?.status, 503, 'the disk became full');
  assert.ok(Number(refused.headers.get('retry-after')) > 0);
  assert.ok(acknowledged.size > 3);

  await run('mount', ['-o', 'remount,size=64m', dir]);
  assert.equal((await send(1_000)).status, 200, 'it goes on once there is room');
  await settled(one.accountId);
  const published = await pool.query<{ id: string }>(`select payload ->> 'record_id' as id from events where account_id = $1 and type = 'crm.contact.updated'`, [one.accountId]);
  assert.deepEqual(published.rows.map(({ id }) => id).toSorted((a, b) => (a < b ? -1 : 1)), [...acknowledged].toSorted((a, b) => (a < b ? -1 : 1)));
});
