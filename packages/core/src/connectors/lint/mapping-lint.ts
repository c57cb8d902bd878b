/** What a connector's mappings must mean: fields, filters and choices of their models, operations of their manifest. */
import { mappingRoots, type FieldMapping, type FieldRule, type Mapping } from '@evenkeel/contract/manifest/mapping.ts';
import { modelNamed, modelNames } from '@evenkeel/contract/unified/models.ts';
import { compileExpression } from '../expressions/expression.ts';
import { error, nearest, pathTo, type Fault } from './fault.ts';
import { ruleOf, writePathOf } from '../mapping/mapping-rule.ts';
import { fieldsOf, type FieldShape } from '../mapping/mapping-shape.ts';
import { operationNamed } from '../mapping/mapping-methods.ts';
import { parsePath } from '../values/path.ts';
import { regexFault } from '../expressions/regex.ts';
import { isRecord } from './shape.ts';
import { parseTemplate } from '../values/template.ts';

type Json = Record<string, unknown>;

/** Of a manifest whose shape has no faults; a mapping is checked only where its own shape is right. */
export function mappingFaults(manifest: unknown): Fault[] {
  const mappings = isRecord(manifest) ? manifest['mappings'] : undefined;
  const resources = isRecord(manifest) && isRecord(manifest['resources']) ? manifest['resources'] : {};
  if (!isRecord(mappings)) return [];
  return Object.entries(mappings).flatMap(([name, mapping]) => faultsOfMapping(name, mapping as Mapping, resources, pathTo('mappings', name)));
}

/** Of one mapping; `resources` are those of its connector. */
export function faultsOfMapping(name: string, mapping: Mapping, resources: Json, at: string): Fault[] {
  const model = modelNamed(mapping.model);
  if (model === undefined) return [error(`${at}.model`, `There is no unified model ${JSON.stringify(mapping.model)}.`, nearest(mapping.model, modelNames))];
  const faults: Fault[] = mapping.model === name ? [] : [error(`${at}.model`, `This must be ${JSON.stringify(name)}, the name the mapping stands under.`)];
  const fields = fieldsOf(model.schema);
  for (const [field, shape] of fields) {
    if (shape.required && mapping.fields[field] === undefined) faults.push(error(`${at}.fields.${field}`, `${mapping.model} requires "${field}", and nothing is mapped to it.`));
  }
  for (const [field, rule] of Object.entries(mapping.fields)) {
    const shape = fields.get(field);
    const path = pathTo(`${at}.fields`, field);
    if (shape === undefined) faults.push(error(path, `${mapping.model} has no field "${field}".`, nearest(field, fields.keys())));
    else faults.push(...fieldFaults(rule, shape, path, true));
  }
  for (const path of Object.keys(mapping.where ?? {})) faults.push(...pathFaults(path, `${at}.where`));
  faults.push(...customFaults(mapping, `${at}.custom_fields`), ...methodFaults(mapping, model, resources, `${at}.methods`));
  return faults;
}

function customFaults({ custom_fields: custom }: Mapping, at: string): Fault[] {
  const pattern = custom?.pattern === undefined ? undefined : regexFault(custom.pattern);
  return [...pathFaults(custom?.at ?? '', `${at}.at`), ...(pattern === undefined ? [] : [error(`${at}.pattern`, pattern)])];
}

/** Most paths are names and dots, and need no parser. */
const plainPath = /^[A-Za-z]\w*(\.[A-Za-z]\w*)*$/;

function pathFaults(path: string, at: string): Fault[] {
  if (path.length < 200 && plainPath.test(path)) return [];
  const parsed = parsePath(path);
  if (!parsed.ok) return [error(at, parsed.message)];
  return parsed.segments.includes('__proto__') ? [error(at, 'The name "__proto__" is not allowed.')] : [];
}

