/**
 * Which nodes are up, which master keys each knows and which one it seals with. Rotation goes by this: it begins when
 * every node knows the new key and ends when every node has sealed with it for a while.
 */
import type { Pool, Queryable } from '../../database/pool.ts';
import type { Notifications } from '../../database/notifications.ts';
import type { Log } from '../../log.ts';
import type { Vault } from './vault.ts';

/** Notified when another key was promoted. */
export const vaultChannel = 'evenkeel_vault';

/** A node not seen for this long counts as gone. Longer than any refresh lease (45 s): what it held is void by then. */
export const nodeGoneMs = 60_000;

export interface NodeRow {
  readonly node_id: string;
  readonly key_ids: readonly string[];
  readonly master_key_id: string;
  readonly sealing_with: string;
  /** How long it has sealed with that key, in ms of the database's clock. */
  readonly sealing_ms: number;
  readonly seen_at: Date;
}

export async function recordNode(database: Queryable, vault: Vault, node: string): Promise<void> {
  await database.query(
    `insert into vault_nodes (node_id, key_ids, master_key_id, sealing_with) values ($1, $2, $3, $4)
     on conflict (node_id) do update
     set sealing_with = excluded.sealing_with, seen_at = clock_timestamp(),
         sealing_since = case when vault_nodes.sealing_with = excluded.sealing_with then vault_nodes.sealing_since else clock_timestamp() end`,
    [node, vault.keyIds, vault.masterKeyId, vault.keyId],
  );
}

export async function liveNodes(database: Queryable): Promise<NodeRow[]> {
  const { rows } = await database.query<NodeRow>(
    `select *, (extract(epoch from clock_timestamp() - sealing_since) * 1000)::float8 as sealing_ms from vault_nodes
     where seen_at > clock_timestamp() - $1 * interval '1 millisecond' order by node_id`,
    [nodeGoneMs],
  );
  return rows;
}

/** Nodes that crashed leave a row behind. */
export async function forgetGoneNodes(database: Queryable): Promise<void> {
  await database.query(`delete from vault_nodes where seen_at < clock_timestamp() - interval '1 day'`);
}

export interface VaultWatch {
  /** Looks at the keys now, switches to the one in use, and says so. */
  beat(): Promise<void>;
  /** Signs off. */
  close(): Promise<void>;
}

export interface VaultWatchParts {
  readonly pool: Pool;
  readonly notifications: Notifications;
  readonly vault: Vault;
  readonly node: string;
  readonly log: Log;
  /** Called once when the key in use is not known here: this node can read nothing new and must end. */
  readonly lost: (message: string) => void;
  /** Default 5 s. */
  readonly everyMs?: number;
}

export async function watchVault({ pool, notifications, vault, node, log, lost, everyMs = 5_000 }: VaultWatchParts): Promise<VaultWatch> {
  let last: Promise<void> = Promise.resolve();
  let ended = false;
  const look = async (): Promise<void> => {
    if (ended) return;
    const { rows } = await pool.query<{ key_id: string }>(`select key_id from vault_keys where state = 'in_use'`);
    const inUse = rows[0]?.key_id;
    if (inUse !== undefined && inUse !== vault.keyId) {
      if (!vault.keyIds.includes(inUse)) {
        ended = true;
        lost(`The master key in use is now ${inUse}, and this node knows only ${vault.keyIds.join(', ')}. Start it again with the key in use as EVENKEEL_MASTER_KEY and the others in EVENKEEL_MASTER_KEY_PREVIOUS.`);
        return;
      }
      vault.sealWith(inUse);
      log.info({ keyId: inUse }, 'vault: sealing with another master key from now on');
    }
    await recordNode(pool, vault, node);
  };
  // One after the other: an older answer must not be recorded over a newer one.
  const beat = (): Promise<void> => (last = last.catch(() => undefined).then(look));
  const guarded = (): void => void beat().catch((error: unknown) => log.warn({ err: error }, 'vault: this node could not look which master key is in use'));
  await notifications.listen(vaultChannel, { notified: guarded, resynchronise: guarded });
  await beat();
  const timer = setInterval(guarded, everyMs);
  timer.unref();
  return {
    beat,
    async close() {
      clearInterval(timer);
      await last.catch(() => undefined);
      ended = true;
      await pool.query('delete from vault_nodes where node_id = $1', [node]);
    },
  };
}
