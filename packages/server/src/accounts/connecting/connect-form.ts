/** The connect form as data: what a scheme asks for, and what a submission makes of it. */
import type { ConnectField } from '@evenkeel/contract/manifest/value.ts';
import type { CompiledScheme } from '@evenkeel/core/connectors/connector.ts';
import type { JsonObject } from '../account-store.ts';

export const fieldsOf = (scheme: CompiledScheme): readonly ConnectField[] => scheme.source.fields ?? [];

const longestValue = 16_384;

export type Submission =
  | { readonly ok: true; readonly config: JsonObject; readonly secret: JsonObject }
  /** `kept` are the non-secret values to show again; faults are by field name. */
  | { readonly ok: false; readonly kept: JsonObject; readonly faults: ReadonlyMap<string, string> };

/** Checks a submission against the fields: presence, pattern over the whole value, options. Unknown names are ignored. */
export function readSubmission(fields: readonly ConnectField[], form: URLSearchParams): Submission {
  const config: JsonObject = {};
  const secret: JsonObject = {};
  const faults = new Map<string, string>();
  for (const field of fields) {
    const value = cleaned(field, form.get(field.name) ?? '');
    const fault = faultOf(field, value);
    if (fault !== undefined) faults.set(field.name, fault);
    if (value === '') continue;
    if (field.secret === true) secret[field.name] = value;
    else config[field.name] = value;
  }
  return faults.size === 0 ? { ok: true, config, secret } : { ok: false, kept: config, faults };
}

/** Pasted values come with white space around them; only a text area may mean it (a key ends in a line break). */
function cleaned(field: ConnectField, value: string): string {
  const text = value.replaceAll('\r\n', '\n').replaceAll('\0', '').toWellFormed();
  return field.type === 'textarea' ? (text.trim() === '' ? '' : text) : text.trim();
}

function faultOf(field: ConnectField, value: string): string | undefined {
  if (value === '') return field.required === false ? undefined : `${field.label} is needed.`;
  if (value.length > longestValue) return `${field.label} is longer than ${longestValue} characters.`;
  if (field.options !== undefined && !field.options.some((option) => option.value === value)) return `Choose one of the options for ${field.label}.`;
  if (field.pattern !== undefined && !new RegExp(`^(?:${field.pattern})$`, 'u').test(value)) {
    return field.help === undefined ? `${field.label} does not have the form that is expected.` : `${field.label} does not have the form that is expected. ${field.help}`;
  }
  return undefined;
}
