/**
 * A mapping compiled: records to a unified model and back, the vendor's field selection, and the methods. Whatever a
 * vendor's record holds, the outcome is a record of the model or a failure with its place.
 */
import type { Mapping } from '@evenkeel/contract/manifest/mapping.ts';
import { modelNamed } from '@evenkeel/contract/unified/models.ts';
import { compilePattern } from '../answers/answer-source.ts';
import { compileMatcher } from '../answers/condition.ts';
import { MappingFailure } from './mapping-failure.ts';
import { compileMethods, type CompiledMethods } from './mapping-methods.ts';
import { compileFieldReader, own, type FieldReader } from './mapping-read.ts';
import { ruleOf } from './mapping-rule.ts';
import { selectableFields, touchedPaths } from './mapping-select.ts';
import { fieldsOf, type FieldShape } from './mapping-shape.ts';
import { cannotHold, compileFieldWriter, compileSetter, unknownField, type Body, type FieldWriter, type WriteFault } from './mapping-write.ts';
import { compilePath } from '../values/path.ts';
import { isRecord, show } from '../lint/shape.ts';

export type UnifiedRecord = Record<string, unknown>;
export type ToUnified = { readonly ok: true; readonly record: UnifiedRecord } | { readonly ok: false; readonly path: string; readonly message: string };
export type FromUnified = { readonly ok: true; readonly body: Body } | { readonly ok: false; readonly faults: readonly WriteFault[] };

export interface CompiledMapping {
  readonly model: string;
  readonly source: Mapping;
  readonly fields: ReadonlyMap<string, FieldShape>;
  readonly methods: CompiledMethods;
  /** Fields that can be written, by name; `custom_fields` among them where they can. */
  readonly writable: ReadonlySet<string>;
  /** Whether a record is of this model at all (`where`). */
  belongs(record: unknown): boolean;
  /** The record in the model, or the fields asked for and the id. A promise only where an expression takes part. Never throws. */
  toUnified(record: unknown, asked?: ReadonlySet<string>): ToUnified | Promise<ToUnified>;
  /** The vendor's record of what a caller wrote. Never throws. */
  fromUnified(input: unknown, method: 'create' | 'update'): FromUnified;
  /** The vendor's names of the fields asked for, or of all that are mapped. */
  select(asked?: ReadonlySet<string>): readonly string[];
}

/** Throws a TypeError for what the linter refuses. */
export function compileMapping(source: Mapping): CompiledMapping {
  const model = modelNamed(source.model);
  if (model === undefined) throw new TypeError(`There is no unified model ${source.model}.`);
  const fields = fieldsOf(model.schema);
  const writers = compileWriters(source, fields);
  const methods = compileMethods(source, fields);
  const matchers = Object.entries(source.where ?? {}).map(([path, matcher]) => [compilePath(path), compileMatcher(matcher)] as const);
  const writable = new Set(writers.keys());
  if (source.custom_fields?.write === true) writable.add('custom_fields');
  return {
    model: source.model,
    source,
    fields,
    methods,
    writable,
    belongs: (record) => matchers.every(([read, matches]) => matches(read(record))),
    toUnified: compileReading(source, fields),
    fromUnified: compileWriting(source, fields, writers, methods),
    select: selectableFields(source),
  };
}

function compileReading(source: Mapping, fields: ReadonlyMap<string, FieldShape>): CompiledMapping['toUnified'] {
  const readers = [...fields].map(([name, shape]) => [name, shape.required, compileFieldReader(own(source.fields, name), shape, name)] as const);
  const custom = compileCustomReader(source);
  return (record, asked) => {
    if (!isRecord(record)) return { ok: false, path: '', message: `must be an object, not ${show(record)}` };
    const unified: UnifiedRecord = {};
    let late: Promise<ToUnified>[] | undefined;
    try {
      for (const [name, required, read] of readers) {
        if (asked !== undefined && name !== 'id' && !asked.has(name)) continue;
        const value = read(record);
        if (value instanceof Promise) {
          unified[name] = null;
          (late ??= []).push(settled(value, unified, name, required));
        } else if (required && value === null) return missing(name);
        else unified[name] = value;
      }
      if (asked === undefined || asked.has('custom_fields')) unified['custom_fields'] = custom(record);
    } catch (error) {
      return failureOf(error);
    }
    if (late === undefined) return { ok: true, record: unified };
    return Promise.all(late).then((outcomes) => outcomes.find((outcome) => !outcome.ok) ?? { ok: true, record: unified });
  };
}

async function settled(value: Promise<unknown>, unified: UnifiedRecord, name: string, required: boolean): Promise<ToUnified> {
  try {
    const read = await value;
    if (required && read === null) return missing(name);
    unified[name] = read;
    return { ok: true, record: unified };
  } catch (error) {
    return failureOf(error);
  }
}

