/**
 * Installs the dependencies when they are missing or differ from package-lock.json, and does nothing otherwise (≈ 50 ms).
 * Runs before every npm script, on whatever Node npm itself runs on (20 or newer), before anything is installed: hence
 * plain JavaScript without imports from packages. Every script after it runs on the Node pinned in package.json,
 * because npm puts node_modules/.bin first in PATH.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** @typedef {{ version?: string, link?: boolean, resolved?: string, optional?: boolean, peer?: boolean, dependencies?: object, devDependencies?: object }} LockEntry */

/**
 * @param {string} file
 * @returns {Record<string, LockEntry> | undefined}
 */
function readLock(file) {
  if (!existsSync(file)) return undefined;
  try {
    const lock = /** @type {{ packages?: Record<string, LockEntry> }} */ (JSON.parse(readFileSync(file, 'utf8')));
    return lock.packages ?? {};
  } catch {
    return undefined;
  }
}

/**
 * Why an installation is needed, or undefined when what is installed is what the lock file says.
 * Compared by content, since a checkout or a copy changes times. Optional entries may be missing: they are for other platforms.
 * @param {string} root
 * @returns {string | undefined}
 */
export function staleReason(root) {
  const wanted = readLock(join(root, 'package-lock.json'));
  if (wanted === undefined) return 'package-lock.json cannot be read';
  const installed = readLock(join(root, 'node_modules', '.package-lock.json'));
  if (installed === undefined) return 'nothing is installed yet';
  for (const [path, entry] of Object.entries(wanted)) {
    if (!path.startsWith('node_modules/') && !path.includes('/node_modules/')) continue;
    const found = installed[path];
    if (found === undefined) {
      if (!entry.optional && !entry.peer) return `${path} is missing`;
    } else if (found.version !== entry.version) {
      return `${path} is ${found.version ?? 'linked'}, package-lock.json wants ${entry.version ?? 'a link'}`;
    }
  }
  const runtime = join(root, 'node_modules', '.bin', process.platform === 'win32' ? 'node.cmd' : 'node');
  return existsSync(runtime) ? undefined : 'the pinned Node runtime is missing';
}

/**
 * npm must not run on the Node that it is about to replace, so node_modules/.bin leaves the search path.
 * `install` rather than `ci`: a lock file made where a registry lacks some platform's optional binaries does not
 * list them, which `ci` refuses and `install` mends; --no-save keeps the lock file as it is.
 * @param {string} root
 */
function install(root) {
  const bin = join(root, 'node_modules') + sep;
  const path = (process.env.PATH ?? '').split(delimiter).filter((entry) => !resolve(entry).startsWith(bin));
  const done = spawnSync('npm', ['install', '--no-save', '--no-fund', '--no-audit', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, PATH: path.join(delimiter) },
    shell: process.platform === 'win32',
  });
  if (done.error) throw done.error;
  return done.status ?? 1;
}

const here = fileURLToPath(import.meta.url);
if (process.argv[1] !== undefined && resolve(process.argv[1]) === here) {
  const root = dirname(dirname(here));
  const [major = 0] = process.versions.node.split('.').map(Number);
  if (major < 20) {
    console.error(`Evenkeel installs itself with Node 20 or newer, this is ${process.versions.node}. Update Node and run the command again.`);
    process.exit(1);
  }
  const reason = staleReason(root);
  if (reason !== undefined) {
    console.error(`Installing dependencies: ${reason}.`);
    const status = install(root);
    if (status !== 0) {
      console.error(`npm could not install the dependencies (exit ${status}). Read its message above, then run the command again.`);
      process.exit(status);
    }
    const still = staleReason(root);
    if (still !== undefined) {
      console.error(`npm finished, but ${still}. Remove node_modules and run the command again.`);
      process.exit(1);
    }
  }
}
