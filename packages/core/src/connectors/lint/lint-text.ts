/** Reads every template, path, expression, pattern and matcher of a manifest: what cannot be read, and what each refers to. */
import { compileExpression } from '../expressions/expression.ts';
import { error, nearest, pathTo, type Fault } from './fault.ts';
import { filters } from '../values/filters.ts';
import { parsePath, type PathSegment } from '../values/path.ts';
import { regexFault } from '../expressions/regex.ts';
import { isRecord, show, type Held } from './shape.ts';
import { parseTemplate, type TemplatePart } from '../values/template.ts';

/** A placeholder, or a name inside an expression, and where it stands. */
export interface Reference {
  readonly at: string;
  readonly segments: readonly PathSegment[];
  readonly written: string;
  /** A placeholder is certain; a name found in an expression may be part of a text there. */
  readonly certain: boolean;
}
export interface ReadTexts {
  readonly faults: Fault[];
  readonly references: Reference[];
}

export const maxTextLength = 100_000;

export function readTexts(held: readonly Held[]): ReadTexts {
  const read: ReadTexts = { faults: [], references: [] };
  for (const one of held) readHeld(one, read);
  return read;
}

function readHeld({ holds, path, value }: Held, read: ReadTexts): void {
  switch (holds) {
    case 'value':
      return readValue(value, path, read);
    case 'template':
      return typeof value === 'string' ? readTemplate(value, path, read) : undefined;
    case 'path':
      return typeof value === 'string' ? readPath(value, path, read) : undefined;
    case 'path-or-expression':
      return readPathOrExpression(value, path, read);
    case 'expression':
      return typeof value === 'string' ? readExpression(value, path, read) : undefined;
    case 'regex': {
      const fault = typeof value === 'string' ? regexFault(value) : undefined;
      return void (fault !== undefined && read.faults.push(error(path, fault)));
    }
    case 'matchers':
    case 'body-matchers':
      return readMatchers(value, path, holds === 'body-matchers', read);
  }
}

function readValue(value: unknown, path: string, read: ReadTexts): void {
  if (typeof value === 'string') return readTemplate(value, path, read);
  if (Array.isArray(value)) return value.forEach((member: unknown, index) => readValue(member, pathTo(path, index), read));
  if (!isRecord(value)) return;
  const keys = Object.keys(value);
  if (keys.length === 1 && keys[0] === '$literal') return;
  if (keys.length === 1 && keys[0] === '$expr') {
    if (typeof value['$expr'] !== 'string') read.faults.push(error(pathTo(path, '$expr'), 'An expression is a text.'));
    else {
      readExpression(value['$expr'], pathTo(path, '$expr'), read);
      referencesWithin(value['$expr'], pathTo(path, '$expr'), read);
    }
    return;
  }
  for (const key of keys) {
    const at = pathTo(path, key);
    if (key === '__proto__') read.faults.push(error(at, 'The name "__proto__" is not allowed.'));
    else if (key === '$expr' || key === '$literal') read.faults.push(error(at, `"${key}" must be the only name of its object.`));
    else readValue(value[key], at, read);
  }
}

function readTemplate(text: string, path: string, read: ReadTexts): void {
  if (text.length > maxTextLength) return void read.faults.push(error(path, `A text of ${text.length} characters is too long; at most ${maxTextLength} are allowed.`));
  const parsed = parseTemplate(text);
  if (parsed.ok) return parsed.parts.forEach((part) => reference(part, path, read));
  const suggestion = parsed.filter === undefined ? undefined : nearest(parsed.filter, Object.keys(filters));
  read.faults.push(error(path, parsed.message, suggestion));
}

function reference(part: TemplatePart, at: string, read: ReadTexts): void {
  if (typeof part === 'string' || !('path' in part.source)) return;
  read.references.push({ at, segments: part.source.path, written: part.written, certain: true });
}

/** Names such as `config.region` in an expression over the scope. */
function referencesWithin(source: string, at: string, read: ReadTexts): void {
  for (const match of source.matchAll(/(?<![\w.$'"`])(config|captured|secret|app)\.([A-Za-z_]\w*)/g)) {
    read.references.push({ at, segments: [match[1] ?? '', match[2] ?? ''], written: match[0], certain: false });
  }
}

function readPath(text: string, path: string, read: ReadTexts): void {
  const parsed = parsePath(text);
  if (!parsed.ok) read.faults.push(error(path, parsed.message));
}

function readPathOrExpression(value: unknown, path: string, read: ReadTexts): void {
  if (typeof value === 'string') return readPath(value, path, read);
  if (isRecord(value) && Object.keys(value).length === 1 && typeof value['$expr'] === 'string') return readExpression(value['$expr'], pathTo(path, '$expr'), read);
  read.faults.push(error(path, `This must be a path such as "data.items", or {"$expr": "…"}, not ${show(value)}.`));
}

function readExpression(source: string, path: string, read: ReadTexts): void {
  if (source.trim() === '') return;
  const compiled = compileExpression(source);
  if (compiled.ok) return;
  const where = compiled.fault.position === undefined ? '' : ` (character ${compiled.fault.position})`;
  read.faults.push(error(path, `The expression cannot be used: ${compiled.fault.message}${where}.`.replace(/\.\.$/, '.')));
}

const operators: Readonly<Record<string, (operand: unknown) => boolean>> = {
  in: (operand) => Array.isArray(operand) && operand.every(isScalar),
  not: isScalar,
  exists: (operand) => typeof operand === 'boolean',
  contains: (operand) => typeof operand === 'string',
  matches: (operand) => typeof operand === 'string',
  gte: (operand) => typeof operand === 'number',
  lte: (operand) => typeof operand === 'number',
};

function isScalar(value: unknown): boolean {
  return value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function readMatchers(value: unknown, path: string, ofBody: boolean, read: ReadTexts): void {
  if (!isRecord(value)) return;
  for (const [key, matcher] of Object.entries(value)) {
    const at = pathTo(path, key);
    if (ofBody) readPath(key, at, read);
    if (!isScalar(matcher)) readMatcher(matcher, at, read);
  }
}

function readMatcher(matcher: unknown, at: string, read: ReadTexts): void {
  const entries = isRecord(matcher) ? Object.entries(matcher) : [];
  const [entry] = entries;
  if (entry === undefined || entries.length !== 1) return void read.faults.push(error(at, `A matcher is a text, number, true, false, null, or one of ${Object.keys(operators).join(', ')}.`));
  const [name, operand] = entry;
  const accepts = Object.hasOwn(operators, name) ? operators[name] : undefined;
  if (accepts === undefined) return void read.faults.push(error(pathTo(at, name), `There is no matcher "${name.slice(0, 40)}".`, nearest(name, Object.keys(operators))));
  if (!accepts(operand)) return void read.faults.push(error(pathTo(at, name), `The matcher "${name}" does not take ${show(operand)}.`));
  const fault = name === 'matches' && typeof operand === 'string' ? regexFault(operand) : undefined;
  if (fault !== undefined) read.faults.push(error(pathTo(at, name), fault));
}
