/** Checks what an operator enters for the installation's app against what the manifest asks for. */
import type { ConnectField } from '@evenkeel/contract/manifest/value.ts';
import type { Manifest } from '@evenkeel/contract/manifest/manifest.ts';
import { compileRegex } from '@evenkeel/core/connectors/expressions/regex.ts';

export interface FieldFault {
  readonly path: string;
  readonly message: string;
}

/** Every fault, never with a value in it: most of them are secrets. */
export function appFaults(manifests: readonly Manifest[], entered: Readonly<Record<string, string>>): FieldFault[] {
  const fields = new Map<string, ConnectField>();
  for (const manifest of manifests) for (const field of [...clientFields(manifest), ...(manifest.app_fields ?? [])]) if (!fields.has(field.name)) fields.set(field.name, field);
  const faults: FieldFault[] = [];
  for (const name of Object.keys(entered)) {
    if (!fields.has(name)) faults.push({ path: name, message: `is not a field of this connector's app; there ${fields.size === 0 ? 'are none' : `are ${[...fields.keys()].join(', ')}`}` });
  }
  for (const field of fields.values()) {
    const value = Object.hasOwn(entered, field.name) ? entered[field.name] : undefined;
    const message = value === undefined || value === '' ? (field.required === false ? undefined : 'is required') : valueFault(field, value);
    if (message !== undefined) faults.push({ path: field.name, message });
  }
  return faults;
}

function valueFault({ pattern, options }: ConnectField, value: string): string | undefined {
  if (options !== undefined && !options.some((option) => option.value === value)) return `must be one of ${options.map((option) => option.value).join(', ')}`;
  const compiled = pattern === undefined ? undefined : compileRegex(`^(?:${pattern})$`);
  return compiled?.ok === true && compiled.exec(value) === null ? `does not match ${pattern}` : undefined;
}

/** The OAuth client: an id, and a secret unless every scheme is public. Other schemes may use one, so it may be set. */
function clientFields(manifest: Manifest): ConnectField[] {
  const consents = manifest.auth.filter((scheme) => scheme.type === 'oauth2_code');
  const confidential = consents.some(({ client_auth }) => client_auth !== 'none');
  return [
    { name: 'client_id', label: 'Client id', required: consents.length > 0 },
    { name: 'client_secret', label: 'Client secret', secret: true, required: confidential },
  ];
}
