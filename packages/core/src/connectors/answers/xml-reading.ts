/**
 * XML answers as plain data: an element is its text or an object of its children, attributes are prefixed with "@",
 * the text beside them is "#text", namespace prefixes are dropped, repeated elements are arrays, values stay strings.
 * Document type declarations are refused, so no entity is ever defined, fetched or expanded but the predefined ones.
 */
import { XMLParser, XMLValidator } from 'fast-xml-parser';

const maxDepth = 100;

export type XmlReading = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly truncated: boolean; readonly detail: string };

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  textNodeName: '#text',
  removeNSPrefix: true,
  parseTagValue: false,
  parseAttributeValue: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
  htmlEntities: true,
  processEntities: { enabled: true, maxTotalExpansions: 1_000_000, maxExpandedLength: 100_000_000 },
  maxNestedTags: maxDepth,
});

/** Never throws. Names such as `__proto__` make the answer unreadable. */
export function parseXml(text: string): XmlReading {
  if (/<!DOCTYPE/i.test(text)) return { ok: false, truncated: false, detail: 'it holds a document type declaration, which is refused' };
  try {
    const valid = XMLValidator.validate(text);
    if (valid !== true) return { ok: false, truncated: !text.trimEnd().endsWith('>') || unclosed(valid.err.msg), detail: `it is not well-formed XML at line ${valid.err.line}` };
    const value: unknown = parser.parse(text);
    return { ok: true, value };
  } catch (thrown) {
    const said = thrown instanceof Error ? thrown.message.slice(0, 120) : 'it cannot be parsed';
    return { ok: false, truncated: false, detail: `it is XML that is not accepted: ${said}` };
  }
}

/** The validator reports elements still open at the end as a list of their names. */
function unclosed(message: string): boolean {
  return message.startsWith("Invalid '[");
}
