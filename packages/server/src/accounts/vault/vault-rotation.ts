/**
 * Rotating the master key while every node works: the new key is promoted once all nodes know it, old records are
 * re-encrypted meanwhile (re-encryption.ts), and the old key is retired when nothing is sealed with it and no node
 * seals with it any more. Why in these steps: docs/decisions/0006-master-key-rotation.md.
 */
import { transaction, type Pool, type Queryable } from '../../database/pool.ts';
import { queueJob } from '../../jobs/job.ts';
import { countRecords, hasRecords, sealedTables } from './sealed-tables.ts';
import { lockKeys, readKeys, type KeyRow } from './vault-keys.ts';
import { liveNodes, vaultChannel, type NodeRow } from './vault-nodes.ts';

export const reEncryptJob = 're-encrypt';

export type Promotion =
  /** `promoted` null: that key was in use already, what is left of its rotation goes on. */
  | { readonly ok: true; readonly promoted: string | null }
  | { readonly ok: false; readonly message: string };

/** Promotes the key that nodes were given as EVENKEEL_MASTER_KEY and that is not in use yet. */
export async function rotate(pool: Pool, actor: string): Promise<Promotion> {
  return transaction(pool, async (client) => {
    await lockKeys(client);
    const [keys, nodes] = [await readKeys(client), await liveNodes(client)];
    const chosen = chooseKey(keys, nodes);
    if (!chosen.ok) return chosen;
    if (chosen.promoted !== null) {
      const records = await countRecords(client);
      const toReseal = [...records].reduce((sum, [keyId, count]) => (keyId === chosen.promoted ? sum : sum + count), 0);
      await client.query(`update vault_keys set state = 'retiring' where state = 'in_use'`);
      await client.query(
        `update vault_keys set state = 'in_use', promoted_at = now(), promoted_by = $2, to_reseal = $3, unreadable = 0, retired_at = null where key_id = $1`,
        [chosen.promoted, actor, toReseal],
      );
      await client.query('select pg_notify($1, $2)', [vaultChannel, chosen.promoted]);
    }
    await queueJob(client, reEncryptJob, {}, { key: reEncryptJob });
    return chosen;
  });
}

/** Which key the fleet wants to seal with, or why it cannot yet. */
function chooseKey(keys: readonly KeyRow[], nodes: readonly NodeRow[]): Promotion {
  const inUse = keys.find(({ state }) => state === 'in_use')?.key_id;
  const wanted = [...new Set(nodes.map(({ master_key_id }) => master_key_id).filter((keyId) => keyId !== inUse))];
  const [target] = wanted;
  if (target === undefined) {
    if (keys.some(({ state }) => state === 'retiring')) return { ok: true, promoted: null };
    return { ok: false, message: `Every node has ${inUse ?? 'no key'} as its EVENKEEL_MASTER_KEY, the key in use: there is nothing to rotate to. Restart each node with a new key as EVENKEEL_MASTER_KEY and the present one in EVENKEEL_MASTER_KEY_PREVIOUS, then repeat.` };
  }
  if (wanted.length > 1) return { ok: false, message: `The nodes were given different new keys (${wanted.join(', ')}): restart them with the same EVENKEEL_MASTER_KEY, then repeat.` };
  const lacking = nodes.filter(({ key_ids }) => !key_ids.includes(target));
  if (lacking.length > 0) {
    const named = lacking.map(({ node_id, seen_at }) => `${node_id} (seen ${seen_at.toISOString()})`).join(', ');
    return { ok: false, message: `Not every node knows the new key ${target} yet: ${named}. Restart these with it as EVENKEEL_MASTER_KEY and the present one in EVENKEEL_MASTER_KEY_PREVIOUS, then repeat. A node that crashed counts as gone after a minute.` };
  }
  return { ok: true, promoted: target };
}

/**
 * Retires the keys that nothing needs any more; `settled` false when a node sealed with another key until just now.
 * Writers are held for the moment of the check (SHARE lock), so that no record can slip in between count and verdict.
 */
export async function retireKeys(pool: Pool, settleMs: number): Promise<{ settled: boolean; retired: string[] }> {
  return transaction(pool, async (client) => {
    await client.query(`set local lock_timeout = '1s'`);
    await lockKeys(client);
    const keys = await readKeys(client);
    const inUse = keys.find(({ state }) => state === 'in_use')?.key_id;
    const nodes = await liveNodes(client);
    if (nodes.some(({ sealing_with, sealing_ms }) => sealing_with !== inUse || sealing_ms < settleMs)) return { settled: false, retired: [] };
    await client.query(`lock table ${sealedTables.map(({ name }) => name).join(', ')} in share mode`);
    const retired: string[] = [];
    for (const { key_id, state } of keys) {
      if (state !== 'retiring' || (await hasRecords(client, key_id))) continue;
      await client.query(`update vault_keys set state = 'retired', retired_at = now() where key_id = $1`, [key_id]);
      retired.push(key_id);
    }
    return { settled: true, retired };
  });
}

export interface VaultState {
  readonly keys: readonly (KeyRow & { readonly records: number })[];
  readonly nodes: readonly NodeRow[];
  readonly progress: Progress | null;
}

export interface Progress {
  readonly to: string;
  readonly total: number;
  readonly done: number;
  readonly remaining: number;
  readonly unreadable: number;
  readonly startedAt: Date;
  /** When the last old key was retired. */
  readonly finishedAt: Date | null;
}

/** Counted, not remembered: what is left is what stands under other keys than the one in use. */
export async function readVaultState(database: Queryable): Promise<VaultState> {
  const [keys, records, nodes] = [await readKeys(database), await countRecords(database), await liveNodes(database)];
  return { keys: keys.map((key) => ({ ...key, records: records.get(key.key_id) ?? 0 })), nodes, progress: progressOf(keys, records) };
}

function progressOf(keys: readonly KeyRow[], records: ReadonlyMap<string, number>): Progress | null {
  const inUse = keys.find(({ state }) => state === 'in_use');
  if (inUse === undefined || inUse.to_reseal === null || inUse.promoted_at === null) return null;
  const remaining = [...records].reduce((sum, [keyId, count]) => (keyId === inUse.key_id ? sum : sum + count), 0);
  const total = Math.max(inUse.to_reseal, remaining);
  const startedAt = inUse.promoted_at;
  const finished = keys.some(({ state }) => state === 'retiring') ? null : keys.map(({ retired_at }) => retired_at).filter((at) => at !== null && at >= startedAt).toSorted((a, b) => Number(b) - Number(a))[0];
  return { to: inUse.key_id, total, done: total - remaining, remaining, unreadable: inUse.unreadable, startedAt, finishedAt: finished ?? null };
}
