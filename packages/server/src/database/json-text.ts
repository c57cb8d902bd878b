/** Escapes of what PostgreSQL cannot hold in jsonb, or in text made of json: NUL, and half of a surrogate pair. Vendors send both. */
const unstorable = /\\u(?:0000|d[89a-f])/i;

/** JSON as PostgreSQL can hold it. */
export function jsonText(value: unknown): string {
  const json = JSON.stringify(value);
  if (!unstorable.test(json)) return json;
  return JSON.stringify(value, (_name, member: unknown) => (typeof member === 'string' ? member.replaceAll('\0', '').toWellFormed() : member));
}

/** The value itself, or a copy of it without what PostgreSQL cannot hold. */
export function storableJson(value: object): object {
  const json = JSON.stringify(value);
  return unstorable.test(json) ? (JSON.parse(jsonText(value)) as object) : value;
}

/** Text as PostgreSQL can hold it. */
export function storableText(text: string | null): string | null {
  return text === null ? null : text.replaceAll('\0', '').toWellFormed();
}
