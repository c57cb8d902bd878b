/** The `Link` field (RFC 8288): all links of an answer, read without ever failing on a malformed one. */

export interface Link {
  /** As written; resolve it against the address of the request. */
  readonly target: string;
  /** Relation types, lower case. */
  readonly rels: readonly string[];
  /** Parameters by lower-case name; the first of a name counts. */
  readonly parameters: Readonly<Record<string, string>>;
}

const maxLength = 64 * 1024;

/** Section 3 and appendix B.2 of the RFC; unreadable parts are skipped up to the next link. */
export function parseLinkHeader(value: string): Link[] {
  const text = value.slice(0, maxLength);
  const links: Link[] = [];
  let at = 0;
  for (;;) {
    const open = text.indexOf('<', at);
    const close = open === -1 ? -1 : text.indexOf('>', open);
    if (close === -1) return links;
    const read = readParameters(text, close + 1);
    const rels = (read.parameters['rel'] ?? '').toLowerCase().split(/\s+/).filter((rel) => rel !== '');
    links.push({ target: text.slice(open + 1, close).trim(), rels, parameters: read.parameters });
    at = read.end;
  }
}

/** The first target of a relation, or undefined. */
export function linkTo(rel: string, header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const wanted = rel.toLowerCase();
  return parseLinkHeader(header).find((link) => link.rels.includes(wanted))?.target;
}

const parameter = /\s*;\s*(?:([!#$%&'*+.^_`|~\w-]+)\s*(?:=\s*(?:"((?:[^"\\]|\\[^])*)"|([^\s;,"]*)))?)?/y;

function readParameters(text: string, start: number): { parameters: Record<string, string>; end: number } {
  const parameters: Record<string, string> = {};
  let end = start;
  for (;;) {
    parameter.lastIndex = end;
    const match = parameter.exec(text);
    if (match === null || parameter.lastIndex === end) return { parameters, end };
    end = parameter.lastIndex;
    const name = match[1]?.toLowerCase();
    if (name === undefined || name === '__proto__' || Object.hasOwn(parameters, name)) continue;
    parameters[name] = match[2]?.replaceAll(/\\([^])/g, '$1') ?? match[3] ?? '';
  }
}
