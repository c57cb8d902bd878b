/** What a connector offers, read off its manifest, in the shapes of the API. */
import type { ConnectorDetail, ConnectorRollout, ConnectorSummary, OfferedOperation, OfferedResource } from '@evenkeel/contract/api/connectors.ts';
import type { OfferedModel } from '@evenkeel/contract/api/unified.ts';
import type { Manifest, Operation, Resource } from '@evenkeel/contract/manifest/manifest.ts';
import type { CompiledOperation, Connector } from '@evenkeel/core/connectors/compile.ts';
import type { CompiledMapping } from '@evenkeel/core/connectors/mapping/mapping.ts';
import { offeredModel } from './offered-model.ts';
import type { ServedConnector } from './catalogue.ts';
import type { ConnectorRow } from './store.ts';

const methodNames = ['list', 'get', 'create', 'update', 'delete'] as const;

export function shownRollout({ rollout, revision, updatedAt }: ConnectorRow): ConnectorRollout {
  return { stable: rollout.stable, candidate: rollout.candidate, revision, updated_at: updatedAt.toISOString() };
}

export function shownSummary({ stable, row }: ServedConnector, appFields: readonly string[]): ConnectorSummary {
  const { manifest } = stable.connector;
  return {
    id: manifest.id,
    name: manifest.name,
    description: manifest.description ?? null,
    categories: manifest.categories,
    schemes: manifest.auth.map(({ id }) => id),
    resources: Object.keys(manifest.resources),
    app: { needed: needsApp(manifest), fields: [...appFields] },
    rollout: shownRollout(row),
  };
}

/** What an account is offered: its version of the connector, and its mappings. */
export interface OfferingConnector {
  readonly connector: Connector;
  readonly version: number;
  readonly models: readonly string[];
  /** Throws when the overrides of a mapping do not fit. */
  mapping(model: string): CompiledMapping | undefined;
}

/** Without `effective` the stable version, without overrides. */
export function shownDetail(served: ServedConnector, appFields: readonly string[], effective: OfferingConnector = stableOf(served)): ConnectorDetail {
  const { connector, version } = effective;
  const { manifest } = connector;
  return {
    ...shownSummary(served, appFields),
    version,
    docs_url: manifest.docs_url ?? null,
    offered_schemes: manifest.auth.map((scheme) => ({
      id: scheme.id,
      type: scheme.type,
      label: scheme.label ?? null,
      fields: scheme.fields ?? [],
      scopes: 'scopes' in scheme ? (scheme.scopes ?? []) : [],
    })),
    app_fields: manifest.app_fields ?? [],
    offered_resources: Object.fromEntries(Object.entries(manifest.resources).map(([name, resource]) => [name, offeredResource(connector, name, resource)])),
    unified: Object.fromEntries(effective.models.flatMap((model) => offeredModels(effective, model))),
    post_install: (manifest.post_install ?? []).map(({ id }) => id),
  };
}

function stableOf({ stable: { connector, version } }: ServedConnector): OfferingConnector {
  return { connector, version, models: Object.keys(connector.manifest.mappings ?? {}), mapping: (model) => connector.mapping(model) };
}

/** A mapping whose overrides do not fit offers nothing. */
function offeredModels(effective: OfferingConnector, model: string): [string, OfferedModel][] {
  try {
    const mapping = effective.mapping(model);
    return mapping === undefined ? [] : [[model, offeredModel(mapping)]];
  } catch {
    return [];
  }
}

/** Consent at a vendor needs a registered client; so does whatever the manifest reads from `app`. */
export function needsApp(manifest: Manifest): boolean {
  return manifest.auth.some(({ type }) => type === 'oauth2_code') || (manifest.app_fields ?? []).some(({ required }) => required !== false);
}

function offeredResource(connector: Connector, name: string, resource: Resource): OfferedResource {
  const offer = (method: CompiledOperation['name']): OfferedOperation[] => {
    const operation = connector.operation(name, method);
    return operation === undefined ? [] : [offeredOperation(operation)];
  };
  return {
    description: resource.description ?? null,
    category: resource.category ?? null,
    methods: Object.fromEntries(methodNames.flatMap((method) => offer(method).map((one) => [method, one]))),
    actions: Object.fromEntries(Object.keys(resource.actions ?? {}).flatMap((action) => offer({ action }).map((one) => [action, one]))),
  };
}

function offeredOperation({ source, name, pagination, scopes, idempotent }: CompiledOperation): OfferedOperation {
  return {
    description: source.description ?? null,
    filters: filtersOf(source),
    any_query: source.forward_query ?? (name === 'list' || name === 'get'),
    scopes: [...scopes],
    idempotent,
    ...(pagination === undefined ? {} : { page: { type: pagination.type, ...('limit' in pagination ? pagination.limit : {}) } }),
  };
}

/** The names under `input.query` that placeholders and expressions of the operation read. */
function filtersOf(operation: Operation): string[] {
  const names = new Set<string>();
  for (const [, name] of JSON.stringify(operation).matchAll(/\binput\.query\.([A-Za-z_$][\w$-]*)/g)) if (name !== undefined) names.add(name);
  return [...names].toSorted();
}
