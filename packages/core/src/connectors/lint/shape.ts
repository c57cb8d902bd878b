/**
 * The shape of a manifest against its schema. Not a general validator: it knows the keywords the contract uses, reports
 * every fault with its exact place, follows only the branch a tag names, and suggests the name that was meant. The
 * published JSON Schema is made from the same schemas; a test compares this walk with a general validator.
 */
import { holdsKey, type Holds } from '@evenkeel/contract/manifest/value.ts';
import { error, nearest, pathTo, type Fault } from './fault.ts';

/** A text or value of the manifest that is more than JSON, to be read by the checks that follow. */
export interface Held {
  readonly holds: Holds;
  readonly path: string;
  readonly value: unknown;
}

interface Schema {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: unknown;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly discriminator?: { readonly propertyName: string };
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly [holdsKey]?: Holds;
}

interface Walk {
  readonly faults: Fault[];
  readonly held: Held[];
}

/** Never throws on JSON data that is not deeper than a manifest may be. */
export function checkShape(schema: object, input: unknown): Walk {
  const walk: Walk = { faults: [], held: [] };
  visit(schema, input, '', walk);
  return walk;
}

function visit(schema: Schema, value: unknown, path: string, walk: Walk): void {
  const holds = schema[holdsKey];
  if (holds !== undefined) walk.held.push({ holds, path, value });
  if (holds === 'path-or-expression') return;
  if (schema.discriminator !== undefined) return visitTagged(schema, schema.discriminator.propertyName, value, path, walk);
  if (schema.anyOf !== undefined) return visitAnyOf(schema.anyOf, value, path, walk);
  if ('const' in schema) {
    if (value !== schema.const) walk.faults.push(error(path, `This must be ${JSON.stringify(schema.const)}, not ${show(value)}.`));
    return;
  }
  if (schema.enum !== undefined) return oneOfValues(schema.enum, value, path, walk);
  if (schema.type === 'object') visitObject(schema, value, path, walk, []);
  else if (schema.type === 'array') visitArray(schema, value, path, walk);
  else if (schema.type === 'string') visitString(schema, value, path, walk);
  else if (schema.type === 'integer' || schema.type === 'number') visitNumber(schema, value, path, walk);
  else if (schema.type === 'boolean' && typeof value !== 'boolean') walk.faults.push(error(path, `This must be true or false, not ${show(value)}.`));
}

function visitTagged(schema: Schema, tag: string, value: unknown, path: string, walk: Walk): void {
  if (!isRecord(value)) return void walk.faults.push(error(path, `This must be an object, not ${show(value)}.`));
  const branches = schema.oneOf ?? [];
  const names = branches.map((branch) => branch.properties?.[tag]?.const);
  const written = Object.hasOwn(value, tag) ? value[tag] : undefined;
  const branch = branches[names.indexOf(written)];
  if (branch !== undefined) return visitObject(branch, value, path, walk, [tag]);
  if (written === undefined) {
    const misspelt = nearest(tag, Object.keys(value));
    return void walk.faults.push(error(pathTo(path, tag), `"${tag}" is missing; it is one of ${list(names)}.`, misspelt === undefined ? undefined : `rename "${misspelt}" to "${tag}"`));
  }
  oneOfValues(names, written, pathTo(path, tag), walk);
}

function visitAnyOf(branches: readonly Schema[], value: unknown, path: string, walk: Walk): void {
  if (branches.every((branch) => 'const' in branch)) return oneOfValues(branches.map((branch) => branch.const), value, path, walk);
  for (const branch of branches) {
    const attempt: Walk = { faults: [], held: [] };
    visit(branch, value, path, attempt);
    if (attempt.faults.length === 0) return void walk.held.push(...attempt.held);
  }
  // Of branches of different types, the one of this value's type was meant: its faults say more.
  const meant = branches.filter(({ type }) => type === (Array.isArray(value) ? 'array' : isRecord(value) ? 'object' : typeof value));
  if (meant.length === 1 && meant[0] !== undefined && meant[0].type === 'object') return visit(meant[0], value, path, walk);
  const kinds = branches.map((branch) => (branch.pattern === undefined ? (branch.type ?? 'a value') : `${branch.type ?? 'string'} like ${branch.pattern}`));
  walk.faults.push(error(path, `This must be ${kinds.join(' or ')}, not ${show(value)}.`));
}

