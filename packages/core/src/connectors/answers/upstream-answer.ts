/** An answer of a vendor as the readers see it: status, lower-case headers and the parsed body. */

export interface UpstreamAnswer {
  readonly status: number;
  /** Lower-case names; several fields of one name are joined with ", ". */
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed by its format; a text for formats without structure, undefined when there is none. */
  readonly body: unknown;
}

/**
 * What an expression of a manifest sees of an answer: `status`, `headers` and `body` at the top, the same again under
 * `response`, and the further roots of the moment (`page`, `input`).
 */
export function expressionInput(answer: UpstreamAnswer, further: object = {}): object {
  const { status, headers, body } = answer;
  const response = { status, headers, body };
  return { ...further, ...response, response };
}

/** Header fields of any shape as one lower-case map; values of one name are joined as RFC 9110 section 5.3 allows. */
export function headerMap(headers: Readonly<Record<string, string | readonly string[] | undefined>>): Record<string, string> {
  const map: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue;
    const lower = name.toLowerCase();
    if (lower === '__proto__') continue;
    const text = typeof value === 'string' ? value : value.join(', ');
    const present = Object.hasOwn(map, lower) ? map[lower] : undefined;
    map[lower] = present === undefined ? text : `${present}, ${text}`;
  }
  return map;
}