function fieldFaults(field: FieldMapping, shape: FieldShape, at: string, top: boolean): Fault[] {
  const rule = ruleOf(field);
  const faults = [rule.path, rule.write, rule.each, ...(rule.uses ?? []), ...readPaths(rule)].flatMap((path) => (path === undefined ? [] : pathFaults(path, at)));
  if (rule.write === '' || (rule.path === '' && writePathOf(rule) === '' && top && !shape.readOnly)) faults.push(error(at, 'A field cannot be written to the whole record; use "read".'));
  if (rule.template !== undefined) {
    const parsed = parseTemplate(rule.template);
    if (!parsed.ok) faults.push(error(`${at}.template`, parsed.message));
  }
  if (typeof rule.read === 'object' && '$expr' in rule.read) {
    const compiled = compileExpression(rule.read.$expr);
    if (!compiled.ok) faults.push(error(`${at}.read.$expr`, compiled.fault.message));
    if (!top) faults.push(error(`${at}.read`, 'An expression is allowed for a whole field only, not within object, list or item.'));
  }
  const sources = [rule.path ?? rule.read, rule.template, rule.const, rule.object, rule.list, rule.each].filter((source) => source !== undefined);
  if (sources.length === 0) faults.push(error(at, 'The field has no source: give it path, read, template, const, object, list or each.'));
  return [...faults, ...choiceFaults(rule, shape, at), ...nestedFaults(rule, shape, at)];
}

function readPaths({ read }: FieldRule): readonly string[] {
  if (typeof read === 'string') return [read];
  return Array.isArray(read) ? (read as readonly string[]) : [];
}

/** What the mapping can answer must be what the model allows. */
function choiceFaults(rule: FieldRule, shape: FieldShape, at: string): Fault[] {
  if (shape.kind !== 'choice') {
    const values = Object.keys(rule.enum ?? {});
    if (shape.kind === 'flag') return values.filter((value) => value !== 'true' && value !== 'false').map((value) => error(`${at}.enum`, `The names of a flag's values are "true" and "false", not "${value}".`));
    return values.length > 0 && shape.kind !== 'text' ? [error(`${at}.enum`, `The field is no choice of the model, but ${shape.kind}.`)] : [];
  }
  const answers = [...Object.keys(rule.enum ?? {}), ...[rule.otherwise, rule.const].filter((value) => value !== undefined && value !== null)];
  return answers.filter((value) => !shape.values.includes(String(value))).map((value) => error(`${at}.enum`, `"${String(value)}" is none of the model's ${shape.values.join(', ')}.`, nearest(String(value), shape.values)));
}

function nestedFaults(rule: FieldRule, shape: FieldShape, at: string): Fault[] {
  const members = shape.kind === 'group' || shape.kind === 'groups' ? shape.fields : undefined;
  const faults: Fault[] = [];
  if (rule.object !== undefined && members === undefined) faults.push(error(`${at}.object`, 'The field is no group of the model.'));
  for (const [name, inner] of Object.entries(rule.object ?? {})) {
    const field = members?.get(name);
    if (field === undefined) faults.push(error(`${at}.object.${name}`, `The group has no field "${name}".`, nearest(name, members?.keys() ?? [])));
    else faults.push(...fieldFaults(inner, field, `${at}.object.${name}`, false));
  }
  if ((rule.list !== undefined || rule.each !== undefined) && shape.kind !== 'groups' && shape.kind !== 'texts') faults.push(error(at, 'The field is no list of the model.'));
  const item: FieldShape = shape.kind === 'groups' ? shape : { kind: 'text', required: false, readOnly: false, values: [] };
  (rule.list ?? []).forEach((place, index) => faults.push(...fieldFaults(place, item, `${at}.list[${index}]`, false)));
  if (rule.item !== undefined) faults.push(...fieldFaults(rule.item, item, `${at}.item`, false));
  return faults;
}

const serving: Readonly<Record<string, readonly string[]>> = {
  list: ['list'],
  get: ['get', 'action'],
  create: ['create', 'update', 'action'],
  update: ['update', 'create', 'action'],
  delete: ['delete', 'update', 'action'],
};

