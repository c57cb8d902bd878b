/** Lists by offset token, single records under `data`, and the changes Lever knows. */
import { bodyObject, empty, json, type Call, type Reply } from '../../exchange.ts';
import { asArray, asObject, asText, readInteger, type JsonObject } from '../../json.ts';
import type { Table } from '../../table.ts';
import { applicationRecord, interviewRecord, opportunityRecord, postingRecord, uuid, type Recruiting } from './data.ts';

export const leverError = (status: number, code: string, message: string): Reply => json(status, { code, message });
export const notFound = (what: string): Reply => leverError(404, 'ResourceNotFound', `${what} was not found`);
const bad = (message: string): Reply => leverError(400, 'BadRequest', message);
const one = (record: JsonObject, status = 200): Reply => json(status, { data: record });

/** `next` is the place after the last record, as a text that only Lever reads. */
export function listed(call: Call, rows: readonly JsonObject[]): Reply {
  const size = readInteger(call.query.get('limit'), 100, 1, 100);
  const offset = call.query.get('offset');
  const start = offset === null ? 0 : Number(/^\["after",(\d+)\]$/.exec(decodeURIComponent(offset))?.[1] ?? Number.NaN);
  if (Number.isNaN(start)) return bad('Invalid offset token');
  const hasNext = start + size < rows.length;
  return json(200, { data: rows.slice(start, start + size), hasNext, ...(hasNext ? { next: encodeURIComponent(JSON.stringify(['after', start + size])) } : {}) });
}

const between = (call: Call, name: string, value: unknown): boolean => {
  const [start, end] = [call.query.get(`${name}_start`), call.query.get(`${name}_end`)].map((text) => (text === null ? null : Number(text)));
  return (start === null || start === undefined || Number(value) >= start) && (end === null || end === undefined || Number(value) <= end);
};
const equal = (call: Call, name: string, values: readonly unknown[]): boolean => call.query.getAll(name).length === 0 || call.query.getAll(name).some((wanted) => values.includes(wanted));

function shown(opportunity: JsonObject, call: Call): JsonObject {
  return call.query.getAll('expand').includes('applications') ? opportunity : { ...opportunity, applications: asArray(opportunity['applications']).map((application) => asObject(application)?.['id'] ?? '') };
}

/** Newest first. */
export function listOpportunities(call: Call, data: Recruiting): Reply {
  const rows = data.opportunities.all().filter((row) => {
    const archived = asObject(row['archived']);
    return between(call, 'updated_at', row['updatedAt']) && between(call, 'created_at', row['createdAt']) && equal(call, 'email', asArray(row['emails'])) && equal(call, 'tag', asArray(row['tags'])) && equal(call, 'stage_id', [row['stage']]) && equal(call, 'contact_id', [row['contact']]) && equal(call, 'archived', [String(archived !== null)]) && equal(call, 'archive_reason_id', [archived?.['reason']]) && equal(call, 'posting_id', asArray(row['applications']).map((application) => asObject(application)?.['posting']));
  });
  return listed(call, rows.toSorted((left, right) => Number(right['createdAt']) - Number(left['createdAt']) || (asText(left['id']) < asText(right['id']) ? -1 : 1)).map((row) => shown(row, call)));
}

export function listPostings(call: Call, data: Recruiting): Reply {
  return listed(call, data.postings.all().filter((row) => equal(call, 'state', [row['state']]) && between(call, 'updated_at', row['updatedAt']) && between(call, 'created_at', row['createdAt']) && equal(call, 'req_code', [row['reqCode']])));
}

export function readRow(call: Call, table: Table, what: string): Reply {
  const row = table.get(call.params['id'] ?? '');
  return row === undefined ? notFound(what) : one(what === 'Opportunity' ? shown(row, call) : row);
}

export function createOpportunity(call: Call, data: Recruiting, now: number): Reply {
  const body = bodyObject(call) ?? {};
  if (asText(body['name']) === '' && asArray(body['emails']).length === 0) return bad('name or emails is required');
  const id = data.nextId();
  const postings = asArray(body['postings']).map(asText);
  const stranger = postings.find((posting) => data.postings.get(posting) === undefined);
  if (stranger !== undefined) return bad(`Posting ${stranger} does not exist`);
  const { postings: _postings, ...fields } = body;
  const made = opportunityRecord(id, { ...fields, contact: uuid(6, Number(id.slice(-12)) + 5000), stage: asText(body['stage']) || uuid(2, 0), applications: postings.map((posting) => applicationRecord(data.nextId(), id, posting, now)) }, now, now);
  data.opportunities.insert(id, made);
  return one(shown(made, call), 201);
}

