/**
 * A call on a unified model → the proxied call that serves it, and the vendor's answer → records of the model. The
 * mapping decides everything about the vendor; a call it cannot serve is refused with what it can.
 */
import type { Connector } from '../connectors/connector.ts';
import { nearest } from '../connectors/lint/fault.ts';
import { evaluateMembers, type CompiledMethod, type CompiledWay, type OperationName } from '../connectors/mapping/mapping-methods.ts';
import type { CompiledMapping } from '../connectors/mapping/mapping.ts';
import { compilePath } from '../connectors/values/path.ts';
import { momentOf, type Scope } from '../connectors/values/scope.ts';
import type { ProxyCall } from './call.ts';
import { failureOf, type CallFailure } from './failure.ts';
import { askedOf, type AskedOfList, type UnifiedCall, type UnifiedMethod } from './unified-query.ts';

/** What serves the call, and what is made of its answer. */
export interface UnifiedPlan {
  readonly mapping: CompiledMapping;
  readonly method: UnifiedMethod;
  readonly incoming: ProxyCall;
  readonly asked: ReadonlySet<string> | undefined;
  readonly remoteData: boolean;
  /** The id to read the record with, once the answer of a write has been read; undefined when the answer is the record. */
  rereadId(answer: unknown): string | undefined;
  readonly rereads: boolean;
}
export type Refused = { readonly ok: false; readonly failure: CallFailure };
export type Planning = { readonly ok: true; readonly plan: UnifiedPlan } | Refused;
export type UnifiedAnswer = { readonly ok: true; readonly status: number; readonly body: unknown } | Refused;

/** `scope` is the account's; only its settings and captures reach a mapping. */
export async function planUnified(connector: Connector, mapping: CompiledMapping | undefined, call: UnifiedCall, scope: Scope, nowMs: number): Promise<Planning> {
  const method = mapping?.methods[call.method];
  if (mapping === undefined || method === undefined) return refused('unsupported_operation', 'unsupported', describeUnsupported(connector, mapping, call));
  const reading = askedOf(mapping, call);
  if (!reading.ok) return reading;
  const { asked } = reading;
  const common = { config: scope.config, captured: scope.captured, now: momentOf(nowMs), select: mapping.select(asked.fields) };
  try {
    if (call.method === 'list') return await planList(connector, mapping, call, asked, common);
    return await planOne(mapping, call, method as CompiledMethod, asked, common);
  } catch (error) {
    return refused('mapping_failed', 'mapping', `The mapping of ${call.model} for ${connector.manifest.name} failed on this call: ${error instanceof Error ? error.message.slice(0, 300) : 'it failed'}`);
  }
}

