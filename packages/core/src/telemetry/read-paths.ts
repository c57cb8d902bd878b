/**
 * Which paths of an endpoint's answers are read: by the mappings that it serves, and by the engine for records, ids and
 * the next page. An expression is not run for this: every path-like word in it counts as read, which errs on the side
 * of warning.
 */
import type { FieldMapping, Mapping } from '@evenkeel/contract/manifest/mapping.ts';
import type { Manifest, Operation, Resource } from '@evenkeel/contract/manifest/manifest.ts';
import type { Path } from '@evenkeel/contract/manifest/value.ts';
import { isWithin } from './shape.ts';

/** `vendorEndpoint`: contacts.list. Paths in the notation of shapes. */
export function readPaths(manifest: Manifest, vendorEndpoint: string): string[] {
  if (vendorEndpoint.startsWith('event:')) return eventPaths(manifest, vendorEndpoint.slice('event:'.length));
  const [resourceName = '', ...method] = vendorEndpoint.split('.');
  const resource = Object.hasOwn(manifest.resources, resourceName) ? manifest.resources[resourceName] : undefined;
  const operation = resource === undefined ? undefined : operationOf(resource, method);
  if (resource === undefined || operation === undefined) return [];
  const { records, record } = operation.response ?? {};
  const isList = method[0] === 'list';
  const place = isList ? `${textOf(records)}[]` : textOf(record);
  const engine = [...(isList && textOf(records) !== '' ? [textOf(records)] : []), ...pagingPaths(operation, manifest), join(place, resource.id ?? 'id')];
  const mapped = Object.values(manifest.mappings ?? {}).filter((mapping) => operationsOf(mapping).includes(vendorEndpoint));
  return [...new Set([...engine, ...mapped.flatMap((mapping) => mappingPaths(mapping).map((path) => join(place, path)))])];
}

/** Of events the whole record of which is in them: the mapping's paths, at the place where the rule finds the record. */
function eventPaths(manifest: Manifest, type: string): string[] {
  const rules = manifest.webhooks?.events?.filter(({ types }) => types.includes(type)) ?? [];
  return rules.flatMap(({ model, record }) => {
    const mapping = manifest.mappings?.[model];
    if (record.from !== 'payload' || mapping === undefined) return [];
    const path = textOf(record.path);
    if (path !== 'item' && !path.startsWith('item.')) return [];
    return mappingPaths(mapping).map((one) => join(path.slice('item.'.length), one));
  });
}

/** A path is read when something reads it or below it, or reads a whole it is a part of. */
export function isRead(path: string, reads: readonly string[]): boolean {
  return reads.some((one) => isWithin(one, path) || (isWithin(path, one) && !reads.some((other) => other !== one && isWithin(other, one))));
}

function operationOf(resource: Resource, [method, action]: readonly string[]): Operation | undefined {
  if (method === 'actions') return action === undefined ? undefined : resource.actions?.[action];
  return method === 'list' || method === 'get' || method === 'create' || method === 'update' || method === 'delete' ? resource[method] : undefined;
}

function pagingPaths(operation: Operation, manifest: Manifest): string[] {
  const paging: Readonly<Record<string, unknown>> = operation.pagination ?? manifest.pagination ?? {};
  return ['next', 'more', 'total', 'page_info'].flatMap((name) => (typeof paging[name] === 'string' && !paging[name].includes('$') ? [plain(paging[name])] : []));
}

function operationsOf({ methods }: Mapping): string[] {
  return [...(methods.list ?? []), methods.get, methods.create, methods.update].flatMap((method) => (method === undefined ? [] : [method.operation]));
}

function mappingPaths(mapping: Mapping): string[] {
  return [...Object.values(mapping.fields).flatMap((field) => fieldPaths(field)), ...Object.keys(mapping.where ?? {}).map(plain)];
}

function fieldPaths(field: FieldMapping): string[] {
  if (typeof field === 'string') return [plain(field)];
  const { path, read, template, uses, object, list, each, item } = field;
  return [
    ...(path === undefined ? [] : [plain(path)]),
    ...(typeof read === 'string' ? [plain(read)] : Array.isArray(read) ? (read as readonly string[]).map(plain) : read !== undefined && '$expr' in read ? wordsOf(read.$expr) : []),
    ...[...(template ?? '').matchAll(/\{\{([^}|]+)/g)].map(([, one = '']) => plain(one.trim())),
    ...(uses ?? []).map(plain),
    ...Object.values(object ?? {}).flatMap(fieldPaths),
    ...(list ?? []).flatMap(fieldPaths),
    ...(each === undefined ? [] : [plain(each), ...(item === undefined ? [] : fieldPaths(item).map((one) => join(`${plain(each)}[]`, one)))]),
  ];
}

const wordsOf = (expression: string): string[] => [...expression.replace(/'[^']*'|"[^"]*"/g, ' ').matchAll(/(?<![$\w.])[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*/g)].map(([path]) => path);

/** Where an expression finds the records is not known: then nothing below counts as read but by chance. */
const textOf = (path: Path | undefined): string => (typeof path === 'string' ? plain(path) : '');

/** lines[0].id → lines[].id */
const plain = (path: string): string => path.replace(/\[[^\]]*\]/g, '[]').replace(/\.(\d+)(?=\.|$)/g, '[]');

function join(place: string, path: string): string {
  if (path === '') return place;
  return place === '' ? path : path.startsWith('[') ? `${place}${path}` : `${place}.${path}`;
}
