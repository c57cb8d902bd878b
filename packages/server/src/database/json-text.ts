/** JSON as PostgreSQL can hold it: jsonb, and text made of json, take neither NUL nor half of a surrogate pair, and vendors send both. */
export function jsonText(value: unknown): string {
  const json = JSON.stringify(value);
  if (!/\\u(?:0000|d[89a-f])/i.test(json)) return json;
  return JSON.stringify(value, (_name, member: unknown) => (typeof member === 'string' ? member.replaceAll('\0', '').toWellFormed() : member));
}
