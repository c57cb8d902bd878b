/**
 * What a caller writes of a unified record → the vendor's record. The caller's values are held to the model, and what
 * the vendor cannot hold is refused with its place: nothing is dropped on the way.
 */
import type { FieldMapping, FieldRule } from '@evenkeel/contract/manifest/mapping.ts';
import { nearest } from '../lint/fault.ts';
import { own } from './mapping-read.ts';
import { ruleOf, writeConversion, writePathOf } from './mapping-rule.ts';
import type { FieldShape, GroupShape, ScalarShape, TextsShape } from './mapping-shape.ts';
import { faultOfScalar, type Scalar } from './mapping-value.ts';
import { parsePath, type PathSegment } from '../values/path.ts';
import { isRecord, show } from '../lint/shape.ts';

export interface WriteFault {
  /** In the unified record: `emails[1].type`. */
  readonly path: string;
  readonly message: string;
  readonly suggestion?: string;
}

/** Writes one field's value into the vendor's record; `null` clears it. Adds to `faults` what cannot be written. */
export type FieldWriter = (value: unknown, body: Body, faults: WriteFault[], path: string) => void;
export type Body = Record<string, unknown>;

const maxMembers = 1_000;

/** Undefined when the mapping does not write the field. */
export function compileFieldWriter(mapping: FieldMapping, shape: FieldShape): FieldWriter | undefined {
  const rule = ruleOf(mapping);
  switch (shape.kind) {
    case 'group':
      return rule.object === undefined ? undefined : groupWriter(rule.object, shape);
    case 'groups':
      return rule.list === undefined ? membersWriter(rule, shape) : placesWriter(rule.list, shape);
    case 'texts':
      return rule.list === undefined ? textsWriter(rule, shape) : undefined;
    default:
      return scalarWriter(rule, shape);
  }
}

function scalarWriter(rule: FieldRule, shape: ScalarShape): FieldWriter | undefined {
  const written = writePathOf(rule);
  if (written === undefined) return undefined;
  const put = compileSetter(written);
  const convert = writeConversion(rule, shape);
  const choices = rule.enum;
  return (value, body, faults, path) => {
    const fault = value === null ? undefined : faultOfScalar(shape, value);
    if (fault !== undefined) return void faults.push({ path, message: fault });
    if (choices !== undefined && typeof value === 'string' && !Object.hasOwn(choices, value)) {
      return void faults.push({ path, message: `has the value ${show(value)}, which this vendor does not know; it knows ${Object.keys(choices).join(', ')}` });
    }
    put(body, convert(value as Scalar));
  };
}

function groupWriter(object: NonNullable<FieldRule['object']>, shape: GroupShape): FieldWriter | undefined {
  const writers = new Map<string, FieldWriter>();
  for (const [name, field] of shape.fields) {
    const mapping = own(object, name);
    const writer = mapping === undefined || ruleOf(mapping).const !== undefined ? undefined : compileFieldWriter(mapping, field);
    if (writer !== undefined) writers.set(name, writer);
  }
  if (writers.size === 0) return undefined;
  return (value, body, faults, path) => {
    if (value !== null && !isRecord(value)) return void faults.push({ path, message: `must be an object, not ${show(value)}` });
    const given: Record<string, unknown> = value ?? Object.fromEntries([...writers.keys()].map((name) => [name, null]));
    for (const [name, member] of Object.entries(given)) {
      const at = `${path}.${name.slice(0, 80)}`;
      const writer = writers.get(name);
      if (writer !== undefined) writer(member, body, faults, at);
      else if (!shape.fields.has(name)) faults.push(unknownField(name, at, shape.fields.keys()));
      else if (member !== null && !isConstant(object, name, member)) faults.push(cannotHold(at));
    }
  };
}

const isConstant = (object: NonNullable<FieldRule['object']>, name: string, value: unknown): boolean => {
  const mapping = own(object, name);
  return mapping !== undefined && ruleOf(mapping).const === value;
};

function membersWriter(rule: FieldRule, shape: GroupShape): FieldWriter | undefined {
  const written = rule.write ?? rule.each;
  const item = rule.item === undefined ? undefined : ruleOf(rule.item);
  const write = item?.object === undefined ? undefined : groupWriter(item.object, shape);
  if (written === undefined || write === undefined) return undefined;
  const put = compileSetter(written);
  return (value, body, faults, path) => {
    const members = membersOf(value, faults, path);
    if (members === undefined) return;
    put(body, members.map((member, index) => {
      const made: Body = {};
      const at = `${path}[${index}]`;
      requireFields(shape, member, faults, at);
      write(member, made, faults, at);
      return made;
    }));
  };
}