/** stage, archived, addTags, removeTags, addLinks, notes. */
export function changeOpportunity(call: Call, data: Recruiting, now: number): Reply {
  const row = data.opportunities.get(call.params['id'] ?? '');
  const what = call.params['what'] ?? '';
  if (row === undefined) return notFound('Opportunity');
  const body = bodyObject(call) ?? {};
  if (what === 'notes') return one({ id: data.nextId(), text: body['value'] ?? '', fields: [], user: uuid(1, 0), secret: body['secret'] ?? false, createdAt: now }, 201);
  if (what === 'stage' && data.stages.get(asText(body['stage'])) === undefined) return bad('stage is not a valid stage');
  if (what === 'archived' && body['reason'] !== null && data.archiveReasons.get(asText(body['reason'])) === undefined) return bad('reason is not a valid archive reason');
  const tags = asArray(body['tags']);
  const changes: Readonly<Record<string, JsonObject>> = {
    stage: { stage: body['stage'] ?? '', lastAdvancedAt: now },
    archived: { archived: body['reason'] === null || body['reason'] === undefined ? null : { archivedAt: now, reason: body['reason'] } },
    addTags: { tags: [...new Set([...asArray(row['tags']), ...tags])] },
    removeTags: { tags: asArray(row['tags']).filter((tag) => !tags.includes(tag)) },
    addLinks: { links: [...new Set([...asArray(row['links']), ...asArray(body['links'])])] },
  };
  const changed: JsonObject = { ...row, ...changes[what], updatedAt: now };
  data.opportunities.replace(asText(row['id']), changed);
  return one(shown(changed, call));
}

export function writePosting(call: Call, data: Recruiting, now: number): Reply {
  const id = call.params['id'];
  const body = bodyObject(call) ?? {};
  if (id === undefined) {
    if (asText(body['text']) === '') return bad('text is required');
    const made = postingRecord(data.nextId(), body, now);
    data.postings.insert(asText(made['id']), made);
    return one(made, 201);
  }
  const row = data.postings.get(id);
  if (row === undefined) return notFound('Posting');
  const merged = Object.fromEntries(Object.entries(body).map(([name, value]) => [name, asObject(value) !== null && asObject(row[name]) !== null ? { ...asObject(row[name]), ...asObject(value) } : value]));
  const changed: JsonObject = { ...row, ...merged, updatedAt: now };
  data.postings.replace(id, changed);
  return one(changed);
}

export function listNested(call: Call, data: Recruiting, what: 'applications' | 'interviews'): Reply {
  const row = data.opportunities.get(call.params['id'] ?? '');
  if (row === undefined) return notFound('Opportunity');
  const rows = what === 'applications' ? asArray(row['applications']).map((application) => asObject(application) ?? {}) : (data.interviews.get(call.params['id'] ?? '') ?? []);
  const wanted = call.params['nested'];
  if (wanted === undefined) return listed(call, rows);
  const found = rows.find((record) => record['id'] === wanted);
  return found === undefined ? notFound(what === 'applications' ? 'Application' : 'Interview') : one(found);
}

export function changeInterview(call: Call, data: Recruiting, now: number): Reply {
  const id = call.params['id'] ?? '';
  const opportunity = data.opportunities.get(id);
  if (opportunity === undefined) return notFound('Opportunity');
  const rows = data.interviews.get(id) ?? [];
  const body = bodyObject(call) ?? {};
  const posting = asText(asObject(asArray(opportunity['applications'])[0])?.['posting']) || null;
  if (call.method === 'POST') {
    if (body['date'] === undefined || asArray(body['interviewers']).length === 0) return bad('date and interviewers are required');
    const made = interviewRecord(data.nextId(), body, posting, now);
    data.interviews.set(id, [...rows, made]);
    return one(made, 201);
  }
  const found = rows.find((record) => record['id'] === call.params['nested']);
  if (found === undefined) return notFound('Interview');
  const changed = interviewRecord(asText(found['id']), body, posting, Number(found['createdAt']));
  data.interviews.set(id, call.method === 'DELETE' ? rows.filter((record) => record !== found) : rows.map((record) => (record === found ? changed : record)));
  return call.method === 'DELETE' ? empty(204) : one(changed);
}
