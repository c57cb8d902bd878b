/**
 * Seals every record anew that stands under a retiring master key. What is left to do is what the records themselves
 * say, so a run that was killed costs no more than its last batch, and whoever comes next goes on. A batch never waits
 * for a lock and never holds one for long; a record that somebody changed meanwhile is left as that one wrote it.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { transaction, type Pool, type Queryable } from '../../database/pool.ts';
import { queueJob } from '../../jobs/job.ts';
import { job, type AnyJob } from '../../jobs/runner.ts';
import type { Log } from '../../log.ts';
import { hasRecords, sealedTables, type SealedTable } from './sealed-tables.ts';
import { readKeys } from './vault-keys.ts';
import { forgetGoneNodes } from './vault-nodes.ts';
import { reEncryptJob, retireKeys } from './vault-rotation.ts';
import { SealBroken, type Vault } from './vault.ts';

export interface ReEncryptionParts {
  readonly pool: Pool;
  readonly vault: Vault;
  readonly log: Log;
  /** Records a batch; default 200, a few milliseconds of work. */
  readonly batch?: number;
  /** How long one run goes on; default 5 s, so that a node that ends is not kept waiting. */
  readonly sliceMs?: number;
  /** How long every node must have sealed with the key in use before an old one is retired; default 15 s, more than a write can take to arrive. */
  readonly settleMs?: number;
  /** Called after each batch, with what it sealed anew. */
  readonly onBatch?: (sealed: number) => void;
}

/**
 * `more`: the slice ended before the work. `waiting`: done but for nodes that sealed with another key until just now, or
 * records that were locked. `unreadable`: nothing is left but records that cannot be opened.
 */
export type ReEncryption = 'idle' | 'elsewhere' | 'more' | 'waiting' | 'unreadable' | 'done';

/** One run, on whichever node; a second at the same time finds the first and ends. */
export async function reEncrypt(parts: ReEncryptionParts, signal: AbortSignal): Promise<ReEncryption> {
  const client = await parts.pool.connect();
  let broken: Error | undefined;
  try {
    // Held by the session: it is free again the moment this process or its connection dies.
    const { rows } = await client.query<{ taken: boolean }>('select pg_try_advisory_lock(4400004) as taken');
    if (rows[0]?.taken !== true) return 'elsewhere';
    try {
      return await runSlice(parts, signal);
    } finally {
      await client.query('select pg_advisory_unlock(4400004)').catch((error: unknown) => {
        broken = error instanceof Error ? error : new Error(String(error));
      });
    }
  } finally {
    client.release(broken);
  }
}

async function runSlice(parts: ReEncryptionParts, signal: AbortSignal): Promise<ReEncryption> {
  const { pool, vault, log } = parts;
  const keys = await readKeys(pool);
  const retiring = keys.filter(({ state }) => state === 'retiring').map(({ key_id }) => key_id);
  if (retiring.length === 0) return 'idle';
  const inUse = keys.find(({ state }) => state === 'in_use')?.key_id;
  if (inUse === undefined || !vault.keyIds.includes(inUse)) throw new Error(`This node does not know the master key in use, ${inUse ?? 'none'}: it cannot seal with it.`);
  if (vault.keyId !== inUse) vault.sealWith(inUse);
  const until = performance.now() + (parts.sliceMs ?? 5_000);
  const unreadable: string[] = [];
  for (const keyId of retiring) {
    for (const table of sealedTables) {
      const finished = await reSealTable(parts, { table, keyId, until, unreadable }, signal);
      if (!finished) return 'more';
    }
  }
  await pool.query(`update vault_keys set unreadable = $2 where key_id = $1 and unreadable <> $2`, [inUse, unreadable.length]);
  if (unreadable.length > 0) log.error({ records: unreadable.slice(0, 20), count: unreadable.length }, 'vault: records cannot be opened with the key they name, and keep that key from being retired; connect these accounts again');
  const { settled, retired } = await retire(parts);
  if (retired.length > 0) log.info({ retired }, 'vault: nothing is sealed with these master keys any more');
  if (retired.length === retiring.length) {
    await forgetGoneNodes(pool);
    return 'done';
  }
  return unreadable.length > 0 && settled ? 'unreadable' : 'waiting';
}

