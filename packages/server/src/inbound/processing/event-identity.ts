/** Keys of an event: what tells it from its repetition, and what it keeps an order with. Parts are told apart by their lengths. */
import { createHash } from 'node:crypto';

function keyOf(parts: readonly string[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:`).update(part);
  return hash.digest();
}

/** `owner`: the account, or the address while no account is found. */
export const dedupeKey = (connectorId: string, owner: string, eventId: string): Buffer => keyOf(['event', connectorId, owner, eventId]);

export const orderKey = (owner: string, key: string | null): Buffer | null => (key === null ? null : keyOf(['order', owner, key]));