async function planList(connector: Connector, mapping: CompiledMapping, call: UnifiedCall, asked: AskedOfList, common: object): Promise<Planning> {
  const ways = mapping.methods.list ?? [];
  const names = Object.keys(asked.filters);
  const knows = (way: CompiledWay): boolean => names.every((name) => way.filters.has(name)) && (asked.sort === undefined || way.sort.has(asked.sort));
  const complete = (way: CompiledWay): boolean => [...way.filters.values()].every(({ name, required }) => !required || names.includes(name));
  const way = ways.find((one) => knows(one) && complete(one)) ?? ways.find(knows);
  if (way === undefined) return refused('unsupported_operation', 'filters', describeFilters(connector, mapping, asked));
  const missing = [...way.filters.values()].filter(({ name, required }) => required && !names.includes(name));
  if (missing.length > 0) return refused('invalid_request', 'filters', `${connector.manifest.name} lists ${call.model} only with ${missing.map(({ name }) => name).join(', ')}: add it to the query.`);

  const filter: Record<string, unknown> = {};
  const filters: unknown[] = [];
  const ofFilters: Record<string, unknown> = {};
  const rest = { ...common, sort: asked.sort === undefined ? undefined : await way.sort.get(asked.sort)?.(common as Scope) };
  for (const name of names) {
    const compiled = way.filters.get(name);
    const parsed = compiled?.parse(asked.filters[name] ?? '');
    if (compiled === undefined || parsed === undefined) continue;
    if (!parsed.ok) return refused('invalid_request', 'filters', `The filter ${name} ${parsed.message}.`);
    const scope = { ...rest, value: parsed.value, values: parsed.values } as Scope;
    filter[name] = compiled.value === undefined ? parsed.value : await compiled.value(scope);
    if (compiled.term !== undefined) filters.push(await compiled.term(scope));
    Object.assign(ofFilters, await evaluateMembers(compiled.query, scope));
  }
  const query = await evaluateMembers(way.query, { ...rest, filter, filters: filters.length === 0 ? undefined : filters });
  const paging = { ...(asked.limit === undefined ? {} : { limit: asked.limit }), ...(asked.cursor === undefined ? {} : { cursor: asked.cursor }) };
  const cursorScope = JSON.stringify([call.model, ...names.toSorted().map((name) => [name, asked.filters[name]]), asked.sort ?? '']);
  return planned(mapping, call, { ...proxied(way.operation, call, { query: { ...query, ...ofFilters, ...paging } }), cursorScope }, asked, undefined);
}

