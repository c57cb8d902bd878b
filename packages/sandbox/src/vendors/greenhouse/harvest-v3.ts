/** Harvest v3 over the same organisation: tokens for client credentials, cursors that stand alone, flat records. */
import { clientCredentials } from '../../client-credentials.ts';
import { bearer, bodyFields, bodyObject, empty, json, realUrl, type Call, type Reply } from '../../exchange.ts';
import { asArray, asObject, asText, readInteger, type Json, type JsonObject } from '../../json.ts';
import { secretText } from '../../random.ts';
import type { World } from '../../vendor.ts';
import { applicationRecord, candidateRecord, harvestTime, type Organisation, type Resource } from './data.ts';
import { greenhouseError, invalid, notFound } from './errors.ts';

export const v3Resources = { candidates: 'candidates', applications: 'applications', jobs: 'jobs', interviews: 'scheduled_interviews' } as const satisfies Record<string, Resource>;
type V3Resource = keyof typeof v3Resources;
export const isV3Resource = (name: string): name is V3Resource => Object.hasOwn(v3Resources, name);

const lifetimeMs = 3_600_000;
export interface V3Tokens {
  /** The token endpoint; the client's id is the organisation's, its secret the organisation's key. */
  grant(call: Call): Reply;
  /** The organisation of a token that lives. */
  accountOf(call: Call): string | null;
}

export function createV3Tokens(world: World, accountOfKey: (key: string) => string | null): V3Tokens {
  const tokens = new Map<string, { account: string; endsAt: number }>();
  return {
    grant(call) {
      const { id, secret } = clientCredentials(call);
      if (bodyFields(call).get('grant_type') !== 'client_credentials') return json(400, { error: 'unsupported_grant_type' });
      if (accountOfKey(secret) !== id) return json(401, { error: 'invalid_client', error_description: 'Client authentication failed' });
      const token = secretText(40);
      const endsAt = world.clock.now() + lifetimeMs;
      tokens.set(token, { account: id, endsAt });
      return json(200, { access_token: token, token_type: 'Bearer', expires_at: harvestTime(endsAt) });
    },
    accountOf(call) {
      const found = tokens.get(bearer(call) ?? '');
      return found !== undefined && found.endsAt > world.clock.now() ? found.account : null;
    },
  };
}

const first = (list: Json | undefined): JsonObject => asObject(asArray(list)[0] ?? null) ?? {};

/** The flat record of v3 made of what v1 keeps. */
function shown(resource: V3Resource, row: JsonObject): JsonObject {
  const pick = (...names: string[]): JsonObject => Object.fromEntries(names.map((name) => [name, row[name] ?? null]));
  switch (resource) {
    case 'candidates':
      return { ...pick('id', 'first_name', 'last_name', 'company', 'title', 'email_addresses', 'phone_numbers', 'addresses', 'website_addresses', 'social_media_addresses', 'tags', 'custom_fields', 'created_at', 'updated_at'), private: row['is_private'] ?? false };
    case 'applications':
      return { ...pick('id', 'candidate_id', 'rejected_at', 'custom_fields'), job_id: first(row['jobs'])['id'] ?? null, status: row['status'] === 'active' ? 'in_process' : (row['status'] ?? null), job_interview_stage_id: asObject(row['current_stage'])?.['id'] ?? null, created_at: row['applied_at'] ?? null, updated_at: row['last_activity_at'] ?? null };
    case 'jobs':
      return pick('id', 'name', 'requisition_id', 'notes', 'confidential', 'status', 'opened_at', 'closed_at', 'custom_fields', 'created_at', 'updated_at');
    case 'interviews':
      return { ...pick('id', 'application_id', 'status', 'location', 'created_at', 'updated_at'), starts_at: asObject(row['start'])?.['date_time'] ?? null, ends_at: asObject(row['end'])?.['date_time'] ?? null };
  }
}

