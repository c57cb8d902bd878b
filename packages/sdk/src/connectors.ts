/** The connectors room of the client: manifests, their versions, the installation's apps, and connecting accounts. */
import type { ConnectSession, ConnectSessionRequest } from './generated/contract.ts';
import { Listing, type Page } from './listing.ts';
import type { CallOptions, Transport } from './transport.ts';

/** What the server knows about a connector, until the contract types it. */
export type ConnectorAnswer = Record<string, unknown>;

export class Connectors {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  list(options: CallOptions = {}): Listing<ConnectorAnswer> {
    return new Listing((cursor) => this.#transport.call<Page<ConnectorAnswer>>({ ...options, method: 'GET', path: ['connectors'], query: { cursor } }));
  }

  get(id: string, options: CallOptions = {}): Promise<ConnectorAnswer> {
    return this.#transport.call({ ...options, method: 'GET', path: ['connectors', id] });
  }

  /** A new version, checked whole: with faults nothing changes and `error.problem.errors` lists every one. */
  put(id: string, manifest: object, options: CallOptions = {}): Promise<ConnectorAnswer> {
    return this.#transport.call({ ...options, method: 'PUT', path: ['connectors', id], body: manifest });
  }

  versions(id: string, options: CallOptions = {}): Listing<ConnectorAnswer> {
    return new Listing((cursor) => this.#transport.call<Page<ConnectorAnswer>>({ ...options, method: 'GET', path: ['connectors', id, 'versions'], query: { cursor } }));
  }

  /** Tries a version on a share of the accounts. */
  rollout(id: string, rollout: object, options: CallOptions = {}): Promise<ConnectorAnswer> {
    return this.#transport.call({ ...options, method: 'POST', path: ['connectors', id, 'rollout'], body: rollout });
  }

  /** Goes back to the version before. */
  rollback(id: string, options: CallOptions = {}): Promise<ConnectorAnswer> {
    return this.#transport.call({ ...options, method: 'POST', path: ['connectors', id, 'rollback'] });
  }
}

/** The installation's own registrations at the vendors. */
export class Apps {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Sets the OAuth client and the connector's app fields; the secrets among them are sealed and never shown again. */
  put(connector: string, app: Readonly<Record<string, string>>, options: CallOptions = {}): Promise<ConnectorAnswer> {
    return this.#transport.call({ ...options, method: 'PUT', path: ['connectors', connector, 'app'], body: app });
  }
}

export class ConnectSessions {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** A link for the owner of an account. */
  create(request: ConnectSessionRequest, options: CallOptions = {}): Promise<ConnectSession> {
    return this.#transport.call({ ...options, method: 'POST', path: ['connect-sessions'], body: request });
  }
}
