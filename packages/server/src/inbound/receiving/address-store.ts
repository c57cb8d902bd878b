/**
 * Inbound addresses as rows: who they belong to, by a hash of their token. The envelope keeps the token, so that the
 * address can be shown again, and the secrets that handshakes and registrations made for it.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Queryable } from '../../database/pool.ts';
import { newId } from '../../identifier.ts';
import type { Vault } from '../../accounts/vault/vault.ts';

export const addressChannel = 'evenkeel_inbound_addresses';

export interface AddressOwner {
  readonly connectorId: string;
  /** Null: the installation's app. */
  readonly accountId: string | null;
}
export interface Address extends AddressOwner {
  readonly id: string;
  readonly token: string;
  readonly secret: Readonly<Record<string, unknown>>;
  readonly version: number;
  readonly closed: boolean;
}

interface AddressRow {
  id: string;
  connector_id: string;
  account_id: string | null;
  sealed: Buffer;
  version: number;
  closed_at: Date | null;
}

const columns = 'id, connector_id, account_id, sealed, version, closed_at';
const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest();

export async function findAddressByToken(database: Queryable, vault: Vault, connectorId: string, token: string): Promise<Address | undefined> {
  const { rows } = await database.query<AddressRow>({
    name: 'find-inbound-address',
    text: `select ${columns} from inbound_addresses where token_hash = $1 and connector_id = $2`,
    values: [hashOf(token), connectorId],
  });
  return rows[0] === undefined ? undefined : parse(vault, rows[0]);
}

export async function findAddress(database: Queryable, vault: Vault, owner: AddressOwner): Promise<Address | undefined> {
  const { rows } = await database.query<AddressRow>(`select ${columns} from inbound_addresses where connector_id = $1 and coalesce(account_id, '') = $2`, [owner.connectorId, owner.accountId ?? '']);
  return rows[0] === undefined ? undefined : parse(vault, rows[0]);
}

/** The address of an owner, made when there is none. Two nodes at once make one. */
export async function ensureAddress(database: Queryable, vault: Vault, owner: AddressOwner): Promise<Address> {
  const present = await findAddress(database, vault, owner);
  if (present !== undefined) return present;
  const id = newId('iad');
  const token = randomBytes(24).toString('base64url');
  await database.query(
    `with made as (
       insert into inbound_addresses (id, connector_id, account_id, token_hash, sealed)
       values ($1, $2, $3, $4, $5)
       on conflict (connector_id, coalesce(account_id, '')) do nothing
       returning id
     )
     select pg_notify('${addressChannel}', id) from made`,
    [id, owner.connectorId, owner.accountId, hashOf(token), vault.sealJson({ purpose: 'inbound_address', subject: id }, { token, secret: {} })],
  );
  const made = await findAddress(database, vault, owner);
  if (made === undefined) throw new Error(`the inbound address of ${owner.accountId ?? owner.connectorId} was removed while it was made`);
  return made;
}

/** Adds secrets to an address; false when it is closed. `unlessSet`: only when none of the names has a value yet; false when one has. */
export async function addAddressSecrets(client: Queryable, vault: Vault, id: string, secrets: Readonly<Record<string, unknown>>, unlessSet = false): Promise<boolean> {
  const { rows } = await client.query<AddressRow>(`select ${columns} from inbound_addresses where id = $1 and closed_at is null for update`, [id]);
  const [row] = rows;
  if (row === undefined) return false;
  const { token, secret } = parse(vault, row);
  if (unlessSet && Object.keys(secrets).some((name) => secret[name] !== undefined)) return false;
  await client.query(`update inbound_addresses set sealed = $2, version = version + 1 where id = $1`, [id, vault.sealJson({ purpose: 'inbound_address', subject: id }, { token, secret: { ...secret, ...secrets } })]);
  await client.query(`select pg_notify('${addressChannel}', $1)`, [id]);
  return true;
}

/** Of a deleted account: nothing is taken there any more, and its secrets are erased. */
export async function closeAddress(client: Queryable, vault: Vault, owner: AddressOwner): Promise<void> {
  const address = await findAddress(client, vault, owner);
  if (address === undefined) return;
  await client.query('update inbound_addresses set closed_at = now(), sealed = $2, version = version + 1 where id = $1', [
    address.id,
    vault.sealJson({ purpose: 'inbound_address', subject: address.id }, { token: address.token, secret: {} }),
  ]);
  await client.query(`select pg_notify('${addressChannel}', $1)`, [address.id]);
}

function parse(vault: Vault, row: AddressRow): Address {
  const { token, secret } = vault.openJson({ purpose: 'inbound_address', subject: row.id }, row.sealed) as Pick<Address, 'token' | 'secret'>;
  return { id: row.id, connectorId: row.connector_id, accountId: row.account_id, token, secret, version: row.version, closed: row.closed_at !== null };
}

export const addressUrl = (publicUrl: string, { connectorId, token }: Pick<Address, 'connectorId' | 'token'>): string => `${publicUrl}/v1/inbound/${connectorId}/${token}`;
