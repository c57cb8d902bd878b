/**
 * Connectors as they serve an account's calls: the version in effect with every layer of overrides. Connecting and
 * renewing work on the version itself: no override touches what they need.
 */
import type { Connector } from '@evenkeel/core/connectors/connector.ts';
import type { ConnectorOverrides } from './connector-overrides.ts';
import type { ConnectorRegistry } from './registry.ts';

export interface EffectiveConnectors {
  /** In memory: asked on every call. Without a tenant the version itself; `fault` says why the layers do not fit it. */
  get(id: string, accountId?: string, tenantId?: string): { readonly connector: Connector; readonly version: number; readonly fault?: string } | undefined;
  app(id: string): Promise<Readonly<Record<string, string>>>;
}

export function effectiveConnectors(registry: ConnectorRegistry, overrides: ConnectorOverrides): EffectiveConnectors {
  return {
    get(id, accountId, tenantId) {
      const active = registry.get(id, accountId);
      if (active === undefined || tenantId === undefined) return active;
      return { ...overrides.connectorFor(active.connector, { tenantId, accountId }), version: active.version };
    },
    app: (id) => registry.app(id),
  };
}
