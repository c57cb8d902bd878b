/** A unified call and its query: fields, sorting, filters and paging, held to the model before a connector is asked. */
import { modelNamed } from '@evenkeel/contract/unified/models.ts';
import { nearest } from '../connectors/lint/fault.ts';
import type { CompiledMapping } from '../connectors/mapping/mapping.ts';
import { failureOf, type CallFailure } from './failure.ts';

export type UnifiedMethod = 'list' | 'get' | 'create' | 'update' | 'delete';
/** Of `/unified/{category}/{resource}[/{id}]`; `query` is decoded. */
export interface UnifiedCall {
  readonly model: string;
  readonly method: UnifiedMethod;
  readonly id?: string | undefined;
  readonly query: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface AskedOfList {
  /** Undefined: all. */
  readonly fields: ReadonlySet<string> | undefined;
  readonly remoteData: boolean;
  /** Text as given, by the filter's name. */
  readonly filters: Readonly<Record<string, string>>;
  /** `updated_at` or `-updated_at`. */
  readonly sort: string | undefined;
  readonly limit: string | undefined;
  readonly cursor: string | undefined;
}
type Reading = { readonly ok: true; readonly asked: AskedOfList } | { readonly ok: false; readonly failure: CallFailure };

const always = ['account_id', 'fields', 'remote_data'] as const;
const ofLists = ['limit', 'cursor', 'sort'] as const;

/** Unknown parameters are refused: a filter that is misspelt would answer with everything. */
export function askedOf(mapping: CompiledMapping, call: UnifiedCall): Reading {
  const list = call.method === 'list';
  const known = new Set<string>([...always, ...(list ? [...ofLists, ...(modelNamed(mapping.model)?.filters ?? [])] : [])]);
  const filters: Record<string, string> = {};
  const given: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(call.query)) {
    if (!known.has(name)) return refused(`There is no query parameter ${JSON.stringify(name.slice(0, 80))} for ${call.method} of ${call.model}. There are: ${[...known].join(', ')}.`, nearest(name, known));
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return refused(`The query parameter ${name} is given once.`);
    if (list && !(always as readonly string[]).includes(name) && !(ofLists as readonly string[]).includes(name)) filters[name] = String(value);
    else given[name] = String(value);
  }
  const fields = fieldsAsked(mapping, given['fields']);
  if (typeof fields === 'string') return refused(fields);
  const sort = given['sort'] === '' ? undefined : given['sort'];
  const sortable = modelNamed(mapping.model)?.sort ?? [];
  if (sort !== undefined && !sortable.includes(sort.replace(/^-/, ''))) return refused(`${call.model} is not sorted by ${JSON.stringify(sort.slice(0, 80))}. It can be by: ${sortable.join(', ')}, descending with "-" before.`);
  const remote = given['remote_data'];
  if (remote !== undefined && remote !== 'true' && remote !== 'false') return refused('remote_data is true or false.');
  return { ok: true, asked: { fields, remoteData: remote === 'true', filters, sort, limit: given['limit'], cursor: given['cursor'] } };
}

function fieldsAsked(mapping: CompiledMapping, text: string | undefined): ReadonlySet<string> | undefined | string {
  if (text === undefined || text === '') return undefined;
  const names = text.split(',').map((name) => name.trim());
  const known = [...mapping.fields.keys(), 'custom_fields'];
  const stranger = names.find((name) => !known.includes(name));
  return stranger === undefined ? new Set(names) : `${mapping.model} has no field ${JSON.stringify(stranger.slice(0, 80))}. It has: ${known.join(', ')}.`;
}

function refused(detail: string, meant?: string): Reading {
  return { ok: false, failure: failureOf({ kind: 'call', code: 'invalid_request', reason: 'unified-query', detail: meant === undefined ? detail : `${detail} Did you mean "${meant}"?` }) };
}
