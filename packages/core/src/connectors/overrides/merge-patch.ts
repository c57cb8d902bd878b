/** Layers of a document: merged as JSON merge patches (RFC 7396), and what they change, place by place. */
import { pathTo } from '../lint/fault.ts';
import { isRecord } from '../lint/shape.ts';

export interface Change {
  readonly path: string;
  /** Undefined: was not there. */
  readonly before?: unknown;
  /** Undefined: is gone. */
  readonly after?: unknown;
}

/** RFC 7396: objects merge, null removes, anything else replaces. Neither argument is changed; a key `__proto__` is ignored. */
export function mergePatch(base: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const merged: Record<string, unknown> = isRecord(base) ? { ...base } : {};
  for (const [key, member] of Object.entries(patch)) {
    if (key === '__proto__') continue;
    if (member === null) delete merged[key];
    else merged[key] = mergePatch(Object.hasOwn(merged, key) ? merged[key] : undefined, member);
  }
  return merged;
}

/** Every place at which two documents differ; lists are compared whole. */
export function changesBetween(before: unknown, after: unknown, path = ''): Change[] {
  if (isRecord(before) && isRecord(after)) {
    return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((key) => changesBetween(before[key], after[key], pathTo(path, key)));
  }
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  return [{ path, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) }];
}
