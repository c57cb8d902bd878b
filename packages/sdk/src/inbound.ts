/** The inbound room of the client: what vendors sent, what became of it, and working on it once more. */
import type { AccountInbound, AskedTasks, AskTasks, Erasure, InboundAddress, InboundEvent, InboundEventDetail, InboundEventQuery, Replay, ReplayRequest } from './generated/contract.ts';
import { Listing, type Page } from './listing.ts';
import type { CallOptions, Transport } from './transport.ts';

export class Inbound {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Newest first. */
  list(query: InboundEventQuery = {}, options: CallOptions = {}): Listing<InboundEvent> {
    return new Listing((cursor) => this.#transport.call<Page<InboundEvent>>({ ...options, method: 'GET', path: ['inbound-events'], query: { ...query, cursor: cursor ?? query.cursor } }));
  }

  /** One event with its request, secrets masked, and what was published for it. */
  get(id: string, options: CallOptions = {}): Promise<InboundEventDetail> {
    return this.#transport.call({ ...options, method: 'GET', path: ['inbound-events', id] });
  }

  /** Gives events back to the workers; with `dry_run` they are only counted. */
  replay(criteria: ReplayRequest, options: CallOptions = {}): Promise<Replay> {
    return this.#transport.call({ ...options, method: 'POST', path: ['inbound-events', 'replay'], body: criteria });
  }

  /** How far a replay has come. */
  replayProgress(id: string, options: CallOptions = {}): Promise<Replay> {
    return this.#transport.call({ ...options, method: 'GET', path: ['inbound-events', 'replays', id] });
  }

  /** The address to register at an account's vendor, and the account's subscriptions, polls and backfills. */
  ofAccount(accountId: string, options: CallOptions = {}): Promise<AccountInbound> {
    return this.#transport.call({ ...options, method: 'GET', path: ['accounts', accountId, 'inbound'] });
  }

  /** The address to register for the installation's app at a vendor. */
  ofConnector(connectorId: string, options: CallOptions = {}): Promise<InboundAddress> {
    return this.#transport.call({ ...options, method: 'GET', path: ['connectors', connectorId, 'inbound'] });
  }

  /** Tries subscriptions, pulls and backfills of an account again that failed or were given up; how many are due now. */
  retryTasks(account: string, which: AskTasks = {}, options: CallOptions = {}): Promise<AskedTasks> {
    return this.#transport.call({ ...options, method: 'POST', path: ['accounts', account, 'inbound', 'retry'], body: which });
  }

  /** Erases what came in for a tenant so far; without `finished_at` it goes on by itself. */
  erase(tenant: string, options: CallOptions = {}): Promise<Erasure> {
    return this.#transport.call({ ...options, method: 'DELETE', path: ['tenants', tenant, 'inbound-events'] });
  }

  /** How far the erasures of a tenant are, newest first. */
  erasures(tenant: string, options: CallOptions = {}): Promise<Page<Erasure>> {
    return this.#transport.call({ ...options, method: 'GET', path: ['tenants', tenant, 'inbound-erasures'] });
  }
}