function methodFaults(mapping: Mapping, model: NonNullable<ReturnType<typeof modelNamed>>, resources: Json, at: string): Fault[] {
  const faults: Fault[] = [];
  const fields = Object.keys(model.schema.properties);
  for (const [method, source] of Object.entries(mapping.methods)) {
    const ways = Array.isArray(source) ? source : [source];
    ways.forEach((way, index) => {
      const place = Array.isArray(source) ? `${at}.${method}[${index}]` : `${at}.${method}`;
      faults.push(...operationFaults(way.operation, method, resources, `${place}.operation`), ...valueFaults(way, place));
      if ('filters' in way) faults.push(...namesFaults(Object.keys(way.filters), model.filters, 'filter', `${place}.filters`));
      if ('sort' in way) faults.push(...namesFaults(Object.keys(way.sort), model.sort, 'sorting', `${place}.sort`));
      if ('required' in way) faults.push(...namesFaults(way.required, fields, 'field', `${place}.required`));
      if ('fields' in way) faults.push(...namesFaults(way.fields, fields, 'field', `${place}.fields`));
      if ('reread' in way) faults.push(...pathFaults(way.reread, `${place}.reread`), ...(mapping.methods.get === undefined ? [error(`${place}.reread`, 'There is no method get to read the record with.')] : []));
    });
  }
  return faults;
}

function namesFaults(written: readonly string[], known: readonly string[], what: string, at: string): Fault[] {
  return written.filter((name) => !known.includes(name)).map((name) => error(pathTo(at, name), `The model has no ${what} "${name}"; it has ${known.join(', ')}.`, nearest(name, known)));
}

function operationFaults(written: string, method: string, resources: Json, at: string): Fault[] {
  const { resource, method: name } = operationNamed(written);
  const found = Object.hasOwn(resources, resource) ? resources[resource] : undefined;
  if (!isRecord(found)) return [error(at, `The manifest has no resource "${resource}".`, nearest(resource, Object.keys(resources)))];
  const holder = typeof name === 'string' ? found : found['actions'];
  const key = typeof name === 'string' ? name : name.action;
  if (!isRecord(holder) || !Object.hasOwn(holder, key)) return [error(at, `The resource "${resource}" of the manifest has no ${typeof name === 'string' ? name : `action ${name.action}`}.`)];
  const kind = typeof name === 'string' ? name : 'action';
  return serving[method]?.includes(kind) === true ? [] : [error(at, `The method ${method} cannot be served by ${kind === 'action' ? 'an action' : kind}.`)];
}

/** Placeholders and expressions of query, body, id, filters and sort. */
function valueFaults(value: unknown, at: string): Fault[] {
  if (typeof value === 'string') return templateFaults(value, at);
  if (Array.isArray(value)) return value.flatMap((member: unknown, index) => valueFaults(member, pathTo(at, index)));
  if (!isRecord(value)) return [];
  const { $expr: source, $literal: literal } = value;
  if (literal !== undefined) return [];
  if (typeof source === 'string') {
    const compiled = compileExpression(source);
    return compiled.ok ? [] : [error(`${at}.$expr`, compiled.fault.message)];
  }
  return Object.entries(value).flatMap(([key, member]) => valueFaults(member, pathTo(at, key)));
}

function templateFaults(text: string, at: string): Fault[] {
  if (!text.includes('{{')) return [];
  const parsed = parseTemplate(text);
  if (!parsed.ok) return [error(at, parsed.message)];
  return parsed.parts.flatMap((part) => {
    if (typeof part === 'string' || !('path' in part.source)) return [];
    const [root] = part.source.path;
    if ((mappingRoots as readonly unknown[]).includes(root)) return [];
    return [error(at, `{{${part.written}}} begins with "${String(root)}", which is none of ${mappingRoots.join(', ')}.`, nearest(String(root), mappingRoots))];
  });
}
