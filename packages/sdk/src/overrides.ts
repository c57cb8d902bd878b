/** Overrides of connectors: what one installation, tenant or account needs otherwise, by JSON merge patches (RFC 7396). */
import type { EffectiveManifest, EffectiveMapping, LayerQuery } from './generated/contract.ts';
import type { CallOptions, Transport } from './transport.ts';

export interface ChangeOptions extends CallOptions {
  /** The `revision` last seen, 0 for none: the change fails with `conflict`, status 412, when somebody else came first. */
  readonly ifMatch?: number;
}

/** `layer` says whose: `{account_id}`, `{tenant_id}`, or `{}` for the installation's. */
export class Overrides {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** A mapping as it is in effect there, layer by layer. */
  mapping(connector: string, model: string, layer: LayerQuery = {}, options: CallOptions = {}): Promise<EffectiveMapping> {
    return this.#transport.call({ ...options, method: 'GET', path: ['connectors', connector, 'mappings', model], query: layer });
  }

  putMapping(connector: string, model: string, patch: object, layer: LayerQuery = {}, options: ChangeOptions = {}): Promise<EffectiveMapping> {
    return this.#transport.call({ ...options, method: 'PUT', path: ['connectors', connector, 'mappings', model, 'override'], query: layer, body: patch });
  }

  removeMapping(connector: string, model: string, layer: LayerQuery = {}, options: ChangeOptions = {}): Promise<EffectiveMapping> {
    return this.#transport.call({ ...options, method: 'DELETE', path: ['connectors', connector, 'mappings', model, 'override'], query: layer });
  }

  /** The manifest with its mappings as it is in effect there. */
  manifest(connector: string, layer: LayerQuery = {}, options: CallOptions = {}): Promise<EffectiveManifest> {
    return this.#transport.call({ ...options, method: 'GET', path: ['connectors', connector, 'manifest'], query: layer });
  }

  putManifest(connector: string, patch: object, layer: LayerQuery = {}, options: ChangeOptions = {}): Promise<EffectiveManifest> {
    return this.#transport.call({ ...options, method: 'PUT', path: ['connectors', connector, 'manifest', 'override'], query: layer, body: patch });
  }

  removeManifest(connector: string, layer: LayerQuery = {}, options: ChangeOptions = {}): Promise<EffectiveManifest> {
    return this.#transport.call({ ...options, method: 'DELETE', path: ['connectors', connector, 'manifest', 'override'], query: layer });
  }
}
