/** The cryptography that core's signing schemes need, by node:crypto. Synchronous: inputs are of a request's own size. */
import { constants, createHash, createHmac, createPrivateKey, sign, type KeyObject } from 'node:crypto';
import type { CryptoPort, SignatureAlgorithm } from '@evenkeel/core/connectors/requests/crypto-port.ts';

/** Parsing a key costs a thousand times a signature's bookkeeping; the PEM text is kept as the map's key, not logged. */
const maxKeys = 256;

/** Throws from `sign` when the PEM holds no private key; the message does not quote it. */
export function createCrypto(): CryptoPort {
  const keys = new Map<string, KeyObject>();
  const keyOf = (pem: string): KeyObject => {
    let key = keys.get(pem);
    if (key === undefined) {
      key = parseKey(pem);
      if (keys.size >= maxKeys) keys.clear();
      keys.set(pem, key);
    }
    return key;
  };
  return {
    hash: (algorithm, data) => createHash(algorithm).update(data).digest(),
    hmac: (algorithm, key, data) => createHmac(algorithm, key).update(data).digest(),
    sign: (algorithm, pem, data) => signData(algorithm, keyOf(pem), data),
  };
}

function parseKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    throw new Error('The private key of the credential is not a PEM private key. Paste the whole file, its BEGIN and END lines included.');
  }
}

function signData(algorithm: SignatureAlgorithm, key: KeyObject, data: Uint8Array): Uint8Array {
  switch (algorithm) {
    case 'RS256':
      return sign('sha256', data, key);
    case 'PS256':
      return sign('sha256', data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 });
    case 'ES256':
      return sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' });
  }
}
