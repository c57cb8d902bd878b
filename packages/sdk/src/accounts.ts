/** The accounts room of the client: what is connected, in which state, and what may be done about it. */
import type { Account, AccountDeleted, AccountDetail, AccountQuery, AccountTransition } from './generated/contract.ts';
import { Listing, type Page } from './listing.ts';
import type { CallOptions, Transport } from './transport.ts';

export class Accounts {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  list(query: AccountQuery = {}, options: CallOptions = {}): Listing<Account> {
    return new Listing((cursor) =>
      this.#transport.call<Page<Account>>({ ...options, method: 'GET', path: ['accounts'], query: { ...query, cursor: cursor ?? query.cursor } }),
    );
  }

  get(id: string, options: CallOptions = {}): Promise<AccountDetail> {
    return this.#transport.call({ ...options, method: 'GET', path: ['accounts', id] });
  }

  /** What happened to the account, with cause, actor and evidence. */
  transitions(id: string, options: CallOptions = {}): Listing<AccountTransition> {
    return new Listing((cursor) => this.#transport.call<Page<AccountTransition>>({ ...options, method: 'GET', path: ['accounts', id, 'transitions'], query: { cursor } }));
  }

  /** Runs validation and post-install again for an account in an error state. */
  retry(id: string, options: CallOptions = {}): Promise<Account> {
    return this.#transport.call({ ...options, method: 'POST', path: ['accounts', id, 'retry'] });
  }

  /** Renews the credential now. */
  refresh(id: string, options: CallOptions = {}): Promise<Account> {
    return this.#transport.call({ ...options, method: 'POST', path: ['accounts', id, 'refresh'] });
  }

  /** Deletes the account and its credential, and revokes the grant at vendors that offer it. */
  delete(id: string, options: CallOptions = {}): Promise<AccountDeleted> {
    return this.#transport.call({ ...options, method: 'DELETE', path: ['accounts', id] });
  }
}
