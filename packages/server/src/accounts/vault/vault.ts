/**
 * Sealing: AES-256-GCM envelopes under the installation's master key. Each envelope has its own key, derived from the
 * master key and a random salt (HKDF-SHA256, RFC 5869), so that nonces can never meet however many are sealed. What an
 * envelope is for and whose it is are authenticated with it: one account's envelope cannot be opened as another's.
 */
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';

/** What an envelope holds and whose it is, e.g. `{purpose: 'credential', subject: 'acc_…'}`. */
export interface Binding {
  readonly purpose: 'credential' | 'oauth_state' | 'app' | 'canary' | 'signing_secret' | 'inbound_address';
  readonly subject: string;
}

export interface Vault {
  /** Names the master key that seals now; stored beside each envelope so that a rotation finds the old ones. */
  readonly keyId: string;
  /** The key this vault was made to seal with: the one that seals after the next rotation, when it does not yet. */
  readonly masterKeyId: string;
  /** Every key that is loaded. */
  readonly keyIds: readonly string[];
  /** Seals with another loaded key from now on. Throws for one that is not loaded. */
  sealWith(keyId: string): void;
  seal(binding: Binding, plain: Uint8Array): Buffer;
  /** Throws `SealBroken` for an envelope that is damaged, bound to something else or under a key that is not loaded. */
  open(binding: Binding, envelope: Uint8Array): Buffer;
  sealJson(binding: Binding, value: unknown): Buffer;
  openJson(binding: Binding, envelope: Uint8Array): unknown;
}

/** Says what could not be opened, never what it holds. */
export class SealBroken extends Error {
  override readonly name = 'SealBroken';
}

const format = 1;
const [keyIdBytes, saltBytes, nonceBytes, tagBytes] = [8, 16, 12, 16];
const headBytes = 1 + keyIdBytes + saltBytes + nonceBytes;

/** A fingerprint of a master key that tells nothing about it. */
export function keyIdOf(masterKey: Uint8Array): string {
  return createHash('sha256').update('evenkeel master key id\0').update(masterKey).digest('hex').slice(0, keyIdBytes * 2);
}

/** Which master key sealed an envelope; the database reads the same bytes (0006_vault.sql). */
const sealerOf = (head: Uint8Array): string => Buffer.from(head.subarray(1, 1 + keyIdBytes)).toString('hex');

/** Seals with `masterKey` until told otherwise; `others` open what they sealed. Keys are 32 bytes. */
export function createVault(masterKey: Uint8Array, others: readonly Uint8Array[] = []): Vault {
  const keys = new Map<string, Uint8Array>();
  for (const key of [...others, masterKey]) {
    if (key.length !== 32) throw new Error('A master key must have 32 bytes.');
    keys.set(keyIdOf(key), key);
  }
  const masterKeyId = keyIdOf(masterKey);
  let sealing = { keyId: masterKeyId, key: masterKey };

  const seal = (binding: Binding, plain: Uint8Array): Buffer => {
    const head = Buffer.concat([Buffer.of(format), Buffer.from(sealing.keyId, 'hex'), randomBytes(saltBytes + nonceBytes)]);
    const cipher = createCipheriv('aes-256-gcm', envelopeKey(sealing.key, head), nonceOf(head), { authTagLength: tagBytes });
    cipher.setAAD(associated(head, binding));
    const body = Buffer.concat([cipher.update(plain), cipher.final()]);
    return Buffer.concat([head, body, cipher.getAuthTag()]);
  };

  const open = (binding: Binding, envelope: Uint8Array): Buffer => {
    const bytes = Buffer.from(envelope.buffer, envelope.byteOffset, envelope.byteLength);
    if (bytes.length < headBytes + tagBytes || bytes[0] !== format) throw broken(binding, 'it is not an envelope of this version');
    const head = bytes.subarray(0, headBytes);
    const sealedBy = sealerOf(head);
    const key = keys.get(sealedBy);
    if (key === undefined) throw broken(binding, `it was sealed with master key ${sealedBy}, which is not loaded`);
    const decipher = createDecipheriv('aes-256-gcm', envelopeKey(key, head), nonceOf(head), { authTagLength: tagBytes });
    decipher.setAAD(associated(head, binding));
    decipher.setAuthTag(bytes.subarray(bytes.length - tagBytes));
    try {
      return Buffer.concat([decipher.update(bytes.subarray(headBytes, bytes.length - tagBytes)), decipher.final()]);
    } catch {
      throw broken(binding, 'it was damaged, or belongs to something else');
    }
  };

  return {
    get keyId() {
      return sealing.keyId;
    },
    masterKeyId,
    keyIds: [...keys.keys()],
    sealWith(keyId) {
      const key = keys.get(keyId);
      if (key === undefined) throw new Error(`Master key ${keyId} is not loaded.`);
      sealing = { keyId, key };
    },
    seal,
    open,
    sealJson: (binding, value) => seal(binding, Buffer.from(JSON.stringify(value), 'utf8')),
    openJson: (binding, envelope) => {
      const parsed: unknown = JSON.parse(open(binding, envelope).toString('utf8'));
      return parsed;
    },
  };
}

function envelopeKey(masterKey: Uint8Array, head: Buffer): Buffer {
  const salt = head.subarray(1 + keyIdBytes, 1 + keyIdBytes + saltBytes);
  return Buffer.from(hkdfSync('sha256', masterKey, salt, 'evenkeel envelope', 32));
}

const nonceOf = (head: Buffer): Buffer => head.subarray(headBytes - nonceBytes, headBytes);

/** Length-prefixed, so that no two bindings read the same. */
function associated(head: Buffer, { purpose, subject }: Binding): Buffer {
  return Buffer.concat([head, Buffer.from(`${purpose.length}:${purpose}${subject.length}:${subject}`, 'utf8')]);
}

const broken = (binding: Binding, why: string): SealBroken => new SealBroken(`The sealed ${binding.purpose} of ${binding.subject} cannot be opened: ${why}.`);
