/**
 * The methods of a mapping, compiled: which operation of the connector serves a call on the model, and what it is
 * given. A list takes the first way that knows every filter and the sorting asked for.
 */
import type { FilterMapping, ListMapping, Mapping, WriteMapping } from '@evenkeel/contract/manifest/mapping.ts';
import type { Value } from '@evenkeel/contract/manifest/value.ts';
import { ruleOf, writeConversion, writtenValues } from './mapping-rule.ts';
import type { FieldShape, ScalarShape } from './mapping-shape.ts';
import { faultOfScalar, instantOf, type Scalar } from './mapping-value.ts';
import type { Scope } from '../values/scope.ts';
import { compileMap, compileValue, type CompiledValue } from '../values/value.ts';

export interface OperationName {
  readonly resource: string;
  readonly method: 'list' | 'get' | 'create' | 'update' | 'delete' | { readonly action: string };
}
type Members = readonly (readonly [string, CompiledValue])[];

export interface CompiledFilter {
  readonly name: string;
  readonly required: boolean;
  /** The value asked for, from text; or what is wrong with it. */
  parse(text: string): { readonly ok: true; readonly value: unknown; readonly values: readonly unknown[] } | { readonly ok: false; readonly message: string };
  readonly value: CompiledValue | undefined;
  readonly term: CompiledValue | undefined;
  readonly query: Members;
}
export interface CompiledWay {
  readonly operation: OperationName;
  readonly query: Members;
  readonly filters: ReadonlyMap<string, CompiledFilter>;
  /** `updated_at` and `-updated_at` → the value of `sort`. */
  readonly sort: ReadonlyMap<string, CompiledValue>;
}
export interface CompiledMethod {
  readonly operation: OperationName;
  readonly query: Members;
  readonly id: CompiledValue;
  readonly body: CompiledValue;
  readonly required: readonly string[];
  /** Undefined: every field the mapping writes. */
  readonly fields: ReadonlySet<string> | undefined;
  readonly reread: string | undefined;
}
export interface CompiledMethods {
  readonly list: readonly CompiledWay[] | undefined;
  readonly get: CompiledMethod | undefined;
  readonly create: CompiledMethod | undefined;
  readonly update: CompiledMethod | undefined;
  readonly delete: CompiledMethod | undefined;
}

export function compileMethods(mapping: Mapping, fields: ReadonlyMap<string, FieldShape>): CompiledMethods {
  const { list, get, create, update, delete: remove } = mapping.methods;
  const one = (method: WriteMapping | undefined): CompiledMethod | undefined => (method === undefined ? undefined : compileMethod(method));
  return { list: list?.map((way) => compileWay(way, mapping, fields)), get: one(get), create: one(create), update: one(update), delete: one(remove) };
}

export function operationNamed(written: string): OperationName {
  const [resource = '', method = '', action = ''] = written.split('.');
  if (method === 'actions') return { resource, method: { action } };
  return { resource, method: method as 'list' };
}

function compileMethod(method: WriteMapping): CompiledMethod {
  return {
    operation: operationNamed(method.operation),
    query: members(method.query),
    id: value(method.id ?? '{{id}}'),
    body: value(method.body ?? '{{body}}'),
    required: method.required ?? [],
    fields: method.fields === undefined ? undefined : new Set(method.fields),
    reread: method.reread,
  };
}

const value = (source: unknown): CompiledValue => compileValue(source as Value);
const members = (map: { readonly [key: string]: unknown } | undefined): Members => compileMap(map as { readonly [key: string]: Value } | undefined);

function compileWay(way: ListMapping, mapping: Mapping, fields: ReadonlyMap<string, FieldShape>): CompiledWay {
  const sort = new Map<string, CompiledValue>();
  for (const [name, { asc, desc }] of Object.entries(way.sort ?? {})) {
    if (asc !== undefined) sort.set(name, value(asc));
    if (desc !== undefined) sort.set(`-${name}`, value(desc));
  }
  return {
    operation: operationNamed(way.operation),
    query: members(way.query),
    filters: new Map(Object.entries(way.filters ?? {}).map(([name, filter]) => [name, compileFilter(name, filter, mapping, fields)])),
    sort,
  };
}

function compileFilter(name: string, filter: FilterMapping, mapping: Mapping, fields: ReadonlyMap<string, FieldShape>): CompiledFilter {
  return {
    name,
    required: filter.required === true,
    parse: parserOf(name, mapping, fields),
    value: filter.value === undefined ? undefined : value(filter.value),
    term: filter.term === undefined ? undefined : value(filter.term),
    query: members(filter.query),
  };
}

const aText: ScalarShape = { kind: 'text', required: false, readOnly: false, values: [] };
const aMoment: ScalarShape = { ...aText, kind: 'moment' };

/** A filter named as a field has that field's type and is written as it is; `…_after` and `…_before` are times. */
function parserOf(name: string, mapping: Mapping, fields: ReadonlyMap<string, FieldShape>): CompiledFilter['parse'] {
  const field = fields.get(name);
  const shape = field !== undefined && isScalar(field) ? field : /_(after|before)$/.test(name) ? aMoment : aText;
  const written = Object.hasOwn(mapping.fields, name) ? mapping.fields[name] : undefined;
  const rule = field === undefined || written === undefined ? {} : ruleOf(written);
  const convert = writeConversion(rule, shape);
  return (text) => {
    if (text === '' || text.length > 2_000) return { ok: false, message: 'must have 1 to 2000 characters' };
    const typed = typedFromText(shape, text);
    const fault = faultOfScalar(shape, typed);
    if (fault !== undefined) return { ok: false, message: fault };
    if (rule.enum !== undefined && !Object.hasOwn(rule.enum, text)) return { ok: false, message: `has the value ${JSON.stringify(text)}, which this vendor does not know; it knows ${Object.keys(rule.enum).join(', ')}` };
    return { ok: true, value: convert(typed as Scalar), values: writtenValues(rule, typed as Scalar, convert) };
  };
}

function typedFromText(shape: ScalarShape, text: string): unknown {
  switch (shape.kind) {
    case 'number':
    case 'integer':
      return text.trim() === '' ? text : Number(text);
    case 'flag':
      return text === 'true' ? true : text === 'false' ? false : text;
    case 'moment': {
      const ms = instantOf(text);
      return ms === undefined ? text : new Date(ms).toISOString();
    }
    default:
      return text;
  }
}

export function isScalar(shape: FieldShape): shape is ScalarShape {
  return shape.kind !== 'group' && shape.kind !== 'groups' && shape.kind !== 'texts';
}

/** What `query` comes to; an absent value drops its name. */
export async function evaluateMembers(entries: Members, scope: object): Promise<Record<string, unknown>> {
  const made: Record<string, unknown> = {};
  for (const [name, compiled] of entries) {
    const evaluated = compiled(scope as Scope);
    const member: unknown = compiled.asynchronous ? await evaluated : evaluated;
    if (member !== undefined) made[name] = member;
  }
  return made;
}
