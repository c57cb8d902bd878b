/**
 * Signatures of the Standard Webhooks specification: `v1` is HMAC-SHA256, `v1a` is Ed25519, both over
 * `<id>.<timestamp>.<body>` with the body's own bytes. Builds what is sent and parses secrets; computing is the shell's.
 */

export type SecretKind = 'hmac' | 'ed25519';

/** Prefixes of the specification: a symmetric secret, a private and a public key. */
export const secretPrefixes = { hmac: 'whsec_', ed25519: 'whsk_', public: 'whpk_' } as const;

const versions = { hmac: 'v1', ed25519: 'v1a' } as const;

/** Of one secret: its kind and the signature in base64. */
export interface Signature {
  readonly kind: SecretKind;
  readonly base64: string;
}

/** What stands before the body in the signed content. `timestampS` in whole seconds since the epoch. */
export const signedPrefix = (id: string, timestampS: number): string => `${id}.${timestampS}.`;

/** The three headers. Signatures in the order given: the newest secret first. */
export function signatureHeaders(id: string, timestampS: number, signatures: readonly Signature[]): Record<string, string> {
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestampS),
    'webhook-signature': signatures.map(({ kind, base64 }) => `${versions[kind]},${base64}`).join(' '),
  };
}

/** Whether a secret given by a caller has the form `whsec_` and base64 of 24 to 64 bytes. */
export function isSymmetricSecret(secret: string): boolean {
  const base64 = secret.startsWith(secretPrefixes.hmac) ? secret.slice(secretPrefixes.hmac.length) : '';
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(base64)) return false;
  const bytes = (base64.length / 4) * 3 - (base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0);
  return bytes >= 24 && bytes <= 64;
}
