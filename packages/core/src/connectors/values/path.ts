/**
 * Plain paths (`paging.next.after`, `items[0].id`, `items[-1]`, `["odd key"].x`, `` for the whole) compiled to closures.
 * A path reads own properties only: nothing inherited is ever seen, so hostile keys are merely absent.
 */

export type PathSegment = string | number;
export type ParsedPath = { readonly ok: true; readonly segments: readonly PathSegment[] } | { readonly ok: false; readonly message: string };
export type PathReader = (root: unknown) => unknown;

const maxSegments = 32;
const name = /[^.[\]"'\s|{}]+/y;
const index = /\[(-?\d{1,9})\]/y;
const quoted = /\[("(?:[^"\\]|\\.)*")\]/y;

/** Never throws. */
export function parsePath(path: string): ParsedPath {
  const segments: PathSegment[] = [];
  let at = 0;
  while (at < path.length) {
    if (segments.length >= maxSegments) return { ok: false, message: `The path has more than ${maxSegments} segments.` };
    const bracket = path[at] === '[';
    if (!bracket && segments.length > 0) {
      if (path[at] !== '.') return broken(path, at);
      at++;
    }
    const segment = readSegment(path, at);
    if (segment === undefined) return broken(path, at);
    segments.push(segment.value);
    at = segment.end;
  }
  return { ok: true, segments };
}

function readSegment(path: string, at: number): { value: PathSegment; end: number } | undefined {
  for (const pattern of [index, quoted, name]) {
    pattern.lastIndex = at;
    const match = pattern.exec(path);
    if (match === null) continue;
    const end = pattern.lastIndex;
    if (pattern === index) return { value: Number(match[1]), end };
    if (pattern === name) return { value: match[0], end };
    try {
      return { value: String(JSON.parse(match[1] ?? '')), end };
    } catch {
      return undefined;
    }
  }
  return undefined;
}

function broken(path: string, at: number): ParsedPath {
  const shown = path.length > 80 ? `${path.slice(0, 80)}…` : path;
  return { ok: false, message: `The path "${shown}" cannot be read at character ${at + 1}; write it like "items[0].id" or use {"$expr": …}.` };
}

/** The reader of a plain path. Throws a TypeError for a path that `parsePath` refuses: the linter reports those first. */
export function compilePath(path: string): PathReader {
  const parsed = parsePath(path);
  if (!parsed.ok) throw new TypeError(parsed.message);
  return readerOf(parsed.segments);
}

/** The reader of parsed segments. A negative index counts from the end. */
export function readerOf(segments: readonly PathSegment[]): PathReader {
  const [first, second, third] = segments;
  if (first === undefined) return (root) => root;
  if (second === undefined) return (root) => step(root, first);
  if (third === undefined) return (root) => step(step(root, first), second);
  return (root) => {
    let value = root;
    for (const segment of segments) {
      if (value === undefined || value === null) return undefined;
      value = step(value, segment);
    }
    return value;
  };
}

function step(value: unknown, segment: PathSegment): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  if (typeof segment === 'number') return Array.isArray(value) ? value.at(segment) : undefined;
  return Object.hasOwn(value, segment) ? (value as Record<string, unknown>)[segment] : undefined;
}