function oneOfValues(allowed: readonly unknown[], value: unknown, path: string, walk: Walk): void {
  if (allowed.includes(value)) return;
  const texts = allowed.filter((one) => typeof one === 'string');
  const suggestion = typeof value === 'string' ? (texts.find((one) => one.toLowerCase() === value.toLowerCase()) ?? nearest(value, texts)) : undefined;
  walk.faults.push(error(path, `This must be one of ${list(allowed)}, not ${show(value)}.`, suggestion));
}

function visitObject(schema: Schema, value: unknown, path: string, walk: Walk, skipped: readonly string[]): void {
  if (!isRecord(value)) return void walk.faults.push(error(path, `This must be an object, not ${show(value)}.`));
  const properties = schema.properties ?? {};
  const unknown: string[] = [];
  for (const [key, member] of Object.entries(value)) {
    const at = pathTo(path, key);
    if (key === '__proto__') walk.faults.push(error(at, 'The name "__proto__" is not allowed.'));
    else if (skipped.includes(key)) continue;
    else if (Object.hasOwn(properties, key)) visit(properties[key] ?? {}, member, at, walk);
    else visitFurther(schema, key, member, at, walk, unknown);
  }
  const missing = (schema.required ?? []).filter((key) => !Object.hasOwn(value, key));
  const taken = new Set<string>();
  for (const key of unknown) {
    const names = Object.keys(properties);
    const suggestion = nearest(key, names.filter((name) => !Object.hasOwn(value, name))) ?? nearest(key, names);
    if (suggestion !== undefined) taken.add(suggestion);
    walk.faults.push(error(pathTo(path, key), `There is no "${key.slice(0, 64)}" here.`, suggestion));
  }
  for (const key of missing) walk.faults.push(error(pathTo(path, key), taken.has(key) ? `"${key}" is missing; a misspelt name beside it may be meant.` : `"${key}" is missing.`));
}

function visitFurther(schema: Schema, key: string, member: unknown, at: string, walk: Walk, unknown: string[]): void {
  const named = Object.entries(schema.patternProperties ?? {});
  const match = named.find(([pattern]) => patternOf(pattern).test(key));
  if (match !== undefined) visit(match[1], member, at, walk);
  else if (named.length > 0) walk.faults.push(error(at, `The name "${key.slice(0, 64)}" must match ${named.map(([pattern]) => pattern).join(' or ')}.`));
  else if (schema.additionalProperties === false) unknown.push(key);
}

function visitArray(schema: Schema, value: unknown, path: string, walk: Walk): void {
  if (!Array.isArray(value)) return void walk.faults.push(error(path, `This must be a list, not ${show(value)}.`));
  if (value.length < (schema.minItems ?? 0)) walk.faults.push(error(path, `This list needs at least ${schema.minItems} member(s).`));
  const { items } = schema;
  if (items !== undefined) value.forEach((member: unknown, index) => visit(items, member, pathTo(path, index), walk));
}

function visitString(schema: Schema, value: unknown, path: string, walk: Walk): void {
  if (typeof value !== 'string') return void walk.faults.push(error(path, `This must be a text, not ${show(value)}.`));
  if (value.length < (schema.minLength ?? 0)) walk.faults.push(error(path, 'This text must not be empty.'));
  if (value.length > (schema.maxLength ?? Infinity)) walk.faults.push(error(path, `This text has ${value.length} characters; at most ${schema.maxLength} are allowed.`));
  if (schema.pattern !== undefined && !patternOf(schema.pattern).test(value)) walk.faults.push(error(path, `${show(value)} must match ${schema.pattern}.`));
}

function visitNumber(schema: Schema, value: unknown, path: string, walk: Walk): void {
  const whole = schema.type === 'integer';
  if (typeof value !== 'number' || !Number.isFinite(value) || (whole && !Number.isInteger(value))) {
    return void walk.faults.push(error(path, `This must be a ${whole ? 'whole ' : ''}number, not ${show(value)}.`));
  }
  if (value < (schema.minimum ?? -Infinity)) walk.faults.push(error(path, `This must be at least ${schema.minimum}, not ${value}.`));
  if (value > (schema.maximum ?? Infinity)) walk.faults.push(error(path, `This must be at most ${schema.maximum}, not ${value}.`));
}

/** The schema's own patterns, a dozen of them. */
const patterns = new Map<string, RegExp>();
function patternOf(source: string): RegExp {
  const known = patterns.get(source) ?? new RegExp(source);
  patterns.set(source, known);
  return known;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function list(values: readonly unknown[]): string {
  return values.map((value) => JSON.stringify(value)).join(', ');
}

/** A value in a message: its kind, and its text when short. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = typeof value === 'string' ? JSON.stringify(value.slice(0, 60)) : String(value as number | boolean | null);
  return text;
}
