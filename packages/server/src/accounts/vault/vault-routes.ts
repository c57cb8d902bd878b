/** Routes for the master keys: how a rotation stands, and its beginning. */
import { VaultStatus } from '@evenkeel/contract/api/vault.ts';
import type { Caller } from '../../access/keys.ts';
import type { Pool } from '../../database/pool.ts';
import { Refusal } from '../../http/problem.ts';
import { route, type Route } from '../../http/route.ts';
import { readVaultState, rotate, type VaultState } from './vault-rotation.ts';

export function vaultRoutes(pool: Pool): Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/vault',
      summary: 'Master keys, what is sealed with each, and how far a rotation is',
      tag: 'vault',
      access: 'admin',
      audit: { none: 'reads only' },
      schema: { response: { 200: VaultStatus } },
      async handle({ caller }) {
        requireInstallation(caller);
        return shown(await readVaultState(pool));
      },
    }),
    route({
      method: 'POST',
      path: '/v1/vault/rotate',
      summary: 'Seal with the new master key that every node was given, and re-encrypt what stands under the old one',
      tag: 'vault',
      access: 'admin',
      audit: { action: 'vault.rotate' },
      schema: { response: { 202: VaultStatus } },
      async handle({ caller, reply }) {
        requireInstallation(caller);
        const promotion = await rotate(pool, `key:${caller.keyId}`);
        if (!promotion.ok) throw new Refusal('conflict', promotion.message);
        reply.code(202);
        return shown(await readVaultState(pool));
      },
    }),
  ];
}

/** The vault holds every tenant's secrets. */
function requireInstallation({ tenantId }: Caller): void {
  if (tenantId !== null) throw new Refusal('forbidden', `This key belongs to tenant ${tenantId}, and the vault serves every tenant. Use an admin key without a tenant.`);
}

function shown(state: VaultState): VaultStatus {
  const { keys, nodes, progress } = state;
  return {
    keys: keys.map((key) => ({
      id: key.key_id,
      state: key.state,
      in_use: key.state === 'in_use',
      records: key.records,
      created_at: key.created_at.toISOString(),
      promoted_at: key.promoted_at?.toISOString() ?? null,
      retired_at: key.retired_at?.toISOString() ?? null,
    })),
    nodes: nodes.map((node) => ({ id: node.node_id, master_key: node.master_key_id, keys: [...node.key_ids], sealing_with: node.sealing_with, seen_at: node.seen_at.toISOString() })),
    progress:
      progress === null
        ? null
        : {
            to: progress.to,
            total: progress.total,
            done: progress.done,
            remaining: progress.remaining,
            unreadable: progress.unreadable,
            started_at: progress.startedAt.toISOString(),
            finished_at: progress.finishedAt?.toISOString() ?? null,
          },
    next_step: nextStep(state),
  };
}

/** The one thing an operator should know now. */
function nextStep({ keys, nodes, progress }: VaultState): string {
  const inUse = keys.find(({ state }) => state === 'in_use')?.key_id;
  const retiring = keys.filter(({ state }) => state === 'retiring').map(({ key_id }) => key_id);
  if (retiring.length > 0) {
    if (progress !== null && progress.remaining > 0 && progress.remaining === progress.unreadable) return `${progress.unreadable} records cannot be opened: the log names them. Connect these accounts again, or restore them; keep ${retiring.join(', ')} until then.`;
    if (progress?.remaining === 0) return `Every record is re-encrypted. Keep ${retiring.join(', ')} for some seconds more, until no node can still write with it.`;
    return `Records are being re-encrypted. Keep ${retiring.join(', ')} on every node.`;
  }
  const wanted = [...new Set(nodes.map(({ master_key_id }) => master_key_id).filter((keyId) => keyId !== inUse))];
  if (wanted.length === 0) {
    const retired = new Set(keys.filter(({ state }) => state === 'retired').map(({ key_id }) => key_id));
    const kept = [...new Set(nodes.flatMap(({ key_ids }) => key_ids).filter((keyId) => retired.has(keyId)))];
    if (kept.length === 0) return 'Nothing: one key seals everything.';
    return `Nothing is sealed with ${kept.join(', ')} any more: drop it from EVENKEEL_MASTER_KEY_PREVIOUS (or delete master.key.previous) at the next restart, and destroy it once no backup needs it.`;
  }
  const lacking = nodes.filter(({ key_ids }) => wanted.some((keyId) => !key_ids.includes(keyId)));
  if (wanted.length > 1) return `The nodes were given different new keys (${wanted.join(', ')}): restart them with the same EVENKEEL_MASTER_KEY.`;
  if (lacking.length > 0) return `${nodes.length - lacking.length} of ${nodes.length} nodes know the new key ${wanted.join()}; not yet ${lacking.map(({ node_id }) => node_id).join(', ')}.`;
  return `Every node knows the new key ${wanted.join()}: run evenkeel vault rotate.`;
}
