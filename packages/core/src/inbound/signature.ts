/** The signatures a request carries, decoded, and the other fields that stand beside them in the same header. */
import type { SignatureSource } from '@evenkeel/contract/manifest/webhooks.ts';
import { compileText, decodeBytes } from './message.ts';
import type { InboundRequest, RequestRoot } from './inbound-request.ts';
import type { RefusalReason } from './refusal.ts';
import type { Scope } from '../connectors/values/scope.ts';

export type FoundSignatures =
  | { readonly ok: true; readonly candidates: readonly Uint8Array[]; readonly fields: Readonly<Record<string, string>> }
  | { readonly ok: false; readonly reason: RefusalReason };

/** A vendor sends two or three while it rotates secrets; more would be work for an attacker's sake. */
const maxCandidates = 16;

export function compileSignature(source: SignatureSource): (request: InboundRequest, scope: Scope) => FoundSignatures {
  const header = source.header?.toLowerCase();
  const text = source.value === undefined ? undefined : compileText(source.value);
  return (request, scope) => {
    const values = (header === undefined ? single(text, source.query, scope) : (request.headers[header] ?? [])).filter((value) => value.trim() !== '');
    if (values.length === 0) return { ok: false, reason: 'missing_signature' };
    if (values.length > 1 && source.duplicates !== 'each') return { ok: false, reason: 'duplicate_header' };
    return readSignatures(source, values);
  };
}

function single(text: ((scope: Scope) => string | undefined) | undefined, parameter: string | undefined, scope: Scope): string[] {
  const { query = {} } = (scope.request ?? {}) as Partial<RequestRoot>;
  const value = text === undefined ? (parameter !== undefined && Object.hasOwn(query, parameter) ? query[parameter] : undefined) : text(scope);
  return value === undefined ? [] : [value];
}

function readSignatures(source: SignatureSource, values: readonly string[]): FoundSignatures {
  const { separator, pair, prefix, encoding } = source;
  const pieces = values.flatMap((value) => (separator === undefined ? [value] : value.split(separator))).map((piece) => piece.trim());
  const candidates: Uint8Array[] = [];
  const seen = new Map<string, string | undefined>();
  for (const piece of pieces) {
    const signature = pair === undefined ? piece : fieldOf(piece, pair.separator, pair.field, seen);
    if (signature === undefined || candidates.length >= maxCandidates) continue;
    if (prefix !== undefined && !signature.startsWith(prefix)) continue;
    const bytes = decodeBytes(signature.slice(prefix?.length ?? 0), encoding);
    if (bytes !== undefined && bytes.length > 0) candidates.push(bytes);
  }
  if (candidates.length === 0) return { ok: false, reason: 'malformed_signature' };
  const fields = Object.fromEntries([...seen].flatMap(([name, value]) => (value === undefined || name === '__proto__' ? [] : [[name, value]])));
  return { ok: true, candidates, fields };
}

/** The value when the piece is the signature's field; other fields are remembered, and one that comes twice is none. */
function fieldOf(piece: string, separator: string, field: string, seen: Map<string, string | undefined>): string | undefined {
  const at = piece.indexOf(separator);
  if (at === -1) return undefined;
  const name = piece.slice(0, at).trim();
  const value = piece.slice(at + separator.length).trim();
  if (name === field) return value;
  seen.set(name, seen.has(name) ? undefined : value);
  return undefined;
}