async function planOne(mapping: CompiledMapping, call: UnifiedCall, method: CompiledMethod, asked: AskedOfList, common: object): Promise<Planning> {
  let body: unknown;
  if (call.method === 'create' || call.method === 'update') {
    const written = mapping.fromUnified(call.body, call.method);
    if (!written.ok) {
      const [first] = written.faults;
      const detail = `The ${call.model} cannot be written: ${first?.path === '' ? 'the body' : (first?.path ?? '')} ${first?.message ?? ''}${written.faults.length > 1 ? `, and ${written.faults.length - 1} more (see errors)` : ''}.`;
      return { ok: false, failure: { ...failureOf({ kind: 'call', code: 'validation_failed', reason: 'unified-body', detail }), errors: written.faults.map((fault) => ({ ...fault })) } };
    }
    body = written.body;
  }
  const scope = { ...common, id: call.id, body, input: call.body } as Scope;
  const id = call.method === 'create' ? undefined : await method.id(scope);
  const query = await evaluateMembers(method.query, scope);
  const sent = body === undefined && method.operation.method === 'get' ? undefined : await method.body(scope);
  return planned(mapping, call, proxied(method.operation, call, { query, ...(id === undefined ? {} : { id: textOf(id) }), ...(sent === undefined ? {} : { body: sent }) }), asked, method.reread);
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

function planned(mapping: CompiledMapping, call: UnifiedCall, incoming: ProxyCall, asked: AskedOfList, reread: string | undefined): Planning {
  const read = reread === undefined || reread === '' ? undefined : compilePath(reread);
  const rereadId = (answer: unknown): string | undefined => {
    if (reread === undefined) return undefined;
    const found = read === undefined ? call.id : read(answer);
    return typeof found === 'string' || typeof found === 'number' ? String(found) : undefined;
  };
  return { ok: true, plan: { mapping, method: call.method, incoming, asked: asked.fields, remoteData: asked.remoteData, rereadId, rereads: reread !== undefined } };
}

const httpMethods = { list: 'GET', get: 'GET', create: 'POST', update: 'PATCH', delete: 'DELETE' } as const;

function proxied({ resource, method }: OperationName, call: UnifiedCall, made: { readonly query: Record<string, unknown>; readonly id?: string; readonly body?: unknown }): ProxyCall {
  const common = { surface: 'proxy' as const, unified: call.model, unifiedMethod: call.method, narrowed: call.query['fields'] !== undefined, resource, query: made.query, headers: call.headers, ...(made.body === undefined ? {} : { body: made.body }) };
  if (typeof method === 'object') return { ...common, httpMethod: 'POST', action: method.action, id: made.id ?? '-' };
  return { ...common, httpMethod: httpMethods[method], ...(made.id === undefined ? {} : { id: made.id }) };
}

/** The answer of the proxied call, read by the model. `record` is a list's page or one record. */
export async function answerUnified(connector: Connector, plan: UnifiedPlan, answer: unknown): Promise<UnifiedAnswer> {
  const { mapping, method } = plan;
  if (method === 'list') return answerList(connector, plan, answer as { readonly results: readonly unknown[]; readonly next_cursor: string | null });
  if (!mapping.belongs(answer)) return refused('not_found', 'where', `${connector.manifest.name} has no record of ${mapping.model} with this id.`);
  const mapped = await mapping.toUnified(answer, plan.asked);
  if (!mapped.ok) return unmapped(connector, mapping.model, mapped.path, mapped.message);
  if (plan.remoteData) mapped.record['remote_data'] = answer;
  return { ok: true, status: method === 'create' ? 201 : 200, body: mapped.record };
}

async function answerList(connector: Connector, plan: UnifiedPlan, page: { readonly results: readonly unknown[]; readonly next_cursor: string | null }): Promise<UnifiedAnswer> {
  const { mapping } = plan;
  const results: unknown[] = [];
  for (let index = 0; index < page.results.length; index++) {
    const record = page.results[index];
    if (!mapping.belongs(record)) continue;
    const made = mapping.toUnified(record, plan.asked);
    const mapped = made instanceof Promise ? await made : made;
    if (!mapped.ok) return unmapped(connector, mapping.model, mapped.path === '' ? `results[${index}]` : `results[${index}].${mapped.path}`, mapped.message);
    if (plan.remoteData) mapped.record['remote_data'] = record;
    results.push(mapped.record);
  }
  return { ok: true, status: 200, body: { results, next_cursor: page.next_cursor } };
}

function unmapped(connector: Connector, model: string, path: string, message: string): Refused {
  const failure = failureOf({ kind: 'call', code: 'mapping_failed', reason: 'mapping', detail: `A record of ${connector.manifest.name} could not be mapped to ${model}: ${path === '' ? 'the record' : path} ${message.replace(/\.$/, '')}. The record itself is reached by the proxy; the mapping can be overridden.` });
  return { ok: false, failure: { ...failure, errors: [{ path, message }] } };
}

function describeUnsupported(connector: Connector, mapping: CompiledMapping | undefined, call: UnifiedCall): string {
  const { name, mappings = {} } = connector.manifest;
  if (mapping !== undefined) return `${name} does not offer ${call.method} on ${call.model}. It offers: ${Object.keys(mapping.source.methods).join(', ')}.`;
  const models = Object.keys(mappings);
  const meant = nearest(call.model, models);
  return `${name} has no ${JSON.stringify(call.model.slice(0, 80))}.${meant === undefined ? '' : ` Did you mean "${meant}"?`} ${models.length === 0 ? 'It has no unified models; use the proxy.' : `It has: ${models.join(', ')}.`}`;
}

function describeFilters(connector: Connector, mapping: CompiledMapping, asked: AskedOfList): string {
  const ways = (mapping.methods.list ?? []).map(({ filters, sort }) => `filters ${[...filters.keys()].join(', ') || 'none'}; sort ${[...sort.keys()].join(', ') || 'none'}`);
  const wanted = [...Object.keys(asked.filters), ...(asked.sort === undefined ? [] : [`sort=${asked.sort}`])].join(' with ');
  return `${connector.manifest.name} cannot list ${mapping.model} by ${wanted}. It can by: ${ways.join(' · or ')}.`;
}

function refused(code: 'invalid_request' | 'unsupported_operation' | 'not_found' | 'mapping_failed', reason: string, detail: string): Refused {
  return { ok: false, failure: failureOf({ kind: 'call', code, reason, detail }) };
}
