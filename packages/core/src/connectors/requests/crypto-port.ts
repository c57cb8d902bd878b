/**
 * The cryptography that core needs, as a port: core decides what is hashed and signed, the server computes it.
 * All calls are synchronous and pure; the same input gives the same output but for the random parts of PS256 and ES256.
 */

export type HashAlgorithm = 'sha1' | 'sha256' | 'sha512';
/** The JWS names of RFC 7518; `ES256` yields the 64-byte concatenation of r and s. */
export type SignatureAlgorithm = 'RS256' | 'PS256' | 'ES256';

export interface CryptoPort {
  hash(algorithm: HashAlgorithm, data: Uint8Array): Uint8Array;
  hmac(algorithm: HashAlgorithm, key: Uint8Array, data: Uint8Array): Uint8Array;
  /** `pem` is a private key in PKCS#8, PKCS#1 or SEC1 PEM; throws when it is none. */
  sign(algorithm: SignatureAlgorithm, pem: string, data: Uint8Array): Uint8Array;
}