function textsWriter(rule: FieldRule, shape: TextsShape): FieldWriter | undefined {
  const written = rule.write ?? rule.each ?? rule.path;
  if (written === undefined || shape.readOnly) return undefined;
  const put = compileSetter(written);
  const itemPath = rule.item === undefined ? '' : writePathOf(ruleOf(rule.item));
  if (itemPath === undefined) return undefined;
  const putItem = itemPath === '' ? undefined : compileSetter(itemPath);
  return (value, body, faults, path) => {
    const texts = membersOf(value, faults, path);
    if (texts === undefined) return;
    const wrong = texts.findIndex((text) => typeof text !== 'string');
    if (wrong >= 0) return void faults.push({ path: `${path}[${wrong}]`, message: `must be a text, not ${show(texts[wrong])}` });
    if (rule.split !== undefined) return put(body, texts.join(rule.split));
    put(body, putItem === undefined ? [...texts] : texts.map((text) => {
      const made: Body = {};
      putItem(made, text);
      return made;
    }));
  };
}

/** Each member goes to the first free place whose constants it agrees with, those that state them first; a place left over is cleared. */
function placesWriter(places: readonly FieldMapping[], shape: GroupShape): FieldWriter | undefined {
  const rules = places.map((place) => ruleOf(place).object ?? {});
  const writers = rules.map((object) => groupWriter(object, shape));
  if (writers.every((writer) => writer === undefined)) return undefined;
  return (value, body, faults, path) => {
    const members = membersOf(value, faults, path);
    if (members === undefined) return;
    const free = new Set(writers.keys());
    const byPlace = new Map<number, number>();
    for (const exact of [true, false]) {
      members.forEach((member, index) => {
        if ([...byPlace.values()].includes(index) || !isRecord(member)) return;
        const place = [...free].find((one) => writers[one] !== undefined && agrees(rules[one] ?? {}, member, exact));
        if (place === undefined) return;
        free.delete(place);
        byPlace.set(place, index);
      });
    }
    const placed = new Set(byPlace.values());
    members.forEach((member, index) => {
      if (!isRecord(member)) faults.push({ path: `${path}[${index}]`, message: `must be an object, not ${show(member)}` });
      else if (!placed.has(index)) faults.push({ path: `${path}[${index}]`, message: 'has no place at this vendor: it keeps fewer of them, or none of this type' });
    });
    writers.forEach((write, place) => {
      const index = byPlace.get(place);
      if (index !== undefined) requireFields(shape, members[index], faults, `${path}[${index}]`);
      write?.(index === undefined ? null : members[index], body, faults, index === undefined ? path : `${path}[${index}]`);
    });
  };
}

function agrees(object: NonNullable<FieldRule['object']>, member: Record<string, unknown>, exact: boolean): boolean {
  return Object.entries(object).every(([name, mapping]) => {
    const { const: constant } = ruleOf(mapping);
    if (constant === undefined) return true;
    const given = own(member, name);
    return given === constant || (!exact && (given === undefined || given === null));
  });
}

function requireFields(shape: GroupShape, member: unknown, faults: WriteFault[], path: string): void {
  if (!isRecord(member)) return;
  for (const [name, field] of shape.fields) {
    const value = own(member, name);
    if (field.required && (value === undefined || value === null || value === '')) faults.push({ path: `${path}.${name}`, message: 'is missing' });
  }
}

function membersOf(value: unknown, faults: WriteFault[], path: string): readonly unknown[] | undefined {
  if (value === null) return [];
  if (!Array.isArray(value)) return void faults.push({ path, message: `must be a list, not ${show(value)}` });
  if (value.length > maxMembers) return void faults.push({ path, message: `has more than ${maxMembers} members` });
  return value as readonly unknown[];
}

export function cannotHold(path: string): WriteFault {
  return { path, message: 'cannot be written at this vendor; leave it out' };
}

export function unknownField(name: string, path: string, known: Iterable<string>): WriteFault {
  const suggestion = nearest(name, known);
  return { path, message: 'is no field of the model', ...(suggestion === undefined ? {} : { suggestion }) };
}

/** Writes a value at a plain path, making objects and lists on the way. Own properties only. */
export function compileSetter(path: string): (body: Body, value: unknown) => void {
  const parsed = parsePath(path);
  if (!parsed.ok) throw new TypeError(parsed.message);
  const { segments } = parsed;
  const [first, second] = segments;
  if (first === undefined) throw new TypeError('A field cannot be written to the whole record.');
  if (second === undefined) return (body, value) => define(body, first, value);
  return (body, value) => {
    let target: object = body;
    segments.slice(0, -1).forEach((segment, index) => {
      const present: unknown = Object.hasOwn(target, segment) ? (target as Body)[String(segment)] : undefined;
      const next: object = typeof present === 'object' && present !== null ? present : typeof segments[index + 1] === 'number' ? [] : {};
      if (next !== present) define(target, segment, next);
      target = next;
    });
    define(target, segments.at(-1) ?? '', value);
  };
}

/** `__proto__` becomes a property like any other. */
function define(target: object, key: PathSegment, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}
