/** The cryptography that proving a webhook needs, as a port: core decides what is checked against what, the server computes it. */
import type { HashAlgorithm } from '../connectors/requests/crypto-port.ts';

export type PublicKeyAlgorithm = 'ed25519' | 'ecdsa_p256_sha256' | 'rsa_sha256';
/** The asymmetric algorithms of RFC 7518 that a token may be signed with. */
export type TokenAlgorithm = 'ES256' | 'RS256' | 'PS256';

/** A public key as it came; `jwk` is RFC 7517, `certificate` an X.509 certificate in PEM. */
export type PublicKeyMaterial =
  | { readonly format: 'pem' | 'spki_base64' | 'raw_hex' | 'raw_base64' | 'certificate'; readonly text: string }
  | { readonly format: 'jwk'; readonly jwk: Readonly<Record<string, unknown>> };

/** All calls are synchronous, pure and never throw: a key that is none, or of another kind than the algorithm's, proves nothing. */
export interface VerificationPort {
  hash(algorithm: HashAlgorithm, data: Uint8Array): Uint8Array;
  hmac(algorithm: HashAlgorithm, key: Uint8Array, data: Uint8Array): Uint8Array;
  /** In a time that does not depend on where the two differ; false for different lengths. */
  equal(a: Uint8Array, b: Uint8Array): boolean;
  /** Signatures of `ecdsa_p256_sha256` are DER, those of `ES256` r and s side by side. A certificate must be valid at `atMs`. */
  verify(algorithm: PublicKeyAlgorithm | TokenAlgorithm, key: PublicKeyMaterial, data: Uint8Array, signature: Uint8Array, atMs: number): boolean;
  /** CRC-32 as of ISO 3309, unsigned. */
  crc32(data: Uint8Array): number;
}
