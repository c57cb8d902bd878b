/**
 * A vendor's record → a record of a unified model, compiled to closures. Own properties only are read, nothing of the
 * record is changed, and every field of the model is there: with a value, null, or an empty list.
 */
import type { FieldMapping, FieldRule } from '@evenkeel/contract/manifest/mapping.ts';
import { MappingFailure } from './mapping-failure.ts';
import { readConversion, ruleOf } from './mapping-rule.ts';
import type { FieldShape, GroupShape, ScalarShape } from './mapping-shape.ts';
import { toScalar } from './mapping-value.ts';
import { compilePath, type PathReader } from '../values/path.ts';
import { isRecord, show } from '../lint/shape.ts';
import { compileTemplate } from '../values/template.ts';
import { compileReader } from '../values/value.ts';

/** Unified value of one field. Throws `MappingFailure`; a promise for an expression only. */
export type FieldReader = (record: unknown) => unknown;

/** More members than any record has in earnest. */
const maxMembers = 10_000;

/** The reader of a field that is not mapped is of nothing. */
export function compileFieldReader(mapping: FieldMapping | undefined, shape: FieldShape, path: string): FieldReader {
  if (mapping === undefined) return shape.kind === 'texts' || shape.kind === 'groups' ? () => [] : () => null;
  const rule = ruleOf(mapping);
  if (rule.object !== undefined && shape.kind === 'group') return groupReader(rule.object, shape, path);
  if (rule.list !== undefined) return placesReader(rule.list, shape, path);
  const convert = conversionOf(rule, shape, path);
  const raw = rawReader(rule);
  if (typeof rule.read === 'object' && '$expr' in rule.read) {
    return async (record) => convert(await (raw(record) as Promise<unknown>).catch((error: unknown) => failure(path, error)));
  }
  return (record) => convert(raw(record));
}

function failure(path: string, error: unknown): never {
  throw new MappingFailure(path, `cannot be read: ${error instanceof Error ? error.message : 'its expression failed'}`);
}

function rawReader(rule: FieldRule): PathReader {
  if (rule.const !== undefined) return () => rule.const;
  if (rule.template !== undefined) {
    const text = compileTemplate(rule.template);
    return (record) => {
      const made = text(record as object);
      return typeof made === 'string' ? made.trim() : made;
    };
  }
  if (rule.each !== undefined) return compilePath(rule.each);
  const { read = rule.path ?? '' } = rule;
  if (typeof read === 'string') return compilePath(read);
  if (!Array.isArray(read)) return compileReader(read as { $expr: string });
  const readers = (read as readonly string[]).map(compilePath);
  return (record) => {
    for (const reader of readers) {
      const value = reader(record);
      if (value !== undefined && value !== null && value !== '') return value;
    }
    return undefined;
  };
}

function conversionOf(rule: FieldRule, shape: FieldShape, path: string): (value: unknown) => unknown {
  switch (shape.kind) {
    case 'texts':
      return textsConversion(rule, path);
    case 'groups':
      return membersConversion(rule, shape, path);
    case 'group':
      return (value) => (value === undefined || value === null ? null : groupOf(shape, value, path));
    default:
      return readConversion(rule, shape, path);
  }
}

const aText: ScalarShape = { kind: 'text', required: false, readOnly: false, values: [] };

function listIn(value: unknown, path: string): readonly unknown[] {
  if (value === undefined || value === null || value === '') return [];
  if (!Array.isArray(value)) throw new MappingFailure(path, `must be a list, not ${show(value)}`);
  if (value.length > maxMembers) throw new MappingFailure(path, `has more than ${maxMembers} members`);
  return value as readonly unknown[];
}

function textsConversion(rule: FieldRule, path: string): (value: unknown) => unknown {
  const { split } = rule;
  const readMember = rule.item === undefined ? undefined : compileFieldReader(rule.item, aText, path);
  return (value) => {
    const members = split !== undefined && typeof value === 'string' ? value.split(split).map((part) => part.trim()) : listIn(value, path);
    return readMembers(members, path, readMember ?? ((member) => toScalar(aText, member, path)));
  };
}

function membersConversion(rule: FieldRule, shape: GroupShape, path: string): (value: unknown) => unknown {
  const item = rule.item === undefined ? undefined : ruleOf(rule.item);
  const readMember = item?.object === undefined ? (member: unknown) => groupOf(shape, member, path) : memberReader(item.object, shape, path);
  return (value) => readMembers(listIn(value, path), path, readMember);
}

/** Members that say nothing are left out; a failure is told with its member's index. */
function readMembers(members: readonly unknown[], path: string, read: (member: unknown) => unknown): unknown[] {
  const made: unknown[] = [];
  for (let index = 0; index < members.length; index++) {
    try {
      const value = read(members[index]);
      if (value !== null) made.push(value);
    } catch (error) {
      if (!(error instanceof MappingFailure)) throw error;
      throw new MappingFailure(`${path}[${index}]${error.path.slice(path.length).replace(/^\[\]/, '')}`, error.reason);
    }
  }
  return made;
}

type Member = Record<string, unknown> | null;

/** A member without its required fields has nothing to say and is left out. */
function memberReader(object: NonNullable<FieldRule['object']>, shape: GroupShape, path: string): (record: unknown) => Member {
  const readers = [...shape.fields].map(([name, field]) => [name, field.required, compileFieldReader(own(object, name), field, `${path}[].${name}`)] as const);
  return (record) => {
    const member: Record<string, unknown> = {};
    for (const [name, required, read] of readers) {
      const value = read(record);
      if (required && value === null) return null;
      member[name] = value;
    }
    return member;
  };
}

function groupReader(object: NonNullable<FieldRule['object']>, shape: GroupShape, path: string): FieldReader {
  const readers = [...shape.fields].map(([name, field]) => [name, compileFieldReader(own(object, name), field, `${path}.${name}`)] as const);
  return (record) => {
    const group: Record<string, unknown> = {};
    let empty = true;
    for (const [name, read] of readers) {
      const value = read(record);
      if (value !== null) empty = false;
      group[name] = value;
    }
    return empty ? null : group;
  };
}

function placesReader(places: readonly FieldMapping[], shape: FieldShape, path: string): FieldReader {
  const readers = places.map((place): FieldReader => {
    const rule = ruleOf(place);
    if (shape.kind === 'groups' && rule.object !== undefined) return memberReader(rule.object, shape, path);
    return compileFieldReader(place, aText, path);
  });
  return (record) => readers.map((read) => read(record)).filter((value) => value !== null);
}

/** What an expression made, held to the model: a group's own fields, each in its type. */
function groupOf(shape: GroupShape, value: unknown, path: string): Member {
  if (!isRecord(value)) throw new MappingFailure(path, `must be an object, not ${show(value)}`);
  const group: Record<string, unknown> = {};
  let empty = true;
  for (const [name, field] of shape.fields) {
    const read = compileFieldReader(`["${name}"]`, field, `${path}.${name}`)(value);
    if (read === null && field.required) return null;
    if (read !== null) empty = false;
    group[name] = read;
  }
  return empty ? null : group;
}

export function own<Value>(object: Readonly<Record<string, Value>>, name: string): Value | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}
