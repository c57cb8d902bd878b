/** Calls to the vendor of one account: resources through the proxy, anything else through the passthrough. */
import { Listing, type Page } from './listing.ts';
import type { CallOptions, Query, Transport } from './transport.ts';

/** A record as the vendor shapes it; name its type where you know it: `proxy.get<Contact>('contacts', id)`. */
export type VendorRecord = Record<string, unknown>;

/** `limit` and `cursor` page the list; every other parameter goes to the vendor. */
export type ListQuery = Query & { readonly limit?: number; readonly cursor?: string };

export class Proxy {
  readonly #transport: Transport;
  readonly account: string;

  constructor(transport: Transport, account: string) {
    this.#transport = transport;
    this.account = account;
  }

  list<T = VendorRecord>(resource: string, query: ListQuery = {}, options: CallOptions = {}): Listing<T> {
    return new Listing((cursor) => this.#call<Page<T>>('GET', [resource], options, { ...query, cursor: cursor ?? query.cursor }));
  }

  get<T = VendorRecord>(resource: string, id: string, query: Query = {}, options: CallOptions = {}): Promise<T> {
    return this.#call('GET', [resource, id], options, query);
  }

  create<T = VendorRecord>(resource: string, record: unknown, options: CallOptions = {}): Promise<T> {
    return this.#call('POST', [resource], options, undefined, record);
  }

  update<T = VendorRecord>(resource: string, id: string, changes: unknown, options: CallOptions = {}): Promise<T> {
    return this.#call('PATCH', [resource, id], options, undefined, changes);
  }

  /** Resolves to what the vendor answers, null when that is nothing. */
  delete<T = VendorRecord | null>(resource: string, id: string, options: CallOptions = {}): Promise<T> {
    return this.#call('DELETE', [resource, id], options);
  }

  /** An action of the connector beyond the five methods, such as `merge`. */
  action<T = VendorRecord | null>(resource: string, id: string, action: string, input?: unknown, options: CallOptions = {}): Promise<T> {
    return this.#call('POST', [resource, id, action], options, undefined, input);
  }

  #call<T>(method: string, path: string[], options: CallOptions, query?: Query, body?: unknown): Promise<T> {
    return this.#transport.call<T>({ ...options, method, path: ['proxy', ...path], query, body, account: this.account });
  }
}

export class Passthrough {
  readonly #transport: Transport;
  readonly account: string;

  constructor(transport: Transport, account: string) {
    this.#transport = transport;
    this.account = account;
  }

  /**
   * `fetch` against the vendor's own API: any method, body and answer streamed as they are, the credential added on
   * the way. `path` is the vendor's, with its query: `/crm/v3/objects/contacts?limit=2`. Resolves to the answer
   * whatever its status; retried by the same rules as fetchWithBackoff.
   */
  fetch(path: string, init: RequestInit = {}, options: Omit<CallOptions, 'idempotencyKey'> = {}): Promise<Response> {
    const prefix = this.#transport.address(['passthrough']);
    const url = new URL(`${prefix.href}/${path.replace(/^\/+/, '')}`);
    if (!url.pathname.startsWith(`${prefix.pathname}/`)) throw new TypeError(`The path "${path}" leads out of the vendor's API. Leave out the ".." segments.`);
    url.hash = '';
    return this.#transport.send(url, init, { ...options, account: this.account });
  }
}
