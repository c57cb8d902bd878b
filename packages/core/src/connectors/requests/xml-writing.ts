/**
 * XML out of JSON: members become elements, arrays repeat their element, `@name` is an attribute and `#text` the text
 * beside attributes. Names are checked and text is escaped, so that no value can add markup (XML 1.0).
 */
import { callerFailure } from './request-failure.ts';
import { toTextOrAbsent } from '../values/template.ts';

const xmlName = /^[A-Za-z_][A-Za-z0-9._-]*(:[A-Za-z_][A-Za-z0-9._-]*)?$/;
// What XML 1.0 cannot hold at all, escaped or not.
const illegal = /[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;
const maxDepth = 64;

/** A document of one root element. Throws a RequestFailure for names and characters that XML does not have. */
export function writeXml(root: string, attributes: Readonly<Record<string, unknown>>, value: unknown): string {
  return `<?xml version="1.0" encoding="UTF-8"?>${element(root, value, maxDepth, attributes)}`;
}

function element(name: string, value: unknown, depth: number, attributes: Readonly<Record<string, unknown>> = {}): string {
  if (!xmlName.test(name)) throw callerFailure(`${JSON.stringify(name.slice(0, 80))} is not a name XML allows.`);
  if (depth === 0) throw callerFailure('The XML body nests too deeply.');
  if (value === undefined) return '';
  if (Array.isArray(value)) return value.map((member) => element(name, member, depth - 1, attributes)).join('');
  let tag = writeAttributes(attributes);
  let content = '';
  if (typeof value === 'object' && value !== null) {
    for (const [key, member] of Object.entries(value)) {
      if (key === '#text') content += escapeText(toTextOrAbsent(member) ?? '');
      else if (key.startsWith('@')) tag += writeAttributes({ [key.slice(1)]: member as unknown });
      else content += element(key, member, depth - 1);
    }
  } else content = escapeText(toTextOrAbsent(value) ?? '');
  return content === '' ? `<${name}${tag}/>` : `<${name}${tag}>${content}</${name}>`;
}

function writeAttributes(attributes: Readonly<Record<string, unknown>>): string {
  let written = '';
  for (const [name, value] of Object.entries(attributes)) {
    const text = toTextOrAbsent(value);
    if (text === undefined) continue;
    if (!xmlName.test(name)) throw callerFailure(`${JSON.stringify(name.slice(0, 80))} is not a name XML allows.`);
    written += ` ${name}="${escapeText(text).replaceAll('"', '&quot;').replaceAll('\n', '&#10;').replaceAll('\t', '&#9;')}"`;
  }
  return written;
}

function escapeText(text: string): string {
  const wellFormed = text.toWellFormed();
  if (illegal.test(wellFormed)) throw callerFailure('A value holds a control character, which XML cannot carry.');
  return wellFormed.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('\r', '&#13;');
}
