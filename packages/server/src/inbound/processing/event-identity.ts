/** Keys of an event: what tells it from its repetition, and what it keeps an order with. Parts are told apart by their lengths. */
import { hash } from 'node:crypto';

const keyOf = (parts: readonly string[]): Buffer => hash('sha256', parts.map((part) => `${Buffer.byteLength(part)}:${part}`).join(''), 'buffer');

const dedupeBytes = 16;

/** 16 bytes. `owner`: the account, or the address while no account is found. */
export const dedupeKey = (connectorId: string, owner: string, eventId: string): Buffer => keyOf(['event', connectorId, owner, eventId]).subarray(0, dedupeBytes);

/** 32 bytes. */
export const orderKey = (owner: string, key: string | null): Buffer | null => (key === null ? null : keyOf(['order', owner, key]));
