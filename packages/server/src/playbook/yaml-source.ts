/** A YAML file of the playbook: its value, and the line of every place in it. */
import { LineCounter, parseDocument, type Document } from 'yaml';

export type YamlSource =
  | { readonly ok: true; readonly value: unknown; readonly lineOf: (path: string) => number | undefined }
  | { readonly ok: false; readonly faults: readonly { readonly line: number; readonly message: string }[] };

/** Reads one document of YAML 1.2. Anchors and aliases are allowed within bounds; a key written twice is a fault. */
export function readYaml(text: string): YamlSource {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  if (document.errors.length > 0) {
    return { ok: false, faults: document.errors.map(({ pos, message }) => ({ line: lines.linePos(pos[0]).line, message: message.replace(/\s+/g, ' ') })) };
  }
  try {
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    return { ok: true, value, lineOf: (path) => lineOf(document, lines, path) };
  } catch (error) {
    return { ok: false, faults: [{ line: 1, message: error instanceof Error ? error.message : String(error) }] };
  }
}

/** The line of the place, or of the nearest one around it that is written. */
function lineOf(document: Document, lines: LineCounter, path: string): number | undefined {
  for (let segments = segmentsOf(path); segments.length > 0; segments = segments.slice(0, -1)) {
    const node = document.getIn(segments, true);
    const range = typeof node === 'object' && node !== null && 'range' in node ? (node.range as [number, number, number] | null | undefined) : undefined;
    if (range) return lines.linePos(range[0]).line;
  }
  return undefined;
}

/** `a.b[0]["odd key"]` → ['a', 'b', 0, 'odd key']. */
function segmentsOf(path: string): (string | number)[] {
  return [...path.matchAll(/\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|([^.[\]]+)/g)].map(([, index, quoted, name]) => {
    if (index !== undefined) return Number(index);
    return quoted === undefined ? (name ?? '') : (JSON.parse(quoted) as string);
  });
}
