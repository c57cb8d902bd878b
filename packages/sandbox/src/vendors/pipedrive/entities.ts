/** Lists, reads and writes of persons, organizations and deals: v2 by cursor with strict types, v1 by start. */
import { bodyObject, json, type Call, type Reply } from '../../exchange.ts';
import { asArray, asText, readInteger, type Json, type JsonObject } from '../../json.ts';
import { complete, pipedriveTime, writable, type CompanyData, type Entity } from './data.ts';
import { pipedriveError } from './errors.ts';

const singular: Record<Entity, string> = { persons: 'Person', organizations: 'Organization', deals: 'Deal' };
export const isEntity = (name: string): name is Entity => Object.hasOwn(writable, name);
const live = (data: CompanyData, entity: Entity): JsonObject[] => data.tables[entity].all().filter((row) => row['is_deleted'] !== true);

function filtered(call: Call, rows: JsonObject[]): JsonObject[] {
  const [since, until, owner, org, status] = ['updated_since', 'updated_until', 'owner_id', 'org_id', 'status'].map((name) => call.query.get(name));
  return rows.filter((row) => {
    const at = asText(row['update_time']);
    return (!since || at >= since) && (!until || at < until) && (!owner || asText(row['owner_id']) === owner) && (!org || asText(row['org_id']) === org) && (!status || asText(row['status']) === status);
  });
}

export function listV2(call: Call, entity: Entity, data: CompanyData): Reply {
  const limit = readInteger(call.query.get('limit'), 100, 0, 1_000_000);
  if (limit < 1 || limit > 500) return pipedriveError(400, "Parameter 'limit' must be between 1 and 500");
  const cursor = call.query.get('cursor') ?? '';
  const after = cursor === '' ? 0 : Number(/^\{"id":(\d+)\}$/.exec(Buffer.from(cursor, 'base64').toString('utf8'))?.[1] ?? Number.NaN);
  if (Number.isNaN(after)) return pipedriveError(400, "Parameter 'cursor' is invalid");
  const sign = call.query.get('sort_direction') === 'desc' ? -1 : 1;
  const sortBy = call.query.get('sort_by') ?? 'id';
  const rows = filtered(call, live(data, entity)).toSorted((a, b) => (sortBy === 'id' ? sign * (Number(a['id']) - Number(b['id'])) : sign * asText(a[sortBy]).localeCompare(asText(b[sortBy]))));
  const page = rows.slice(after, after + limit);
  const next = after + limit < rows.length ? Buffer.from(`{"id":${after + limit}}`).toString('base64') : null;
  return json(200, { success: true, data: page, additional_data: { next_cursor: next } });
}

/** v1 names the same things otherwise. */
function asV1(entity: Entity, row: JsonObject): JsonObject {
  const time = (name: string): string => asText(row[name]).replace('T', ' ').replace('Z', '');
  const { emails, phones, custom_fields: _custom, is_deleted: deleted, ...rest } = row;
  return { ...rest, ...(entity === 'persons' ? { email: asArray(emails), phone: asArray(phones) } : {}), active_flag: deleted !== true, add_time: time('add_time'), update_time: time('update_time') };
}

export function listV1(call: Call, entity: Entity, data: CompanyData): Reply {
  const start = readInteger(call.query.get('start'), 0, 0, 1_000_000);
  const limit = readInteger(call.query.get('limit'), 100, 1, 500);
  const rows = live(data, entity);
  const more = start + limit < rows.length;
  const page = rows.slice(start, start + limit).map((row) => asV1(entity, row));
  return json(200, { success: true, data: page.length === 0 ? null : page, additional_data: { pagination: { start, limit, more_items_in_collection: more, ...(more ? { next_start: start + limit } : {}) } } });
}

const absent = (entity: Entity): Reply => pipedriveError(404, `${singular[entity]} not found`);

export function read(call: Call, entity: Entity, data: CompanyData): Reply {
  const row = data.tables[entity].get(call.params['id'] ?? '');
  return row === undefined ? absent(entity) : json(200, { success: true, data: call.path.includes('/v1/') ? asV1(entity, row) : row });
}

function typeFits(value: Json, type: string): boolean {
  if (value === null) return true;
  return type === 'array' ? Array.isArray(value) : type === 'object' ? typeof value === 'object' && !Array.isArray(value) : typeof value === type;
}
function check(entity: Entity, body: JsonObject | null, creating: boolean): Reply | null {
  if (body === null) return pipedriveError(400, 'Bad request: the body must be a JSON object');
  for (const [name, value] of Object.entries(body)) {
    const type = writable[entity][name];
    if (type === undefined) return pipedriveError(400, `Validation failed: ${name}: unknown field`);
    if (!typeFits(value, type)) return pipedriveError(400, `Validation failed: ${name}: Expected ${type}, received ${Array.isArray(value) ? 'array' : typeof value}`);
  }
  const required = entity === 'deals' ? 'title' : 'name';
  return creating && asText(body[required]) === '' ? pipedriveError(400, `Validation failed: ${required}: Required`) : null;
}

export function create(call: Call, entity: Entity, data: CompanyData, now: number): Reply {
  const body = bodyObject(call);
  const refused = check(entity, body, true);
  if (refused !== null || body === null) return refused ?? pipedriveError(400, 'Bad request');
  const id = data.nextId(entity);
  const row = complete(entity, id, body, now, now);
  data.tables[entity].insert(String(id), row);
  return json(201, { success: true, data: row });
}

export function update(call: Call, entity: Entity, data: CompanyData, now: number): Reply {
  const present = data.tables[entity].get(call.params['id'] ?? '');
  if (present === undefined || present['is_deleted'] === true) return absent(entity);
  const body = bodyObject(call);
  const refused = check(entity, body, false);
  if (refused !== null) return refused;
  const row = complete(entity, Number(present['id']), { ...present, ...body }, Date.parse(asText(present['add_time'])), now);
  data.tables[entity].replace(asText(present['id']), row);
  return json(200, { success: true, data: row });
}

/** Marks the record; it stays readable, as at Pipedrive for 30 days. */
export function remove(call: Call, entity: Entity, data: CompanyData, now: number): Reply {
  const id = call.params['id'] ?? '';
  const present = data.tables[entity].get(id);
  if (present === undefined || present['is_deleted'] === true) return absent(entity);
  data.tables[entity].remove(id);
  data.tables[entity].seed(id, { ...present, is_deleted: true, update_time: pipedriveTime(now) });
  return json(200, { success: true, data: { id: Number(id) } });
}

/** GET /api/v2/{entity}/search?term= */
export function search(call: Call, entity: Entity, data: CompanyData): Reply {
  const term = (call.query.get('term') ?? '').toLowerCase();
  if (term.length < 2) return pipedriveError(400, "Parameter 'term' must be at least 2 characters");
  const items = live(data, entity).filter((row) => JSON.stringify([row['name'], row['title'], row['emails'], row['phones']]).toLowerCase().includes(term));
  return json(200, { success: true, data: { items: items.slice(0, 100).map((item) => ({ result_score: 1, item: { ...item, type: singular[entity].toLowerCase() } })) }, additional_data: { next_cursor: null } });
}
