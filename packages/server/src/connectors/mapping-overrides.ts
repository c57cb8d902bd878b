/**
 * Overrides of mappings in memory, brought up to date on every node when any changes one. A call without overrides
 * costs a look-up; with them the merged mapping is compiled once for each connector version and set of layers.
 */
import type { Mapping } from '@evenkeel/contract/manifest/mapping.ts';
import { Mapping as MappingSchema } from '@evenkeel/contract/manifest/mapping.ts';
import type { MappingLayer } from '@evenkeel/contract/api/mapping-overrides.ts';
import type { Connector } from '@evenkeel/core/connectors/connector.ts';
import type { Fault } from '@evenkeel/core/connectors/lint/fault.ts';
import { faultsOfMapping } from '@evenkeel/core/connectors/lint/mapping-lint.ts';
import { mergePatch } from '@evenkeel/core/connectors/mapping/mapping-merge.ts';
import { compileMapping, type CompiledMapping } from '@evenkeel/core/connectors/mapping/mapping.ts';
import { checkShape } from '@evenkeel/core/connectors/lint/shape.ts';
import { LRUCache } from 'lru-cache';
import type { Notifications } from '../database/notifications.ts';
import type { Pool } from '../database/pool.ts';
import type { Log } from '../log.ts';
import { overrideChannel, readOverrides, type OverrideRow } from './override-store.ts';

/** Whose calls: an account is one of its tenant's. */
export interface MappingOwner {
  readonly tenantId?: string | undefined;
  readonly accountId?: string | undefined;
}
export interface MergedMapping {
  readonly mapping: unknown;
  readonly layers: readonly OverrideRow[];
  readonly faults: readonly Fault[];
}

const keyOf = (connectorId: string, model: string, layer: MappingLayer, owner: string): string => JSON.stringify([connectorId, model, layer, owner]);

export class MappingOverrides {
  readonly #pool: Pool;
  #rows = new Map<string, OverrideRow>();
  readonly #compiled = new WeakMap<Connector, LRUCache<string, CompiledMapping>>();

  private constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** Resolves once they are read and changes of other nodes are heard. */
  static async open(pool: Pool, notifications: Notifications, log: Log): Promise<MappingOverrides> {
    const overrides = new MappingOverrides(pool);
    const again = (): void => void overrides.load().catch((error: unknown) => log.warn({ err: error }, 'connectors: overrides could not be read; those known before stay in effect'));
    await notifications.listen(overrideChannel, { notified: again, resynchronise: again });
    await overrides.load();
    return overrides;
  }

  async load(): Promise<void> {
    const rows = await readOverrides(this.#pool);
    this.#rows = new Map(rows.map((row) => [keyOf(row.connectorId, row.model, row.layer, row.owner), row]));
  }

  /** Of the owner's calls. Throws when the layers do not fit this version of the connector. */
  mappingFor(connector: Connector, model: string, owner: MappingOwner): CompiledMapping | undefined {
    if (this.#rows.size === 0) return connector.mapping(model);
    const layers = this.layers(connector.id, model, owner);
    if (layers.length === 0) return connector.mapping(model);
    const known = this.#compiled.get(connector) ?? new LRUCache<string, CompiledMapping>({ max: 1_000 });
    this.#compiled.set(connector, known);
    const key = JSON.stringify([model, ...layers.map(({ layer, owner: whose, revision }) => [layer, whose, revision])]);
    const compiled = known.get(key);
    if (compiled !== undefined) return compiled;
    const { mapping, faults } = merge(connector, model, layers);
    const [first] = faults;
    if (first !== undefined) throw new Error(`${first.path}: ${first.message}`);
    const fresh = compileMapping(mapping as Mapping);
    known.set(key, fresh);
    return fresh;
  }

  /** Those that apply, the widest first. */
  layers(connectorId: string, model: string, { tenantId, accountId }: MappingOwner): OverrideRow[] {
    const find = (layer: MappingLayer, owner: string | undefined): OverrideRow[] => {
      const row = owner === undefined ? undefined : this.#rows.get(keyOf(connectorId, model, layer, owner));
      return row === undefined ? [] : [row];
    };
    return [...find('installation', ''), ...find('tenant', tenantId), ...find('account', accountId)];
  }
}

/** The layers over the connector's own mapping, or over nothing. */
export function merge(connector: Connector, model: string, layers: readonly OverrideRow[]): MergedMapping {
  const base: unknown = connector.mapping(model)?.source ?? { mapping: 1, model, methods: {}, fields: {} };
  const mapping = layers.reduce((merged, { patch }) => mergePatch(merged, patch), base);
  const { faults } = checkShape(MappingSchema, mapping);
  const errors = faults.length > 0 ? faults : faultsOfMapping(model, mapping as Mapping, connector.manifest.resources, '').map((fault) => ({ ...fault, path: fault.path.replace(/^\./, '') }));
  return { mapping, layers, faults: errors.filter(({ severity }) => severity === 'error') };
}
