/**
 * Which part of a mapping or a manifest may be overridden in which layer. A mapping stays a mapping of its model. Of a
 * manifest, an override changes what calls are made of, never who a connector is, how an account connects, or where its
 * credentials go: that takes a new version. The narrower layers can neither name an address nor read a secret.
 */
import { error, nearest, pathTo, type Fault } from '../lint/fault.ts';
import { isRecord } from '../lint/shape.ts';
import { parseTemplate } from '../values/template.ts';

export type Layer = 'installation' | 'tenant' | 'account';
type Json = Record<string, unknown>;

/** What an override of a mapping may not touch. */
const mappingFixed: ReadonlySet<string> = new Set(['mapping', 'model', '$schema']);

/** Every reason why a patch cannot be one on a mapping. */
export function faultsOfMappingPatch(patch: unknown): Fault[] {
  if (!isRecord(patch)) return [notAPatch('mapping')];
  return Object.keys(patch).flatMap((key) => (mappingFixed.has(key) ? [error(key, `An override must not change "${key}".`)] : []));
}

const everyone: readonly Layer[] = ['installation', 'tenant', 'account'];
const operator: readonly Layer[] = ['installation'];

/** Parts of a manifest that can be overridden, and in which layers. What is not named is fixed. */
export const overridableParts: Readonly<Record<string, readonly Layer[]>> = {
  name: operator,
  description: operator,
  docs_url: operator,
  categories: operator,
  'http.headers': everyone,
  'http.query': everyone,
  'http.query_arrays': everyone,
  'http.timeout_ms': everyone,
  errors: everyone,
  error_message: everyone,
  request_id: everyone,
  rate_limits: everyone,
  pagination: everyone,
  resources: everyone,
};

/** Every reason why a patch cannot be one on a manifest in this layer. The merged manifest is linted beside this. */
export function faultsOfManifestPatch(patch: unknown, layer: Layer): Fault[] {
  if (!isRecord(patch)) return [notAPatch('manifest')];
  const faults = Object.entries(patch).flatMap(([key, member]) => {
    if (key !== 'http') return partFaults(key, layer);
    if (!isRecord(member)) return [error('http', 'An override of http is an object: headers, query and so on.')];
    return Object.keys(member).flatMap((name) => partFaults(`http.${name}`, layer));
  });
  if (faults.length > 0 || layer === 'installation') return faults;
  return [...addressFaults(patch['resources'], layer), ...secretFaults(patch, '', layer)];
}

const notAPatch = (what: string): Fault => error('', `An override is a JSON object, a merge patch (RFC 7396) on the ${what}.`);

function partFaults(part: string, layer: Layer): Fault[] {
  const layers = Object.hasOwn(overridableParts, part) ? overridableParts[part] : undefined;
  if (layers === undefined) {
    const elsewhere = part === 'mappings' ? 'each mapping has overrides of its own' : 'it takes a new version of the connector';
    return [error(part, `"${part}" is not changed by an override: ${elsewhere}. Those that are: ${Object.keys(overridableParts).join(', ')}.`, nearest(part, Object.keys(overridableParts)))];
  }
  return layers.includes(layer) ? [] : [error(part, `"${part}" can be overridden for the whole installation only, not for one ${layer}.`)];
}

/** An operation's `url` is a whole address; its `path` goes to the connector's base. */
function addressFaults(resources: unknown, layer: Layer): Fault[] {
  const faults: Fault[] = [];
  for (const [name, resource] of Object.entries(isRecord(resources) ? resources : {})) {
    const at = pathTo('resources', name);
    for (const [method, operation] of operationsIn(resource, at)) if (isRecord(operation) && Object.hasOwn(operation, 'url')) faults.push(error(`${method}.url`, `An override for one ${layer} cannot name an address; use path.`));
  }
  return faults;
}

function operationsIn(resource: unknown, at: string): [string, unknown][] {
  if (!isRecord(resource)) return [];
  const { actions } = resource;
  const own = Object.entries(resource).map(([name, member]): [string, unknown] => [pathTo(at, name), member]);
  return [...own, ...Object.entries(isRecord(actions) ? actions : {}).map(([name, member]): [string, unknown] => [pathTo(`${at}.actions`, name), member])];
}

const secretRoots: ReadonlySet<unknown> = new Set(['secret', 'token', 'app', 'key']);
/** Here an expression sees the vendor's answer only; anywhere else it sees the whole scope, and there are too many ways to name a part of that. */
const readsAnswer = /(?:^|\.)(?:response|errors|error_message|rate_limits|request_id|pagination\.(?!query\.|headers\.)\w+)[.[]/;

function secretFaults(value: unknown, at: string, layer: Layer): Fault[] {
  if (typeof value === 'string') return readsSecret(value, at) ? [error(at, `An override for one ${layer} cannot read credentials (${[...secretRoots].join(', ')}), and an expression stands only where an answer is read; use placeholders.`)] : [];
  if (Array.isArray(value)) return value.flatMap((member: unknown, index) => secretFaults(member, pathTo(at, index), layer));
  if (!isRecord(value)) return [];
  return Object.entries(value as Json).flatMap(([key, member]) => secretFaults(member, pathTo(at, key), layer));
}

function readsSecret(text: string, at: string): boolean {
  if (at.endsWith('.$expr')) return !readsAnswer.test(at);
  if (!text.includes('{{')) return false;
  const parsed = parseTemplate(text);
  return parsed.ok && parsed.parts.some((part) => typeof part !== 'string' && 'path' in part.source && secretRoots.has(part.source.path[0]));
}
