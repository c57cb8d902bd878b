/** What the parts of a manifest must mean together: unique ids, paging that is read as declared, addresses, times. */
import { originOf } from '../requests/address.ts';
import { error, nearest, pathTo, warning, type Fault } from './fault.ts';
import { isHeaderName, reservedHeaders } from '../requests/header-fields.ts';
import { maxTextLength, type Reference } from './lint-text.ts';
import { asList } from './lint-references.ts';
import { isRecord } from './shape.ts';
import { parseTemplate } from '../values/template.ts';

type Json = Record<string, unknown>;

export function structureFaults(manifest: unknown, references: readonly Reference[]): Fault[] {
  if (!isRecord(manifest)) return [];
  return [
    ...baseFaults(manifest),
    ...schemeFaults(manifest),
    ...duplicates(asList(manifest['app_fields']), 'app_fields', 'name'),
    ...duplicates(asList(manifest['rate_limits']), 'rate_limits', 'name'),
    ...duplicates(asList(manifest['post_install']), 'post_install', 'id'),
    ...resourceFaults(manifest, references),
    ...requestFaults(manifest),
    ...(manifest['validation'] === undefined && !isNone(manifest) ? [warning('validation', 'There is no validation call, so a wrong credential is noticed by the first customer call.')] : []),
  ];
}

function isNone(manifest: Json): boolean {
  return asList(manifest['auth']).every((scheme) => isRecord(scheme) && scheme['type'] === 'none');
}

/** Addresses must be https; a placeholder may stand for the whole of it. */
function httpsFault(url: unknown, path: string): Fault[] {
  if (typeof url !== 'string' || url.startsWith('{{') || url.startsWith('https://')) return [];
  if (originOf(withoutPlaceholders(url, 'x')) !== undefined) return [warning(path, 'The address is not https; that is accepted for this machine only.')];
  return [error(path, `The address ${JSON.stringify(url.slice(0, 80))} must begin with https://.`)];
}

/** The text around the placeholders; nothing of a template that is too long or cannot be read, which is a fault already. */
function withoutPlaceholders(template: string, standIn = ''): string {
  if (template.length > maxTextLength) return '';
  const parsed = parseTemplate(template);
  return parsed.ok ? parsed.parts.map((part) => (typeof part === 'string' ? part : standIn)).join('') : '';
}

