/** The connectors room of the client: manifests, their versions, the installation's apps, and connecting accounts. */
import type {
  AppQuery,
  AppRequest,
  AppState,
  ConnectorDetail,
  ConnectorPut,
  ConnectorPutQuery,
  ConnectorQuery,
  ConnectorRollout,
  ConnectorSummary,
  ConnectorVersion,
  ConnectorVersionQuery,
  ConnectSession,
  ConnectSessionRequest,
  RollbackRequest,
  RolloutRequest,
} from './generated/contract.ts';
import { Listing, type Page } from './listing.ts';
import type { CallOptions, Transport } from './transport.ts';

export class Connectors {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  list(query: ConnectorQuery = {}, options: CallOptions = {}): Listing<ConnectorSummary> {
    return new Listing((cursor) => this.#transport.call<Page<ConnectorSummary>>({ ...options, method: 'GET', path: ['connectors'], query: { ...query, cursor: cursor ?? query.cursor } }));
  }

  get(id: string, options: CallOptions = {}): Promise<ConnectorDetail> {
    return this.#transport.call({ ...options, method: 'GET', path: ['connectors', id] });
  }

  /** A new version, checked whole: with faults nothing changes and `error.problem.errors` lists every one. */
  put(id: string, manifest: object, query: ConnectorPutQuery = {}, options: CallOptions = {}): Promise<ConnectorPut> {
    return this.#transport.call({ ...options, method: 'PUT', path: ['connectors', id], query, body: manifest });
  }

  versions(id: string, query: ConnectorVersionQuery = {}, options: CallOptions = {}): Listing<ConnectorVersion> {
    return new Listing((cursor) =>
      this.#transport.call<Page<ConnectorVersion>>({ ...options, method: 'GET', path: ['connectors', id, 'versions'], query: { ...query, cursor: cursor ?? query.cursor } }),
    );
  }

  /** Tries a version on a share of the accounts, or makes it stable. */
  rollout(id: string, request: RolloutRequest, options: CallOptions = {}): Promise<ConnectorRollout> {
    return this.#transport.call({ ...options, method: 'POST', path: ['connectors', id, 'rollout'], body: request });
  }

  /** Ends a trial, else goes back to the version that was stable before, or to the one named. */
  rollback(id: string, request: RollbackRequest = {}, options: CallOptions = {}): Promise<ConnectorRollout> {
    return this.#transport.call({ ...options, method: 'POST', path: ['connectors', id, 'rollback'], body: request });
  }
}

/** The installation's own registrations at the vendors. */
export class Apps {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Sets the OAuth client and the connector's app fields; the secrets among them are sealed and never shown again. What is left out is removed. */
  put(connector: string, app: AppRequest, { overlap_s, ...options }: CallOptions & AppQuery = {}): Promise<AppState> {
    return this.#transport.call({ ...options, method: 'PUT', path: ['connectors', connector, 'app'], query: { overlap_s }, body: app });
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
