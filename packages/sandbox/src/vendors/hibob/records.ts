/** People read by field, histories in bulk, lists, and requests for time off. */
import { bodyObject, empty, json, type Call, type Reply } from '../../exchange.ts';
import { asArray, asObject, asText, readInteger, type Json, type JsonObject } from '../../json.ts';
import { bobTime, day, departments, nameOf, personRecord, sites, timeOffRecord, titles, type Company } from './data.ts';

export const bobError = (status: number, key: string, error: string): Reply => json(status, { key, args: {}, error });
export const noEmployee = (): Reply => bobError(404, 'employee.not.found', 'Employee was not found');
const invalid = (field: string): Reply => bobError(400, `validations.${field}.missing`, `${field} is missing`);

/** Only what is asked for; list fields hold ids, with names beside them or in their place. */
function shown(person: JsonObject, body: JsonObject): JsonObject {
  const wanted = asArray(body['fields']).map(asText);
  const picked: JsonObject = { id: person['id'] ?? '' };
  for (const field of wanted) {
    const [category = '', name = ''] = field.split('.');
    if (category === 'root') picked[name] = person[name] ?? null;
    else if (asObject(person[category])?.[name] !== undefined) picked[category] = { ...asObject(picked[category]), [name]: asObject(person[category])?.[name] ?? null };
  }
  const everything = wanted.length === 0 ? person : picked;
  const work = asObject(everything['work']);
  if (work === null || (body['humanReadable'] !== 'APPEND' && body['humanReadable'] !== 'REPLACE')) return everything;
  const readable: JsonObject = { ...work, ...('title' in work ? { title: nameOf(titles, work['title']) } : {}), ...('department' in work ? { department: nameOf(departments, work['department']) } : {}), ...(asText(work['startDate']) === '' ? {} : { startDate: asText(work['startDate']).split('-').toReversed().join('/') }) };
  return body['humanReadable'] === 'REPLACE' ? { ...everything, work: readable } : { ...everything, humanReadable: { ...everything, work: readable } };
}

/** No paging: one answer holds everyone. */
export function searchPeople(call: Call, data: Company): Reply {
  const body = bodyObject(call) ?? {};
  const filters = asArray(body['filters']).map((filter) => asObject(filter) ?? {});
  const unsupported = filters.find((filter) => !['root.id', 'root.email'].includes(asText(filter['fieldPath'])) || filter['operator'] !== 'equals');
  if (unsupported !== undefined) return bobError(400, 'validations.filter.unsupported', `Filtering by ${asText(unsupported['fieldPath'])} is not supported`);
  const rows = data.people.all().filter((person) => (body['showInactive'] === true || asObject(person['internal'])?.['status'] === 'Active') && filters.every((filter) => asArray(filter['values']).includes(person[asText(filter['fieldPath']).slice(5)] ?? null)));
  return json(200, { employees: rows.map((person) => shown(person, body)) });
}

const found = (call: Call, data: Company): JsonObject | undefined => data.people.get(call.params['id'] ?? '') ?? data.people.all().find((person) => person['email'] === call.params['id']);

export function readPerson(call: Call, data: Company): Reply {
  const person = found(call, data);
  return person === undefined ? noEmployee() : json(200, shown(person, bodyObject(call) ?? {}));
}

export function createPerson(call: Call, data: Company, now: number): Reply {
  const body = bodyObject(call) ?? {};
  for (const field of ['firstName', 'surname', 'email']) if (asText(body[field]) === '') return invalid(field);
  for (const field of ['site', 'startDate']) if (asText(asObject(body['work'])?.[field]) === '') return invalid(`work.${field}`);
  if (data.people.all().some((person) => person['email'] === body['email'])) return bobError(400, 'validations.email.exists', 'Email already exists');
  const id = `33328838840178${data.nextId()}`;
  const person = personRecord(id, body, now);
  const work = asObject(person['work']) ?? {};
  data.people.insert(id, person);
  data.work.set(id, [{ id: data.nextId(), employeeId: id, effectiveDate: work['startDate'] ?? day(now), endEffectiveDate: null, isCurrent: true, title: work['title'] ?? null, department: work['department'] ?? null, site: work['site'] ?? null, siteId: 1, reportsTo: work['reportsTo'] ?? null, modificationDate: day(now), creationDate: day(now), changeReason: null, changedBy: null }]);
  return json(200, { id });
}