const missing = (name: string): ToUnified => ({ ok: false, path: name, message: 'is required and has no value in the vendor\'s record' });

function failureOf(error: unknown): ToUnified {
  if (error instanceof MappingFailure) return { ok: false, path: error.path, message: error.reason };
  return { ok: false, path: '', message: `cannot be mapped: ${error instanceof Error ? error.message.slice(0, 200) : 'it failed'}` };
}

/** The vendor's own fields that no field of the mapping reads. */
function compileCustomReader(source: Mapping): FieldReader {
  const rule = source.custom_fields;
  if (rule === undefined) return () => ({});
  const holder = compilePath(rule.at ?? '');
  const takes = customNameTest(source);
  return (record) => {
    const held = holder(record);
    if (!isRecord(held)) return {};
    const custom: Record<string, unknown> = {};
    for (const name in held) if (Object.hasOwn(held, name) && takes(name)) custom[name] = held[name];
    return custom;
  };
}

/** `__proto__` is never one: as a key of an answer it would change the object that a client makes of it. */
function customNameTest(source: Mapping): (name: string) => boolean {
  const { at = '', names, pattern } = source.custom_fields ?? {};
  const read = namesReadUnder(source, at);
  const named = names === undefined ? undefined : new Set(names);
  const matches = pattern === undefined ? undefined : compilePattern(pattern);
  return (name) => name !== '__proto__' && !read.has(name) && (named === undefined || named.has(name)) && (matches === undefined || matches(name) !== null);
}

function namesReadUnder(source: Mapping, at: string): ReadonlySet<string> {
  const prefix = at === '' ? '' : `${at}.`;
  const paths = [...Object.values(source.fields).flatMap(touchedPaths), ...Object.keys(source.where ?? {})];
  return new Set(paths.filter((path) => path.startsWith(prefix)).map((path) => path.slice(prefix.length).split(/[.[]/)[0] ?? ''));
}

function compileWriters(source: Mapping, fields: ReadonlyMap<string, FieldShape>): ReadonlyMap<string, FieldWriter> {
  const writers = new Map<string, FieldWriter>();
  for (const [name, mapping] of Object.entries(source.fields)) {
    const shape = fields.get(name);
    if (shape === undefined || shape.readOnly || ruleOf(mapping).const !== undefined) continue;
    const writer = compileFieldWriter(mapping, shape);
    if (writer !== undefined) writers.set(name, writer);
  }
  return writers;
}

function compileWriting(source: Mapping, fields: ReadonlyMap<string, FieldShape>, writers: ReadonlyMap<string, FieldWriter>, methods: CompiledMethods): CompiledMapping['fromUnified'] {
  const writeCustom = source.custom_fields?.write === true ? compileCustomWriter(source) : undefined;
  return (input, method) => {
    if (!isRecord(input)) return { ok: false, faults: [{ path: '', message: 'must be a JSON object with fields of the model' }] };
    const body: Body = {};
    const faults: WriteFault[] = [];
    const { required = [], fields: only } = methods[method] ?? {};
    for (const [name, value] of Object.entries(input)) {
      const shown = name.slice(0, 80);
      const shape = fields.get(name);
      if (name === 'custom_fields') {
        if (writeCustom === undefined) faults.push(cannotHold(shown));
        else writeCustom(value, body, faults, shown);
      } else if (shape === undefined) faults.push(unknownField(name, shown, fields.keys()));
      else if (shape.readOnly) faults.push({ path: shown, message: 'is set by the vendor and cannot be written' });
      else if (value === null && method === 'create') continue;
      else writeField(only !== undefined && !only.has(name) ? undefined : writers.get(name), value, body, faults, shown);
    }
    for (const name of required) if ((own(input, name) ?? '') === '') faults.push({ path: name, message: 'is missing; this vendor needs it to create' });
    return faults.length > 0 ? { ok: false, faults } : { ok: true, body };
  };
}

function writeField(writer: FieldWriter | undefined, value: unknown, body: Body, faults: WriteFault[], path: string): void {
  if (writer !== undefined) writer(value, body, faults, path);
  else faults.push(cannotHold(path));
}

function compileCustomWriter(source: Mapping): FieldWriter {
  const takes = customNameTest(source);
  const { at = '' } = source.custom_fields ?? {};
  return (value, body, faults, path) => {
    if (value === null) return;
    if (!isRecord(value)) return void faults.push({ path, message: `must be an object, not ${show(value)}` });
    for (const [name, member] of Object.entries(value)) {
      if (takes(name)) compileSetter(`${at}[${JSON.stringify(name)}]`)(body, member);
      else faults.push({ path: `${path}.${name.slice(0, 80)}`, message: 'is no custom field of this mapping' });
    }
  };
}
