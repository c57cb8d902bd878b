/** Captured values on their way into the database: only what PostgreSQL's JSON can hold, merged over what is there. */
import type { Queryable } from '../database/pool.ts';
import type { JsonObject } from './account-store.ts';

/** A copy without NUL characters, which jsonb refuses, and without what JSON drops. */
export function storable(values: Readonly<JsonObject>): JsonObject {
  const clean = (_key: string, value: unknown): unknown => (typeof value === 'string' ? value.replaceAll('\0', '').toWellFormed() : value);
  return JSON.parse(JSON.stringify(values, clean)) as JsonObject;
}

export async function mergeCaptures(client: Queryable, accountId: string, captured: Readonly<JsonObject>): Promise<void> {
  if (Object.keys(captured).length === 0) return;
  await client.query('update accounts set captured = captured || $2::jsonb, updated_at = now() where id = $1', [accountId, storable(captured)]);
}
