/** The identity of a manifest's content, whatever the order of its keys and its white space. */
import { createHash } from 'node:crypto';

/** SHA-256 in hex of the canonical JSON (RFC 8785: sorted keys, ECMAScript numbers) of parsed JSON. */
export function manifestDigest(manifest: unknown): string {
  return createHash('sha256').update(canonicalJson(manifest)).digest('hex');
}

/** One text grown member by member: lists of members would be most of the memory of a start. */
function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  let text = '';
  if (Array.isArray(value)) {
    for (const member of value as unknown[]) text += `${text === '' ? '' : ','}${canonicalJson(member)}`;
    return `[${text}]`;
  }
  // By UTF-16 code units, as RFC 8785 has it.
  for (const key of Object.keys(value).sort()) text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${canonicalJson((value as Record<string, unknown>)[key])}`;
  return `{${text}}`;
}
