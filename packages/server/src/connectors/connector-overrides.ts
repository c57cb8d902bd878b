/**
 * Overrides of manifests and mappings in memory, brought up to date on every node when any changes one. A call without
 * overrides costs a look-up; with them what is merged is compiled once for each connector version and set of layers.
 */
import type { OverrideLayer } from '@evenkeel/contract/api/overrides.ts';
import { Mapping as MappingSchema, type Mapping } from '@evenkeel/contract/manifest/mapping.ts';
import { compileConnector } from '@evenkeel/core/connectors/compile.ts';
import type { Connector } from '@evenkeel/core/connectors/connector.ts';
import type { Fault } from '@evenkeel/core/connectors/lint/fault.ts';
import { faultsOfMapping } from '@evenkeel/core/connectors/lint/mapping-lint.ts';
import { checkShape } from '@evenkeel/core/connectors/lint/shape.ts';
import { compileMapping, type CompiledMapping } from '@evenkeel/core/connectors/mapping/mapping.ts';
import { mergePatch } from '@evenkeel/core/connectors/overrides/merge-patch.ts';
import { LRUCache } from 'lru-cache';
import type { Notifications } from '../database/notifications.ts';
import type { Pool } from '../database/pool.ts';
import type { Log } from '../log.ts';
import { manifestPart, overrideChannel, readOverrides, type OverrideRow } from './override-store.ts';

/** Whose calls: an account is one of its tenant's. */
export interface OverrideOwner {
  readonly tenantId?: string | undefined;
  readonly accountId?: string | undefined;
}
export interface MergedMapping {
  readonly mapping: unknown;
  readonly faults: readonly Fault[];
}
/** A connector as calls see it; with `fault` the layers do not fit it, and it is the connector without them. */
export interface EffectiveConnector {
  readonly connector: Connector;
  readonly fault?: string;
}

const keyOf = (connectorId: string, part: string, layer: OverrideLayer, owner: string): string => `${connectorId}\n${part}\n${layer}\n${owner}`;
const keyOfLayers = (part: string, layers: readonly OverrideRow[]): string => [part, ...layers.map(({ layer, owner, revision }) => `${layer}\n${owner}\n${revision}`)].join('\n');
const most = 1_000;

export class ConnectorOverrides {
  readonly #pool: Pool;
  /** A reading under way after a notification. */
  #reading: Promise<void> = Promise.resolve();
  #rows = new Map<string, OverrideRow>();
  /** `<connector>\n<part>` of those that have any. */
  #overridden: ReadonlySet<string> = new Set();
  readonly #mappings = new WeakMap<Connector, LRUCache<string, CompiledMapping>>();
  readonly #connectors = new WeakMap<Connector, LRUCache<string, EffectiveConnector>>();

  private constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** Resolves once they are read and changes of other nodes are heard. */
  static async open(pool: Pool, notifications: Notifications, log: Log): Promise<ConnectorOverrides> {
    const overrides = new ConnectorOverrides(pool);
    const again = (): void => void (overrides.#reading = overrides.load().catch((error: unknown) => log.warn({ err: error }, 'connectors: overrides could not be read; those known before stay in effect')));
    await notifications.listen(overrideChannel, { notified: again, resynchronise: again });
    await overrides.load();
    return overrides;
  }

  /** Resolves when nothing is read any more. */
  close(): Promise<void> {
    return this.#reading;
  }

  async load(): Promise<void> {
    const rows = await readOverrides(this.#pool);
    this.#rows = new Map(rows.map((row) => [keyOf(row.connectorId, row.part, row.layer, row.owner), row]));
    this.#overridden = new Set(rows.map(({ connectorId, part }) => `${connectorId}\n${part}`));
  }

  /** The connector with the layers of its manifest; the same object for the same layers, as long as it is remembered. */
  connectorFor(connector: Connector, owner: OverrideOwner): EffectiveConnector {
    const layers = this.layers(connector.id, manifestPart, owner);
    if (layers.length === 0) return { connector };
    return remembered(this.#connectors, connector, keyOfLayers(manifestPart, layers), () => {
      const compiled = compileConnector(mergeManifest(connector, layers));
      if (compiled.ok) return { connector: compiled.connector };
      const [first] = compiled.faults.filter(({ severity }) => severity === 'error');
      return { connector, fault: `The manifest of ${connector.manifest.name} with its overrides is faulty: ${first?.path ?? ''}: ${first?.message ?? ''} Mend or remove the override.` };
    });
  }

  /** Of the owner's calls. Throws when the layers do not fit this version of the connector. */
  mappingFor(connector: Connector, model: string, owner: OverrideOwner): CompiledMapping | undefined {
    const layers = this.layers(connector.id, model, owner);
    if (layers.length === 0) return connector.mapping(model);
    return remembered(this.#mappings, connector, keyOfLayers(model, layers), () => {
      const { mapping, faults } = mergeMapping(connector, model, layers);
      const [first] = faults;
      if (first !== undefined) throw new Error(`${first.path}: ${first.message}`);
      return compileMapping(mapping as Mapping);
    });
  }