/** A writer that does not end within a second postpones the verdict. */
async function retire({ pool, settleMs = 15_000 }: ReEncryptionParts): Promise<{ settled: boolean; retired: string[] }> {
  try {
    return await retireKeys(pool, settleMs);
  } catch (error) {
    if ((error as { code?: unknown }).code === '55P03') return { settled: false, retired: [] };
    throw error;
  }
}

interface Walk {
  readonly table: SealedTable;
  readonly keyId: string;
  readonly until: number;
  readonly unreadable: string[];
}

/** False when the slice ended first. */
async function reSealTable(parts: ReEncryptionParts, walk: Walk, signal: AbortSignal): Promise<boolean> {
  const { pool, batch = 200, onBatch } = parts;
  if (!(await hasRecords(pool, walk.keyId))) return true;
  let after: readonly unknown[] | undefined;
  for (;;) {
    signal.throwIfAborted();
    const startedAt = performance.now();
    const { sealed, last } = await transaction(pool, (client) => reSealBatch(client, parts.vault, { ...walk, after, batch }));
    onBatch?.(sealed);
    if (last === undefined) return true;
    after = last;
    if (performance.now() > walk.until) return false;
    // At most half of one connection and of one core, and less on a machine that is slow already.
    await pause(Math.min(1_000, performance.now() - startedAt), undefined, { signal });
  }
}

/** One batch in one transaction. Rows that others hold are passed over; `last` is undefined at the end of the table. */
async function reSealBatch(
  client: Queryable,
  vault: Vault,
  { table, keyId, unreadable, after, batch }: Walk & { after: readonly unknown[] | undefined; batch: number },
): Promise<{ sealed: number; last: unknown[] | undefined }> {
  const key = table.key.join(', ');
  const beyond = after === undefined ? '' : `and (${key}) > (${table.key.map((_, index) => `$${index + 3}`).join(', ')})`;
  const { rows } = await client.query<Record<string, unknown> & { place: string; sealed: Buffer }>(
    `select ctid::text as place, sealed, ${key} from ${table.name} where key_id = $1 ${beyond} order by ${key} limit $2 for update skip locked`,
    [keyId, batch, ...(after ?? [])],
  );
  const fresh: { place: string; before: Buffer; sealed: Buffer }[] = [];
  for (const row of rows) {
    const binding = table.binding(row);
    try {
      fresh.push({ place: row.place, before: row.sealed, sealed: vault.seal(binding, vault.open(binding, row.sealed)) });
    } catch (error) {
      if (!(error instanceof SealBroken)) throw error;
      unreadable.push(`${binding.purpose} of ${binding.subject}`);
    }
  }
  if (fresh.length > 0) {
    await client.query(
      `update ${table.name} as target set sealed = fresh.sealed${table.keyIdGenerated ? '' : ', key_id = $4'}
       from unnest($1::text[], $2::bytea[], $3::bytea[]) as fresh (place, before, sealed)
       where target.ctid = fresh.place::tid and target.sealed = fresh.before`,
      [fresh.map(({ place }) => place), fresh.map(({ before }) => before), fresh.map(({ sealed }) => sealed), ...(table.keyIdGenerated ? [] : [vault.keyId])],
    );
  }
  const end = rows.at(-1);
  return { sealed: fresh.length, last: end === undefined || rows.length < batch ? undefined : table.key.map((column) => end[column]) };
}

/** By the clock, so that a rotation whose node was killed goes on within a minute on another; and again while there is more. */
export function reEncryptionJob(parts: ReEncryptionParts): AnyJob {
  return job({
    name: reEncryptJob,
    cron: '* * * * *',
    timeoutMs: 60_000,
    parse: () => undefined,
    async run(_, signal) {
      const outcome = await reEncrypt(parts, signal);
      if (outcome === 'more') await queueJob(parts.pool, reEncryptJob, {}, { key: reEncryptJob });
      if (outcome === 'waiting') await queueJob(parts.pool, reEncryptJob, {}, { key: reEncryptJob, runAt: new Date(Date.now() + 2_000) });
    },
  });
}
