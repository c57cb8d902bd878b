/**
 * What an endpoint's deliveries are signed with, and the values of its custom headers: sealed by the vault, opened in the
 * process that sends. Standard Webhooks: `whsec_` is a shared secret, `whsk_` an Ed25519 private key whose public half
 * `whpk_` is the receiver's.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto';
import { isSymmetricSecret, secretPrefixes, type SecretKind } from '@evenkeel/core/outbound/signature.ts';
import type { Vault } from '../accounts/vault/vault.ts';
import type { Queryable } from '../database/pool.ts';
import { Refusal } from '../http/problem.ts';
import { newId } from '../identifier.ts';

type Sealer = Pick<Vault, 'seal' | 'open'>;

/** An opened secret that signs until `expiresAtMs`; null: until it is replaced. */
export interface SigningKey {
  readonly kind: SecretKind;
  readonly key: Buffer | KeyObject;
  readonly expiresAtMs: number | null;
}

/** PKCS#8 of an Ed25519 key is this head and the 32 bytes of the seed (RFC 8410). */
const pkcs8Head = Buffer.from('302e020100300506032b657004220420', 'hex');

const bindingOf = (id: string) => ({ purpose: 'signing_secret', subject: id }) as const;

/** Makes or takes a secret and stores it. Returns what the receiver verifies with. */
export async function addSecret(client: Queryable, vault: Sealer, endpointId: string, wanted: { kind: SecretKind; given: string | undefined }): Promise<{ kind: SecretKind; value: string }> {
  const { plain, shown } = wanted.kind === 'hmac' ? symmetric(wanted.given) : asymmetric(wanted.given);
  const id = newId('sec');
  await client.query(`insert into endpoint_secrets (id, endpoint_id, kind, sealed) values ($1, $2, $3, $4)`, [id, endpointId, wanted.kind, vault.seal(bindingOf(id), plain)]);
  return { kind: wanted.kind, value: shown };
}

function symmetric(given: string | undefined): { plain: Buffer; shown: string } {
  if (given === undefined) {
    const plain = randomBytes(32);
    return { plain, shown: secretPrefixes.hmac + plain.toString('base64') };
  }
  if (!isSymmetricSecret(given)) throw new Refusal('invalid_request', 'The secret has to be whsec_ followed by 24 to 64 random bytes in base64. Leave it out and one is made.');
  return { plain: Buffer.from(given.slice(secretPrefixes.hmac.length), 'base64'), shown: given };
}

function asymmetric(given: string | undefined): { plain: Buffer; shown: string } {
  if (given !== undefined) throw new Refusal('invalid_request', 'An ed25519 key is made here, so that its private half exists once. Leave secret out.');
  const { privateKey } = generateKeyPairSync('ed25519');
  const plain = privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(pkcs8Head.length);
  return { plain, shown: secretPrefixes.public + publicHalf(privateKey).toString('base64') };
}

const publicHalf = (privateKey: KeyObject): Buffer => createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(-32);

/** Former secrets sign for so long more, but none longer than it was going to. Returns until when the last of them signs. */
export async function expireSecrets(client: Queryable, endpointId: string, overlapS: number): Promise<Date | null> {
  await client.query(`delete from endpoint_secrets where endpoint_id = $1 and kind <> 'headers' and ($2 = 0 or expires_at < now())`, [endpointId, overlapS]);
  const { rows } = await client.query<{ until: Date | null }>(
    `with expiring as (
       update endpoint_secrets set expires_at = least(coalesce(expires_at, 'infinity'), now() + $2 * interval '1 s')
       where endpoint_id = $1 and kind <> 'headers'
       returning expires_at
     )
     select max(expires_at) as until from expiring`,
    [endpointId, overlapS],
  );
  return rows[0]?.until ?? null;
}

/** Replaces all custom headers; an empty record removes them. */
export async function storeHeaders(client: Queryable, vault: Sealer, endpointId: string, headers: Readonly<Record<string, string>>): Promise<void> {
  await client.query(`delete from endpoint_secrets where endpoint_id = $1 and kind = 'headers'`, [endpointId]);
  if (Object.keys(headers).length === 0) return;
  const id = newId('sec');
  await client.query(`insert into endpoint_secrets (id, endpoint_id, kind, sealed) values ($1, $2, 'headers', $3)`, [id, endpointId, vault.seal(bindingOf(id), Buffer.from(JSON.stringify(headers)))]);
}

export interface OpenedSecrets {
  /** Newest first. */
  readonly keys: readonly SigningKey[];
  readonly headers: Readonly<Record<string, string>>;
}

/** Opens what stands stored for an endpoint. Throws SealBroken when it cannot be opened. */
export async function openSecrets(database: Queryable, vault: Sealer, endpointId: string): Promise<OpenedSecrets> {
  const { rows } = await database.query<{ id: string; kind: SecretKind | 'headers'; sealed: Buffer; expires_at: Date | null }>(
    `select id, kind, sealed, expires_at from endpoint_secrets where endpoint_id = $1 order by created_at desc, id desc`,
    [endpointId],
  );
  const keys: SigningKey[] = [];
  let headers: Record<string, string> = {};
  for (const { id, kind, sealed, expires_at: expiresAt } of rows) {
    const plain = vault.open(bindingOf(id), sealed);
    if (kind === 'headers') headers = JSON.parse(plain.toString('utf8')) as Record<string, string>;
    else keys.push({ kind, key: kind === 'hmac' ? plain : createPrivateKey({ key: Buffer.concat([pkcs8Head, plain]), format: 'der', type: 'pkcs8' }), expiresAtMs: expiresAt?.getTime() ?? null });
  }
  return { keys, headers };
}
