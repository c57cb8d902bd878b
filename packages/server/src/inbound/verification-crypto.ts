/** The cryptography that proves webhooks, by node:crypto. Nothing throws: what is no key or no signature proves nothing. */
import { constants, createHash, createHmac, createPublicKey, timingSafeEqual, verify, X509Certificate, type KeyObject } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { PublicKeyMaterial, VerificationPort } from '@evenkeel/core/inbound/verification-port.ts';

/** Parsing a key costs more than checking with it; a certificate also has times to be held against. */
interface ParsedKey {
  readonly key: KeyObject;
  readonly validFromMs: number;
  readonly validToMs: number;
}
const maxKeys = 256;

export function createVerificationCrypto(): VerificationPort {
  const parsed = new Map<string, ParsedKey | null>();
  const keyOf = (material: PublicKeyMaterial): ParsedKey | null => {
    const name = JSON.stringify(material);
    const known = parsed.get(name);
    if (known !== undefined) return known;
    if (parsed.size >= maxKeys) parsed.clear();
    const made = parseKey(material);
    parsed.set(name, made);
    return made;
  };
  return {
    hash: (algorithm, data) => createHash(algorithm).update(data).digest(),
    hmac: (algorithm, key, data) => createHmac(algorithm, key).update(data).digest(),
    equal: (a, b) => a.length === b.length && timingSafeEqual(a, b),
    verify(algorithm, material, data, signature, atMs) {
      const found = keyOf(material);
      if (found === null || atMs < found.validFromMs || atMs > found.validToMs) return false;
      try {
        return verifyWith(algorithm, found.key, data, signature);
      } catch {
        return false;
      }
    },
    crc32: (data) => crc32(data),
  };
}

/** The 12 bytes of SubjectPublicKeyInfo before a raw Ed25519 key (RFC 8410). */
const ed25519Head = Buffer.from('302a300506032b6570032100', 'hex');

function parseKey(material: PublicKeyMaterial): ParsedKey | null {
  const always = { validFromMs: -Infinity, validToMs: Infinity };
  try {
    switch (material.format) {
      case 'jwk':
        return { key: createPublicKey({ key: material.jwk, format: 'jwk' }), ...always };
      case 'pem':
        return { key: createPublicKey(material.text), ...always };
      case 'spki_base64':
        return { key: createPublicKey({ key: Buffer.from(material.text, 'base64'), format: 'der', type: 'spki' }), ...always };
      case 'raw_hex':
      case 'raw_base64': {
        const raw = Buffer.from(material.text, material.format === 'raw_hex' ? 'hex' : 'base64');
        return raw.length === 32 ? { key: createPublicKey({ key: Buffer.concat([ed25519Head, raw]), format: 'der', type: 'spki' }), ...always } : null;
      }
      case 'certificate': {
        const certificate = new X509Certificate(material.text);
        return { key: certificate.publicKey, validFromMs: certificate.validFromDate.getTime(), validToMs: certificate.validToDate.getTime() };
      }
    }
  } catch {
    return null;
  }
}

type Algorithm = Parameters<VerificationPort['verify']>[0];

/** A key of another kind than the algorithm's is refused before it is used: the same bytes may mean something else to it. */
function verifyWith(algorithm: Algorithm, key: KeyObject, data: Uint8Array, signature: Uint8Array): boolean {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  switch (algorithm) {
    case 'ed25519':
      return type === 'ed25519' && verify(null, data, key, signature);
    case 'ecdsa_p256_sha256':
    case 'ES256':
      return type === 'ec' && details?.namedCurve === 'prime256v1' && verify('sha256', data, { key, dsaEncoding: algorithm === 'ES256' ? 'ieee-p1363' : 'der' }, signature);
    case 'rsa_sha256':
    case 'RS256':
      return type === 'rsa' && (details?.modulusLength ?? 0) >= 2048 && verify('sha256', data, key, signature);
    case 'PS256':
      return type === 'rsa' && (details?.modulusLength ?? 0) >= 2048 && verify('sha256', data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }, signature);
  }
}
