/**
 * The shape of a JSON document: which paths there are and of which types, without any value. Paths read as in a mapping,
 * with `[]` for the members of a list and `{}` for those of a map whose keys are data: results[].properties.email.
 */

export const jsonTypes = ['string', 'number', 'boolean', 'object', 'array', 'null'] as const;
export type JsonType = (typeof jsonTypes)[number];
export type TypeCounts = Partial<Record<JsonType, number>>;

/** Path → how often it was met, by type. The document itself is the path "". */
export type ShapeTally = Map<string, TypeCounts>;

/** Members of a list that are looked at: they are of one kind, and answers are long. */
const maxMembers = 25;
const maxDepth = 12;
/** Paths of one document; an object with more keys than `maxKeys` is a map. */
const maxPaths = 1_000;
const maxKeys = 80;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);

export function typeOf(value: unknown): JsonType {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  const type = typeof value;
  return type === 'string' || type === 'number' || type === 'boolean' ? type : 'object';
}

/** Adds the shape of `value` to `into`. */
export function tallyShape(value: unknown, into: ShapeTally, path = '', depth = 0): void {
  const type = typeOf(value);
  let counts = into.get(path);
  if (counts === undefined) {
    if (into.size >= maxPaths) return;
    into.set(path, (counts = {}));
  }
  counts[type] = (counts[type] ?? 0) + 1;
  if (depth >= maxDepth) return;
  if (Array.isArray(value)) {
    for (let at = 0; at < Math.min(value.length, maxMembers); at += 1) tallyShape(value[at], into, `${path}[]`, depth + 1);
  } else if (isObject(value)) {
    const keys = Object.keys(value);
    const isMap = keys.length > maxKeys;
    for (const key of isMap ? keys.slice(0, maxMembers) : keys) tallyShape(value[key], into, isMap || isData(key) ? `${path}{}` : path === '' ? key : `${path}.${key}`, depth + 1);
  }
}

/** Keys that are ids, dates or addresses, or hold what would make a path ambiguous. Telling them apart also keeps values out of paths. */
function isData(key: string): boolean {
  return key === '' || key.length > 60 || /^[\d-]+$|^[0-9a-f]{8}-?[0-9a-f-]{8,}$|\d{4,}|@|[\s.[\]{}/:]/i.test(key);
}

/** Of results[].id it is results[]; of results[] it is results; of id it is "". Undefined for "". */
export function parentOf(path: string): string | undefined {
  if (path === '') return undefined;
  if (path.endsWith('[]') || path.endsWith('{}')) return path.slice(0, -2);
  const dot = path.lastIndexOf('.');
  return dot === -1 ? '' : path.slice(0, dot);
}

/** Whether `path` stands at `ancestor` or below it. */
export function isWithin(path: string, ancestor: string): boolean {
  if (ancestor === '' || path === ancestor) return true;
  return path.startsWith(ancestor) && /^[.[{]/.test(path.slice(ancestor.length));
}

export const met = (counts: TypeCounts | undefined): number => (counts === undefined ? 0 : jsonTypes.reduce((sum, type) => sum + (counts[type] ?? 0), 0));
