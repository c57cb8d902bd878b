/** Calls on the unified models of one account: the same fields, filters and cursors whatever the vendor. */
import type { UnifiedModels } from './generated/unified.ts';
import { Listing, type Page } from './listing.ts';
import type { CallOptions, Transport } from './transport.ts';

/** `<category>.<resource>`: "crm.contacts". */
export type UnifiedModel = keyof UnifiedModels;
export type UnifiedRecord<M extends UnifiedModel> = UnifiedModels[M]['record'];
type FieldOf<M extends UnifiedModel> = keyof UnifiedRecord<M> & string;

/** What of a record was asked for: all of it, or the fields named and the id. */
export type Shown<M extends UnifiedModel, F extends FieldOf<M>> = Pick<UnifiedRecord<M>, F | (FieldOf<M> & ('id' | 'remote_data'))>;

/** What a caller writes: fields of the model but those the vendor sets; in lists and groups what matters of a member. */
export type UnifiedInput<M extends UnifiedModel> = { readonly [Field in Exclude<FieldOf<M>, UnifiedModels[M]['set_by_vendor']>]?: Written<UnifiedRecord<M>[Field]> | null };
type Written<Value> = Value extends readonly (infer Member)[] ? readonly (Member extends object ? Partial<Member> : Member)[] : Value extends object ? Partial<Value> : Value;

export interface Showing<F> {
  /** Only these fields; the id is always there. */
  readonly fields?: readonly F[];
  /** Adds the vendor's own record as `remote_data`. */
  readonly remote_data?: boolean;
}
/** A connector offers some of the filters and sortings: GET /v1/connectors/{id} says which. Others throw `unsupported_operation`. */
export type UnifiedListQuery<M extends UnifiedModel, F> = Showing<F> & { readonly [Filter in UnifiedModels[M]['filters']]?: string | boolean } & {
  readonly sort?: UnifiedModels[M]['sort'] | `-${UnifiedModels[M]['sort']}`;
  readonly limit?: number;
  readonly cursor?: string;
};

export class Unified {
  readonly #transport: Transport;
  readonly account: string;

  constructor(transport: Transport, account: string) {
    this.#transport = transport;
    this.account = account;
  }

  list<M extends UnifiedModel, F extends FieldOf<M> = FieldOf<M>>(model: M, query: UnifiedListQuery<M, F> = {}, options: CallOptions = {}): Listing<Shown<M, F>> {
    const { cursor: from, ...asked } = query as UnifiedListQuery<M, F> & { cursor?: string };
    return new Listing((cursor) => this.#call<Page<Shown<M, F>>>('GET', model, [], options, { ...queryOf(asked), cursor: cursor ?? from }));
  }

  get<M extends UnifiedModel, F extends FieldOf<M> = FieldOf<M>>(model: M, id: string, showing: Showing<F> = {}, options: CallOptions = {}): Promise<Shown<M, F>> {
    return this.#call('GET', model, [id], options, queryOf(showing));
  }

  create<M extends UnifiedModel>(model: M, record: UnifiedInput<M>, options: CallOptions = {}): Promise<UnifiedRecord<M>> {
    return this.#call('POST', model, [], options, undefined, record);
  }

  /** Changes the fields given; null clears one. */
  update<M extends UnifiedModel>(model: M, id: string, changes: UnifiedInput<M>, options: CallOptions = {}): Promise<UnifiedRecord<M>> {
    return this.#call('PATCH', model, [id], options, undefined, changes);
  }

  async delete(model: UnifiedModel, id: string, options: CallOptions = {}): Promise<void> {
    await this.#call('DELETE', model, [id], options);
  }

  #call<T>(method: string, model: UnifiedModel, rest: string[], options: CallOptions, query?: object, body?: unknown): Promise<T> {
    return this.#transport.call<T>({ ...options, method, path: ['unified', ...model.split('.'), ...rest], query, body, account: this.account });
  }
}

/** `fields` goes as one text: a repeated parameter would be refused. */
function queryOf(asked: object): object {
  const { fields, ...rest } = asked as { readonly fields?: readonly string[] };
  return fields === undefined ? rest : { ...rest, fields: fields.join(',') };
}
