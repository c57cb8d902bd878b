/** The vendor's own names of the unified fields a caller wants, for vendors that answer with the fields one names. */
import type { FieldMapping, Mapping } from '@evenkeel/contract/manifest/mapping.ts';
import { ruleOf } from './mapping-rule.ts';
import { parseTemplate } from '../values/template.ts';

export function selectableFields(mapping: Mapping): (asked?: ReadonlySet<string>) => readonly string[] {
  const { prefix = '', always = [] } = mapping.select ?? {};
  const byField = new Map(Object.entries(mapping.fields).map(([name, field]) => [name, pathsOf(field).flatMap((path) => nameUnder(path, prefix))]));
  const custom = mapping.custom_fields?.names ?? [];
  const needed = [...always, ...Object.keys(mapping.where ?? {}).flatMap((path) => nameUnder(path, prefix)), ...(byField.get('id') ?? [])];
  const all = distinct([...needed, ...[...byField.values()].flat(), ...custom]);
  return (asked) => {
    if (asked === undefined) return all;
    return distinct([...needed, ...[...asked].flatMap((name) => byField.get(name) ?? []), ...(asked.has('custom_fields') ? custom : [])]);
  };
}

const distinct = (names: readonly string[]): readonly string[] => [...new Set(names)];

/** `properties.email` under `properties.` is `email`; a place in a list is the list. */
function nameUnder(path: string, prefix: string): string[] {
  if (!path.startsWith(prefix)) return [];
  const name = path.slice(prefix.length).replace(/\[.*$/, '');
  return name === '' ? [] : [name];
}

/** Every path of the record that a field reads. Paths of items begin at their list's member and are not among them. */
export function pathsOf(field: FieldMapping): string[] {
  const rule = ruleOf(field);
  const read = rule.read === undefined ? [] : typeof rule.read === 'string' ? [rule.read] : Array.isArray(rule.read) ? [...(rule.read as readonly string[])] : [];
  return [
    ...(rule.path === undefined || rule.read !== undefined ? [] : [rule.path]),
    ...read,
    ...(rule.template === undefined ? [] : templatePaths(rule.template)),
    ...(rule.each === undefined ? [] : [rule.each]),
    ...(rule.uses ?? []),
    ...Object.values(rule.object ?? {}).flatMap(pathsOf),
    ...(rule.list ?? []).flatMap(pathsOf),
  ];
}

/** Those it reads or writes: what they lead to is no custom field. */
export function touchedPaths(field: FieldMapping): string[] {
  const rule = ruleOf(field);
  const inner = [...Object.values(rule.object ?? {}), ...(rule.list ?? [])];
  return [...pathsOf(field), ...(rule.write === undefined ? [] : [rule.write]), ...inner.flatMap(touchedPaths)];
}

function templatePaths(template: string): string[] {
  const parsed = parseTemplate(template);
  if (!parsed.ok) return [];
  return parsed.parts.flatMap((part) => (typeof part === 'string' || !('path' in part.source) ? [] : [part.source.path.join('.')]));
}