export function updatePerson(call: Call, data: Company): Reply {
  const person = found(call, data);
  if (person === undefined) return noEmployee();
  const body = bodyObject(call) ?? {};
  const changed = Object.fromEntries(Object.entries({ ...person, ...body }).map(([name, value]) => [name, asObject(body[name]) === null ? value : { ...asObject(person[name]), ...asObject(body[name]) }])) as JsonObject;
  data.people.replace(asText(person['id']), { ...changed, id: person['id'] ?? '', displayName: [changed['firstName'], changed['surname']].filter(Boolean).join(' ') });
  return empty(200);
}

export function terminate(call: Call, data: Company): Reply {
  const person = found(call, data);
  if (person === undefined) return noEmployee();
  const date = asText(bodyObject(call)?.['terminationDate']);
  if (date === '') return invalid('terminationDate');
  data.people.replace(asText(person['id']), { ...person, internal: { ...asObject(person['internal']), status: 'Inactive', lifecycleStatus: 'terminated', terminationDate: date } });
  return empty(200);
}

/** One row an entry, all employees one after the other; the cursor is the id of the first row of the next page. */
export function bulk(call: Call, table: Map<string, JsonObject[]>): Reply {
  const wanted = (call.query.get('employeeIds') ?? '').split(',').filter(Boolean);
  const rows = [...table].filter(([id]) => wanted.length === 0 || wanted.includes(id)).flatMap(([, entries]) => entries);
  const size = readInteger(call.query.get('limit'), 50, 1, 100_000);
  if (size > 200) return bobError(400, 'validations.limit.exceeded', 'limit must not exceed 200');
  const cursor = call.query.get('cursor');
  const start = cursor === null ? 0 : rows.findIndex((row) => asText(row['id']) === Buffer.from(cursor, 'base64url').toString('utf8'));
  if (start < 0) return bobError(400, 'validations.cursor.invalid', 'cursor is invalid');
  const next = rows[start + size];
  return json(200, { results: rows.slice(start, start + size), response_metadata: { next_cursor: next === undefined ? null : Buffer.from(asText(next['id'])).toString('base64url') } });
}

export function history(call: Call, data: Company, table: Map<string, JsonObject[]>): Reply {
  return found(call, data) === undefined ? noEmployee() : json(200, { values: table.get(call.params['id'] ?? '') ?? [] });
}

const listsByName: Readonly<Record<string, readonly (readonly [string, string])[]>> = { department: departments, site: sites, title: titles };
export function namedList(call: Call): Reply {
  const name = call.params['name'] ?? '';
  const items = listsByName[name];
  return items === undefined ? bobError(404, 'list.not.found', 'List was not found') : json(200, { name, values: items.map(([id, value]): Json => ({ id, value, name: value, archived: false, children: [] })) });
}

export function changes(call: Call, data: Company, now: number): Reply {
  const since = Date.parse(call.query.get('since') ?? '');
  if (Number.isNaN(since)) return bobError(400, 'validations.since.missing', 'since is missing');
  if (since < now - 190 * 86_400_000) return bobError(400, 'validations.since.range', 'since must not be more than six months back');
  const pending = call.query.get('includePending') === 'true';
  return json(200, { changes: data.timeOff.all().filter((request) => (pending || request['status'] !== 'pending') && Date.parse(`${asText(request['createdOn'])}Z`) >= since) });
}

export function whoIsOut(call: Call, data: Company): Reply {
  const [from, to] = [call.query.get('from'), call.query.get('to')];
  if (from === null || to === null) return bobError(400, 'validations.range.missing', 'from and to are missing');
  return json(200, { outs: data.timeOff.all().filter((request) => request['status'] === 'approved' && asText(request['startDate']) <= to && asText(request['endDate']) >= from) });
}

export function timeOffRequest(call: Call, data: Company, now: number): Reply {
  const person = found(call, data);
  if (person === undefined) return noEmployee();
  if (call.method === 'POST') {
    const body = bodyObject(call) ?? {};
    for (const field of ['policyType', 'startDate', 'endDate']) if (asText(body[field]) === '') return invalid(field);
    if (asText(body['endDate']) < asText(body['startDate'])) return bobError(400, 'validations.range.invalid', 'endDate is before startDate');
    const requestId = data.nextId();
    data.timeOff.insert(String(requestId), { ...timeOffRecord(requestId, person, body, now), createdOn: bobTime(now) });
    return json(200, { id: requestId });
  }
  const id = call.params['request'] ?? '';
  const request = data.timeOff.get(id);
  if (request === undefined || request['employeeId'] !== person['id']) return bobError(404, 'timeoff.request.not.found', 'Request was not found');
  if (call.method === 'GET') return json(200, request);
  data.timeOff.remove(id);
  return empty(200);
}