  /** Whether the layers of this part as they are do not fit this version for the owner. */
  isFaulty(connector: Connector, part: string, owner: OverrideOwner): boolean {
    const effective = this.connectorFor(connector, owner);
    return part === manifestPart ? effective.fault !== undefined : mergeMapping(effective.connector, part, this.layers(connector.id, part, owner)).faults.length > 0;
  }

  /** Those that apply, the widest first. */
  layers(connectorId: string, part: string, { tenantId, accountId }: OverrideOwner): OverrideRow[] {
    if (!this.#overridden.has(`${connectorId}\n${part}`)) return [];
    const find = (layer: OverrideLayer, owner: string | undefined): OverrideRow[] => {
      const row = owner === undefined ? undefined : this.#rows.get(keyOf(connectorId, part, layer, owner));
      return row === undefined ? [] : [row];
    };
    return [...find('installation', ''), ...find('tenant', tenantId), ...find('account', accountId)];
  }

  /**
   * Whose layers of this part lie beneath a layer, and so above whatever is written there: of the installation everybody's, of a
   * tenant those of its accounts. The tenant of an account is not known here.
   */
  ownersBeneath(connectorId: string, part: string, layer: OverrideLayer): { readonly layer: 'tenant' | 'account'; readonly owner: string }[] {
    if (layer === 'account') return [];
    return [...this.#rows.values()].flatMap((row) => {
      if (row.connectorId !== connectorId || row.part !== part || row.layer === 'installation' || row.layer === layer) return [];
      return [{ layer: row.layer, owner: row.owner }];
    });
  }

  /** The parts of a connector that have any, in any layer. */
  partsOf(connectorId: string): string[] {
    return [...this.#overridden].filter((key) => key.startsWith(`${connectorId}\n`)).map((key) => key.slice(connectorId.length + 1));
  }
}

function remembered<Compiled extends object>(by: WeakMap<Connector, LRUCache<string, Compiled>>, connector: Connector, key: string, compile: () => Compiled): Compiled {
  const known = by.get(connector) ?? new LRUCache<string, Compiled>({ max: most });
  by.set(connector, known);
  const present = known.get(key);
  if (present !== undefined) return present;
  const fresh = compile();
  known.set(key, fresh);
  return fresh;
}

export const mergeManifest = (connector: Connector, layers: readonly OverrideRow[]): unknown => layers.reduce<unknown>((merged, { patch }) => mergePatch(merged, patch), connector.manifest);

/** The layers over the connector's own mapping, or over nothing. */
export function mergeMapping(connector: Connector, model: string, layers: readonly OverrideRow[]): MergedMapping {
  const base: unknown = connector.mapping(model)?.source ?? { mapping: 1, model, methods: {}, fields: {} };
  const mapping = layers.reduce((merged, { patch }) => mergePatch(merged, patch), base);
  const { faults } = checkShape(MappingSchema, mapping);
  const errors = faults.length > 0 ? faults : faultsOfMapping(model, mapping as Mapping, connector.manifest.resources, '').map((fault) => ({ ...fault, path: fault.path.replace(/^\./, '') }));
  return { mapping, faults: errors.filter(({ severity }) => severity === 'error') };
}