/** `gte|<time>`, `lte|<time>`, one after the other. */
function inWindow(value: string, filter: string | null): boolean {
  const parts = (filter ?? '').split('|');
  for (let at = 0; at + 1 < parts.length; at += 2) if (parts[at] === 'gte' ? value < (parts[at + 1] ?? '') : value > (parts[at + 1] ?? '')) return false;
  return true;
}

const parents: Readonly<Record<string, string>> = { ids: 'id', candidate_ids: 'candidate_id', job_ids: 'job_id', application_ids: 'application_id' };

function matches(record: JsonObject, query: URLSearchParams): boolean {
  for (const [filter, field] of Object.entries(parents)) if (query.has(filter) && field in record && !(query.get(filter) ?? '').split(',').includes(asText(record[field]))) return false;
  const status = query.get('status');
  const email = query.get('email');
  if (status !== null && record['status'] !== status) return false;
  if (email !== null && !JSON.stringify(record['email_addresses'] ?? []).includes(JSON.stringify(email))) return false;
  return inWindow(asText(record['created_at']), query.get('created_at')) && inWindow(asText(record['updated_at']), query.get('updated_at'));
}

/** A cursor holds the filters and must be the only parameter. */
export function listV3(call: Call, resource: V3Resource, data: Organisation): Reply {
  const cursor = call.query.get('cursor');
  if (cursor !== null && [...call.query.keys()].length > 1) return invalid('cursor must be the only parameter', 'cursor');
  const query = cursor === null ? new URLSearchParams(call.query) : new URLSearchParams(Buffer.from(cursor, 'base64url').toString('utf8'));
  const perPage = readInteger(query.get('per_page'), 100, 0, 1_000_000);
  if (perPage < 1 || perPage > 500) return invalid('Must be between 1 and 500', 'per_page');
  const from = readInteger(query.get('from'), 0, 0, 1_000_000);
  const rows = data.tables[v3Resources[resource]].all().map((row) => shown(resource, row)).filter((record) => matches(record, query));
  const more = from + perPage < rows.length;
  query.set('from', String(from + perPage));
  const next = `<${realUrl(call, `${call.path}?cursor=${Buffer.from(query.toString()).toString('base64url')}`)}>; rel="next"`;
  return json(200, rows.slice(from, from + perPage), more ? { link: next } : {});
}

export function createV3(call: Call, resource: V3Resource, data: Organisation, now: number): Reply {
  const body = bodyObject(call);
  if (body === null) return greenhouseError(400, 'Request body must be valid JSON');
  if (resource === 'candidates') {
    for (const field of ['first_name', 'last_name']) if (asText(body[field]) === '') return invalid("can't be blank", field);
    const id = data.nextId();
    const candidate = candidateRecord(id, body, now, now);
    data.tables.candidates.insert(String(id), candidate);
    return json(201, { candidate: shown('candidates', candidate), application: null });
  }
  const [candidate, job] = [data.tables.candidates.get(asText(body['candidate_id'])), data.tables.jobs.get(asText(body['job_id']))];
  if (resource !== 'applications') return notFound();
  if (candidate === undefined || job === undefined) return invalid('must exist', candidate === undefined ? 'candidate_id' : 'job_id');
  const id = data.nextId();
  const application = applicationRecord(id, Number(candidate['id']), job, 0, now);
  data.tables.applications.insert(String(id), application);
  return json(201, shown('applications', application));
}

export function updateV3(call: Call, resource: V3Resource, data: Organisation, now: number): Reply {
  const table = data.tables[v3Resources[resource]];
  const id = call.params['id'] ?? '';
  const row = table.get(id);
  if (row === undefined) return notFound();
  const { starts_at: start, ends_at: end, ...body } = bodyObject(call) ?? {};
  const changed: JsonObject = { ...row, ...body, ...(start === undefined ? {} : { start: { date_time: start } }), ...(end === undefined ? {} : { end: { date_time: end } }), updated_at: harvestTime(now) };
  table.replace(id, changed);
  return json(200, shown(resource, changed));
}

export const removeV3 = (call: Call, resource: V3Resource, data: Organisation): Reply => (data.tables[v3Resources[resource]].remove(call.params['id'] ?? '') ? empty(204) : notFound());
