/** Endpoints in PostgreSQL. Every change makes a new revision, which nodes notice before the next delivery. */
import { likePatternOf } from '@evenkeel/core/outbound/event-filter.ts';
import type { Queryable } from '../database/pool.ts';
import { newId } from '../identifier.ts';

export interface EndpointSettings {
  readonly url: string;
  readonly description: string;
  readonly event_types: readonly string[];
  readonly rate_limit: number | null;
  readonly max_in_flight: number;
  readonly ordered: boolean;
  readonly timeout_ms: number;
  readonly retry_schedule_ms: readonly number[] | null;
  readonly contact_email: string | null;
  readonly header_names: readonly string[];
}

export interface EndpointRow extends EndpointSettings {
  readonly id: string;
  readonly tenant_id: string | null;
  readonly disabled_at: Date | null;
  readonly disabled_reason: 'manual' | 'gone' | 'failing' | null;
  readonly revision: number;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly failures: number;
  readonly opened: number;
  readonly failing_since: Date | null;
  readonly resume_at: Date | null;
}

export const defaultSettings = { description: '', rate_limit: null, max_in_flight: 16, ordered: false, timeout_ms: 15_000, retry_schedule_ms: null, contact_email: null } as const;

const columns = `e.id, e.tenant_id, e.url, e.description, e.event_types, e.rate_limit, e.max_in_flight, e.ordered, e.timeout_ms, e.retry_schedule_ms::float8[] as retry_schedule_ms,
  e.contact_email, e.header_names, e.disabled_at, e.disabled_reason, e.revision, e.created_at, e.updated_at, l.failures, l.opened, l.failing_since, l.resume_at`;

const valuesOf = (settings: EndpointSettings): unknown[] => [
  settings.url,
  settings.description,
  settings.event_types,
  settings.event_types.map(likePatternOf),
  settings.rate_limit,
  settings.max_in_flight,
  settings.ordered,
  settings.timeout_ms,
  settings.retry_schedule_ms,
  settings.contact_email,
  settings.header_names,
];

/** Makes the endpoint and its lane. Returns its id. */
export async function insertEndpoint(client: Queryable, tenantId: string | null, settings: EndpointSettings): Promise<string> {
  const id = newId('ep');
  await client.query(
    `insert into endpoints (url, description, event_types, type_patterns, rate_limit, max_in_flight, ordered, timeout_ms, retry_schedule_ms, contact_email, header_names, id, tenant_id)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
    [...valuesOf(settings), id, tenantId],
  );
  await client.query('insert into delivery_lanes (endpoint_id) values ($1)', [id]);
  return id;
}

export async function updateEndpoint(client: Queryable, id: string, settings: EndpointSettings): Promise<void> {
  await client.query(
    `update endpoints
     set url = $1, description = $2, event_types = $3, type_patterns = $4, rate_limit = $5, max_in_flight = $6, ordered = $7, timeout_ms = $8,
       retry_schedule_ms = $9, contact_email = $10, header_names = $11, revision = revision + 1, updated_at = now()
     where id = $12`,
    [...valuesOf(settings), id],
  );
}

/** A key that belongs to a tenant sees that tenant's endpoints only; `tenantId` null sees all. Deleted ones are unknown. */
export async function findEndpoint(database: Queryable, id: string, tenantId: string | null, lock: '' | 'for update of e' = ''): Promise<EndpointRow | undefined> {
  const { rows } = await database.query<EndpointRow>(
    `select ${columns} from endpoints e join delivery_lanes l on l.endpoint_id = e.id
     where e.id = $1 and e.deleted_at is null and ($2::text is null or e.tenant_id = $2) ${lock}`,
    [id, tenantId],
  );
  return rows[0];
}

export async function listEndpoints(database: Queryable, page: { tenantId: string | null; before: string | null; limit: number }): Promise<EndpointRow[]> {
  const { rows } = await database.query<EndpointRow>(
    `select ${columns} from endpoints e join delivery_lanes l on l.endpoint_id = e.id
     where e.deleted_at is null and ($1::text is null or e.tenant_id = $1) and ($2::text is null or e.id < $2)
     order by e.id desc limit $3`,
    [page.tenantId, page.before, page.limit],
  );
  return rows;
}

/** False when it was disabled, or deleted, before. Its deliveries are cancelled by the job close-deliveries. */
export async function markDisabled(client: Queryable, id: string, reason: 'manual' | 'gone' | 'failing'): Promise<boolean> {
  const { rowCount } = await client.query(
    `update endpoints set disabled_at = now(), disabled_reason = $2, revision = revision + 1, updated_at = now()
     where id = $1 and disabled_at is null and deleted_at is null`,
    [id, reason],
  );
  return rowCount === 1;
}

/** Enables it as if it had never failed. */
export async function markEnabled(client: Queryable, id: string): Promise<void> {
  await client.query(`update endpoints set disabled_at = null, disabled_reason = null, revision = revision + 1, updated_at = now() where id = $1 and disabled_at is not null`, [id]);
  await client.query(`update delivery_lanes set failures = 0, opened = 0, failing_since = null, failed_at = null, failing_ms = 0, failed_deliveries = '{}', resume_at = null, owner = null, lease_until = null where endpoint_id = $1`, [id]);
}

export async function markDeleted(client: Queryable, id: string): Promise<void> {
  await client.query(`update endpoints set deleted_at = now(), revision = revision + 1, updated_at = now() where id = $1 and deleted_at is null`, [id]);
  await client.query(`delete from endpoint_secrets where endpoint_id = $1`, [id]);
}

/** Secrets changed: whoever signs reads them anew. */
export async function touchEndpoint(client: Queryable, id: string): Promise<void> {
  await client.query(`update endpoints set revision = revision + 1, updated_at = now() where id = $1`, [id]);
}

/** Ids of a tenant's endpoints, deleted ones included. */
export async function listEndpointIds(database: Queryable, tenantId: string): Promise<string[]> {
  const { rows } = await database.query<{ id: string }>(`select id from endpoints where tenant_id = $1 order by id desc limit 1000`, [tenantId]);
  return rows.map(({ id }) => id);
}
