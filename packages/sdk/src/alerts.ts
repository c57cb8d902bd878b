/** Alerts: what was found, silences, and alert rules tried on stored minutes. */
import type { Alert, AlertQuery, AlertReplay, AlertReplayed, AlertWithAccounts, NewSilence, Silence } from './generated/contract.ts';
import { Listing, type Page } from './listing.ts';
import type { CallOptions, Transport } from './transport.ts';

export class Alerts {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Newest first. */
  list(query: AlertQuery = {}, options: CallOptions = {}): Listing<Alert> {
    return new Listing((cursor) => this.#transport.call<Page<Alert>>({ ...options, method: 'GET', path: ['alerts'], query: { ...query, cursor: cursor ?? query.cursor } }));
  }

  get(id: string, options: CallOptions = {}): Promise<AlertWithAccounts> {
    return this.#transport.call({ ...options, method: 'GET', path: ['alerts', id] });
  }

  /** What the rules would have told from `since` to `until`, at most 14 days. Tells nobody. */
  replay(replay: AlertReplay, options: CallOptions = {}): Promise<AlertReplayed> {
    return this.#transport.call({ ...options, method: 'POST', path: ['alerts', 'replay'], body: replay });
  }

  silence(silence: NewSilence, options: CallOptions = {}): Promise<Silence> {
    return this.#transport.call({ ...options, method: 'POST', path: ['alert-silences'], body: silence });
  }

  endSilence(id: string, options: CallOptions = {}): Promise<void> {
    return this.#transport.call({ ...options, method: 'DELETE', path: ['alert-silences', id] });
  }
}
