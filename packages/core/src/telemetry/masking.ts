/**
 * What evidence may show of a call. Secrets are masked by the name of what holds them, and wherever a value known to be
 * secret for this account stands, plain, percent-encoded or in base64. Masking is applied to text that is already bounded.
 */
import { base64, percentEncode, toBytes } from '../connectors/values/bytes.ts';

export const mask = '[masked]';

const secretName = /auth|token|secret|api[-_]?key|cookie|passw|signature|session|credential|private[-_]?key|^key$|^code$|^jwt$/i;
/** Members of JSON and fields of forms and queries whose names tell a secret. */
const names = String.raw`[\w.-]*(?:token|secret|passw(?:or)?d|api[-_]?key|private[-_]?key|assertion|authorization)[\w.-]*`;
const jsonMember = new RegExp(String.raw`("${names}"\s*:\s*)"(?:[^"\\]|\\.)*("?)`, 'gi');
const formField = new RegExp(String.raw`((?:^|[?&\s])${names}=)[^&\s]*`, 'gi');
const bearer = /\b(Bearer|Basic|Token)\s+[A-Za-z0-9._~+/=-]{8,}/g;

/** Members of a credential that are no secret and appear in ordinary text. */
const harmlessMembers = new Set(['token_type', 'scope', 'expires_at', 'client_id', 'username']);

/** Shorter values are too likely to be ordinary text; masking them would destroy the evidence. */
const minSecretLength = 6;

export type Masker = (text: string) => string;

/** `sources` are the secret parts of a scope (credential, token, app); every string in them is masked. */
export function createMasker(sources: readonly unknown[]): Masker {
  const secrets = new Set<string>();
  for (const source of sources) collect(source, secrets, 0);
  const forms = [...secrets].flatMap((secret) => [secret, percentEncode(secret), base64Core(secret), JSON.stringify(secret).slice(1, -1)]);
  const ordered = [...new Set(forms)].filter((form) => form.length >= minSecretLength).toSorted((a, b) => b.length - a.length);
  return (text) => {
    let masked = text;
    for (const form of ordered) if (masked.includes(form)) masked = masked.replaceAll(form, mask);
    return masked
      .replace(jsonMember, `$1"${mask}"`)
      .replace(formField, `$1${mask}`)
      .replace(bearer, `$1 ${mask}`);
  };
}

/** Headers as evidence: one line a name, secret ones blanked. */
export function maskHeaders(headers: Readonly<Record<string, string | readonly string[] | undefined>>, masker: Masker): Record<string, string> {
  const shown: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || name === '__proto__') continue;
    const text = typeof value === 'string' ? value : value.join(', ');
    shown[name] = secretName.test(name) ? mask : masker(text.slice(0, 1024));
  }
  return shown;
}

function collect(source: unknown, secrets: Set<string>, depth: number): void {
  if (typeof source === 'string') {
    if (source.length >= minSecretLength) secrets.add(source);
  } else if (typeof source === 'object' && source !== null && depth < 6) {
    for (const [name, value] of Object.entries(source)) if (!harmlessMembers.has(name)) collect(value, secrets, depth + 1);
  }
}

/** The part of a value's base64 form that stays the same whatever follows it, as in Basic credentials. */
function base64Core(secret: string): string {
  const whole = toBytes(secret).length;
  return base64(toBytes(secret).subarray(0, whole - (whole % 3)));
}