function baseFaults(manifest: Json): Fault[] {
  const http = isRecord(manifest['http']) ? manifest['http'] : {};
  const base = http['base_url'];
  const faults = httpsFault(base, 'http.base_url');
  if (typeof base === 'string' && /[?#]/.test(withoutPlaceholders(base))) faults.push(error('http.base_url', 'The base address must not have a query or fragment; use http.query.'));
  asList(http['origins']).forEach((origin, index) => faults.push(...httpsFault(origin, pathTo('http.origins', index))));
  return faults;
}

function schemeFaults(manifest: Json): Fault[] {
  const schemes = asList(manifest['auth']);
  const faults = duplicates(schemes, 'auth', 'id');
  schemes.forEach((scheme, index) => {
    if (!isRecord(scheme)) return;
    const at = pathTo('auth', index);
    faults.push(...duplicates(asList(scheme['fields']), `${at}.fields`, 'name'), ...duplicates(asList(scheme['login']), `${at}.login`, 'id'));
    faults.push(...fieldFaults(asList(scheme['fields']), `${at}.fields`), ...endpointFaults(scheme, at));
    if (isRecord(scheme['grant'])) faults.push(...endpointFaults(scheme['grant'], `${at}.grant`));
    if (scheme['type'] === 'oauth2_code') {
      if (scheme['scopes'] === undefined) faults.push(warning(`${at}.scopes`, 'No scopes are named; say [] when the vendor has none, so that it is on purpose.'));
      if (isRecord(scheme['authorize_params']) && Object.hasOwn(scheme['authorize_params'], 'state')) faults.push(error(`${at}.authorize_params.state`, 'state is written by the engine and protects the callback.'));
    }
  });
  return faults;
}

function endpointFaults(scheme: Json, at: string): Fault[] {
  const faults = [...httpsFault(scheme['token_url'], `${at}.token_url`), ...httpsFault(scheme['authorize_url'], `${at}.authorize_url`), ...duplicates(asList(scheme['exchange']), `${at}.exchange`, 'id')];
  const refresh = isRecord(scheme['refresh']) ? scheme['refresh'] : {};
  faults.push(...httpsFault(refresh['url'], `${at}.refresh.url`));
  const lead = isRecord(refresh['lead_s']) ? refresh['lead_s'] : {};
  if (typeof lead['min'] === 'number' && typeof lead['max'] === 'number' && lead['min'] > lead['max']) faults.push(error(`${at}.refresh.lead_s`, `min (${lead['min']}) is greater than max (${lead['max']}).`));
  const buffer = refresh['buffer_s'];
  if (typeof buffer === 'number' && typeof lead['min'] === 'number' && buffer > lead['min']) faults.push(warning(`${at}.refresh.buffer_s`, 'Calls refresh before the scheduler would: buffer_s is greater than lead_s.min.'));
  const expiry = isRecord(scheme['expiry']) ? scheme['expiry'] : {};
  if (expiry['from'] === 'never' && scheme['refresh'] !== undefined) faults.push(warning(`${at}.refresh`, 'Tokens that never end are not refreshed.'));
  return faults;
}

function fieldFaults(fields: readonly unknown[], at: string): Fault[] {
  return fields.flatMap((field, index) => {
    if (!isRecord(field)) return [];
    const path = pathTo(at, index);
    const faults: Fault[] = [];
    if (field['type'] === 'select' && field['options'] === undefined) faults.push(error(`${path}.options`, 'A select field needs options.'));
    if (field['type'] === 'password' && field['secret'] !== true) faults.push(warning(`${path}.secret`, 'A password field should be secret, or it is shown with the account.'));
    if (field['secret'] === true && field['default'] !== undefined) faults.push(error(`${path}.default`, 'A secret must not stand in a manifest.'));
    return faults;
  });
}

function duplicates(items: readonly unknown[], at: string, key: string): Fault[] {
  const seen = new Set<unknown>();
  return items.flatMap((item, index) => {
    const name = isRecord(item) ? item[key] : undefined;
    if (typeof name !== 'string') return [];
    const repeated = seen.has(name);
    seen.add(name);
    return repeated ? [error(pathTo(pathTo(at, index), key), `"${name.slice(0, 64)}" is used twice in ${at}.`)] : [];
  });
}

const methods = ['list', 'get', 'create', 'update', 'delete'] as const;

function resourceFaults(manifest: Json, references: readonly Reference[]): Fault[] {
  if (!isRecord(manifest['resources'])) return [];
  const faults: Fault[] = [];
  if (Object.keys(manifest['resources']).length === 0) faults.push(warning('resources', 'The connector has no resources; only passthrough works.'));
  for (const [name, resource] of Object.entries(manifest['resources'])) {
    if (!isRecord(resource)) continue;
    const at = pathTo('resources', name);
    const actions = isRecord(resource['actions']) ? resource['actions'] : {};
    if (!methods.some((method) => isRecord(resource[method])) && Object.keys(actions).length === 0) faults.push(error(at, `The resource has no method; give it one of ${methods.join(', ')} or an action.`));
    for (const method of methods) {
      const operation = resource[method];
      if (isRecord(operation)) faults.push(...operationFaults(method, operation, `${at}.${method}`, manifest, references));
    }
    for (const [action, operation] of Object.entries(actions)) if (isRecord(operation)) faults.push(...operationFaults('action', operation, pathTo(`${at}.actions`, action), manifest, references));
  }
  return faults;
}

function operationFaults(method: string, operation: Json, at: string, manifest: Json, references: readonly Reference[]): Fault[] {
  const faults: Fault[] = [];
  if (operation['path'] === undefined && operation['url'] === undefined) faults.push(error(`${at}.path`, 'The operation has neither path nor url.'));
  faults.push(...scopeFaults(operation, at, manifest));
  const text = method === 'list' ? '' : JSON.stringify(operation);
  if (['get', 'update', 'delete'].includes(method) && !text.includes('input.id')) {
    faults.push(warning(`${at}.path`, `"${method}" never uses {{input.id}}, so every id leads to the same request.`));
  }
  if (['create', 'update'].includes(method) && !text.includes('input')) faults.push(warning(`${at}.body`, `"${method}" sends nothing of the caller's body; use {{input.body}}.`));
  if (method !== 'list' && operation['pagination'] !== undefined) faults.push(warning(`${at}.pagination`, 'Only a list has pages.'));
  if (method === 'list') faults.push(...pagingFaults(operation, at, manifest, references));
  return faults;
}

/** An operation that wants a scope nobody asks the vendor for fails for every account. */
function scopeFaults(operation: Json, at: string, manifest: Json): Fault[] {
  const asked = asList(manifest['auth']).flatMap((scheme) => (isRecord(scheme) && Array.isArray(scheme['scopes']) ? (scheme['scopes'] as unknown[]) : []));
  if (asked.length === 0) return [];
  return asList(operation['scopes']).flatMap((scope, index) => {
    if (typeof scope !== 'string' || asked.includes(scope)) return [];
    return [warning(pathTo(`${at}.scopes`, index), `No scheme asks for the scope "${scope.slice(0, 80)}".`, nearest(scope, asked.filter((one) => typeof one === 'string')))];
  });
}

/** Which part of `page` each kind of paging fills, beside the limit. */
const filledBy: Readonly<Record<string, readonly string[]>> = { cursor: ['cursor', 'relay'], number: ['page'], offset: ['offset'], from: ['record_range'], to: ['record_range'], state: ['expression'] };

function pagingFaults(operation: Json, at: string, manifest: Json, references: readonly Reference[]): Fault[] {
  const declared = operation['pagination'] ?? manifest['pagination'];
  const paging = isRecord(declared) ? declared : { type: 'none' };
  const type = String(paging['type']);
  const faults: Fault[] = [];
  const inherited = operation['pagination'] === undefined ? JSON.stringify(paging['query'] ?? {}) + JSON.stringify(paging['headers'] ?? {}) : '';
  const text = inherited + JSON.stringify(operation);
  const uses = (name: string): boolean => text.includes(`page.${name}`);
  const within = `${at}.`;
  for (const { at: place, segments, written } of references) {
    if (segments[0] !== 'page' || !place.startsWith(within)) continue;
    const fillers = typeof segments[1] === 'string' ? filledBy[segments[1]] : undefined;
    if (fillers !== undefined && !fillers.includes(type)) faults.push(error(place, `{{${written}}} is never filled: the pagination is "${type}", not ${fillers.join(' or ')}.`));
  }
  const needed = Object.entries(filledBy).filter(([name, types]) => types.includes(type) && name !== 'to');
  for (const [name] of needed) if (!uses(name)) faults.push(error(`${at}.pagination`, `Paging of type "${type}" fills {{page.${name}}}, but no request parameter uses it, so every page would be the first.`));
  if (type === 'cursor' && paging['next'] === undefined && paging['next_from_last'] === undefined) faults.push(error(`${at}.pagination.next`, 'Cursor paging needs next or next_from_last.'));
  const limit = isRecord(paging['limit']) ? paging['limit'] : {};
  if (typeof limit['default'] === 'number' && typeof limit['max'] === 'number' && limit['default'] > limit['max']) faults.push(error(`${at}.pagination.limit`, `default (${limit['default']}) is greater than max (${limit['max']}).`));
  return faults;
}

/** Parts that hold data, in which a `method` or `headers` is only a name. */
const notRequests: ReadonlySet<string> = new Set(['value', 'variables', 'query', 'headers', 'when', 'success', 'captured', 'secret', 'claims', 'params', 'token_params', 'authorize_params', 'response', 'rate_limits', 'fields', 'pattern']);

/** Requests anywhere in the manifest: address, headers and body of each. */
function requestFaults(manifest: Json): Fault[] {
  const faults: Fault[] = [];
  const waiting: [string, unknown][] = [['', manifest]];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [at, node] = next;
    if (Array.isArray(node)) node.forEach((member: unknown, index) => waiting.push([pathTo(at, index), member]));
    if (!isRecord(node)) continue;
    for (const [key, member] of Object.entries(node)) {
      const path = pathTo(at, key);
      if (key === 'headers' && isRecord(member)) faults.push(...headerFaults(member, path));
      if (typeof member === 'object' && member !== null && !notRequests.has(key)) waiting.push([path, member]);
    }
    if (typeof node['method'] === 'string') faults.push(...addressFaults(node, at));
  }
  return faults;
}

function addressFaults(request: Json, at: string): Fault[] {
  const faults: Fault[] = [];
  if (request['path'] !== undefined && request['url'] !== undefined) faults.push(error(`${at}.url`, 'A request has a path or a url, not both.'));
  for (const key of ['path', 'url']) if (typeof request[key] === 'string' && withoutPlaceholders(request[key]).includes('#')) faults.push(error(`${at}.${key}`, 'An address must not have a fragment.'));
  faults.push(...httpsFault(request['url'], `${at}.url`));
  if (typeof request['path'] === 'string' && /^[a-z]+:\/\//i.test(request['path'])) faults.push(error(`${at}.path`, 'This is a whole address; write it as url.', 'url'));
  if (request['body'] !== undefined && (request['method'] === 'GET' || request['method'] === 'HEAD')) faults.push(error(`${at}.body`, `A ${request['method']} request carries no body.`));
  return faults;
}

function headerFaults(headers: Json, at: string): Fault[] {
  const seen = new Set<string>();
  return Object.keys(headers).flatMap((name) => {
    const path = pathTo(at, name);
    const lower = name.toLowerCase();
    if (!isHeaderName(name)) return [error(path, `${JSON.stringify(name.slice(0, 64))} is not a header name.`)];
    if (reservedHeaders.has(lower)) return [error(path, `The header ${lower} is written by the HTTP client.`, nearest(lower, ['x-forwarded-host']))];
    if (seen.has(lower)) return [error(path, `The header ${lower} is written twice.`)];
    seen.add(lower);
    return [];
  });
}
