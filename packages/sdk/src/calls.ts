/** The record of calls: every failure and a sample of successes, with evidence. */
import type { Call, CallQuery, CallWithEvidence } from './generated/contract.ts';
import { Listing, type Page } from './listing.ts';
import type { CallOptions, Transport } from './transport.ts';

export class Calls {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Newest first. */
  list(query: CallQuery = {}, options: CallOptions = {}): Listing<Call> {
    return new Listing((cursor) => this.#transport.call<Page<Call>>({ ...options, method: 'GET', path: ['calls'], query: { ...query, cursor: cursor ?? query.cursor } }));
  }

  get(id: string, options: CallOptions = {}): Promise<CallWithEvidence> {
    return this.#transport.call({ ...options, method: 'GET', path: ['calls', id] });
  }
}
