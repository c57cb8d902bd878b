/** BambooHR employees and time off. XML is the default of the older endpoints, JSON is asked for by Accept. */
import { bodyObject, empty, json, realUrl, text, type Call, type Reply } from '../../exchange.ts';
import { asObject, asText, readInteger, type Json, type JsonObject } from '../../json.ts';
import { bambooTime, departments, directoryFields, employeeFields, readOnlyFields, timeOffRequest, timeOffTypes, type CompanyData } from './data.ts';
import { bambooError, notFound } from './errors.ts';

const wantsJson = (call: Call): boolean => (call.headers['accept'] ?? '').includes('json') || call.query.get('format')?.toUpperCase() === 'JSON';
const escapeXml = (value: string): string => value.replace(/[<>&"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
const cell = (id: string, value: Json | undefined): string => (value === null || value === undefined ? `<field id="${id}"/>` : `<field id="${id}">${escapeXml(asText(value))}</field>`);
const xml = (body: string): Reply => text(200, `<?xml version="1.0"?>\n${body}`, { 'content-type': 'text/xml; charset=utf-8' });
const employeeXml = (row: JsonObject, fields: readonly string[]): string => `<employee id="${asText(row['id'])}">${fields.map((name) => cell(name, row[name])).join('')}</employee>`;

export function directory(call: Call, data: CompanyData): Reply {
  const rows = data.employees.all().filter((row) => row['status'] === 'Active');
  if (!wantsJson(call)) return xml(`<directory><fieldset>${directoryFields.map((name) => `<field id="${name}">${name}</field>`).join('')}</fieldset><employees>${rows.map((row) => employeeXml(row, directoryFields)).join('')}</employees></directory>`);
  const employees = rows.map((row) => ({ id: asText(row['id']), ...Object.fromEntries(directoryFields.map((name) => [name, name === 'photoUploaded' || name === 'canUploadPhoto' ? false : name === 'photoUrl' ? 'https://resources.bamboohr.com/images/photo_person_150x150.png' : (row[name] ?? null)])) }));
  return json(200, { fields: directoryFields.map((id) => ({ id, type: 'text', name: id })), employees });
}

/** Cursor pages: page[limit], page[after]; the cursor is opaque. */
export function roster(call: Call, data: CompanyData): Reply {
  const limit = readInteger(call.query.get('page[limit]'), 100, 0, 1_000_000);
  if (limit < 1 || limit > 2500) return bambooError(400, 'page[limit] must be between 1 and 2500');
  const after = call.query.get('page[after]') ?? '';
  const from = after === '' ? 0 : Number(Buffer.from(after, 'base64url').toString('utf8'));
  if (!Number.isInteger(from) || from < 0) return bambooError(400, 'page[after] is not a valid cursor');
  const extra = (call.query.get('fields') ?? '').split(',').filter((name) => employeeFields.includes(name));
  const rows = data.employees.all();
  const page = rows.slice(from, from + limit).map((row) => ({ employeeId: Number(row['id']), ...Object.fromEntries(['firstName', 'lastName', 'preferredName', 'jobTitle', 'status', ...extra].map((name) => [name, row[name] ?? null])) }));
  const next = from + limit < rows.length ? Buffer.from(String(from + limit)).toString('base64url') : null;
  const query = new URLSearchParams(call.query);
  if (next !== null) query.set('page[after]', next);
  return json(200, { data: page, meta: { totalCount: rows.length, page: { nextCursor: next, prevCursor: null } }, _links: { next: next === null ? null : { href: realUrl(call, `${call.path}?${query}`) } } });
}

export function read(call: Call, data: CompanyData): Reply {
  const id = call.params['id'] ?? '';
  const row = data.employees.get(id === '0' ? '101' : id);
  if (row === undefined) return notFound('Employee not found');
  // Fields unknown or not visible are left out without a word; without `fields` only the id comes.
  const fields = (call.query.get('fields') ?? '').split(',').map((name) => name.trim()).filter((name) => employeeFields.includes(name));
  if (!wantsJson(call)) return xml(employeeXml(row, fields));
  return json(200, { id: asText(row['id']), ...Object.fromEntries(fields.map((name) => [name, row[name] ?? null])) });
}

function faultOf(body: JsonObject): string | null {
  const stranger = Object.keys(body).find((name) => !employeeFields.includes(name) || readOnlyFields.includes(name));
  if (stranger !== undefined) return `Invalid field: ${stranger}`;
  const email = body['workEmail'];
  if (typeof email === 'string' && email !== '' && !/^\S+@\S+\.\S+$/.test(email)) return 'Invalid value for workEmail';
  const date = ['hireDate', 'dateOfBirth'].find((name) => typeof body[name] === 'string' && !/^\d{4}-\d\d-\d\d$/.test(asText(body[name])));
  return date === undefined ? null : `Invalid value for ${date}`;
}
const display = (row: JsonObject): string => [row['preferredName'] ?? row['firstName'], row['lastName']].map(asText).filter(Boolean).join(' ');

export function create(call: Call, data: CompanyData, now: number): Reply {
  const body = bodyObject(call);
  if (body === null) return bambooError(400, 'Malformed JSON');
  if (asText(body['firstName']) === '' || asText(body['lastName']) === '') return bambooError(400, 'firstName and lastName are required');
  const fault = faultOf(body);
  if (fault !== null) return bambooError(fault.startsWith('Invalid value') ? 409 : 400, fault);
  const email = asText(body['workEmail']);
  if (email !== '' && data.employees.all().some((row) => row['workEmail'] === email)) return bambooError(409, 'Duplicate workEmail');
  const id = data.nextEmployee();
  const blank: JsonObject = Object.fromEntries(employeeFields.map((name) => [name, null]));
  const made: JsonObject = { ...blank, ...body, id, eeid: id, status: 'Active', lastChanged: bambooTime(now) };
  data.employees.insert(id, { ...made, displayName: display(made), fullName1: display(made) });
  return empty(201, { location: realUrl(call, `${call.path.replace(/\/$/, '')}/${id}`) });
}

export function update(call: Call, data: CompanyData, now: number): Reply {
  const id = call.params['id'] ?? '';
  const row = data.employees.get(id);
  if (row === undefined) return notFound('Employee not found');
  const body = bodyObject(call);
  if (body === null) return bambooError(400, 'Malformed JSON');
  const fault = faultOf(body);
  if (fault !== null) return bambooError(400, fault);
  const changed: JsonObject = { ...row, ...body, lastChanged: bambooTime(now) };
  data.employees.replace(id, { ...changed, displayName: display(changed), fullName1: display(changed) });
  return empty(200);
}

export function changedSince(call: Call, data: CompanyData): Reply {
  const since = Date.parse(call.query.get('since') ?? '');
  if (Number.isNaN(since)) return bambooError(400, 'since must be an ISO 8601 time');
  const rows = data.employees.all().filter((row) => Date.parse(asText(row['lastChanged'])) > since);
  return json(200, { latest: bambooTime(Math.max(since, ...rows.map((row) => Date.parse(asText(row['lastChanged']))))), employees: Object.fromEntries(rows.map((row) => [asText(row['id']), { id: asText(row['id']), action: 'Updated', lastChanged: asText(row['lastChanged']) }])) });
}

export function timeOff(call: Call, data: CompanyData): Reply {
  const [start, end, id, employee, status] = ['start', 'end', 'id', 'employeeId', 'status'].map((name) => call.query.get(name));
  if (!start || !end) return bambooError(400, 'start and end are required');
  return json(200, data.requests.all().filter((row) => asText(row['end']) >= start && asText(row['start']) <= end && (!id || row['id'] === id) && (!employee || row['employeeId'] === employee) && (!status || status.split(',').includes(asText(asObject(row['status'])?.['status'])))));
}

export function whosOut(call: Call, data: CompanyData, now: number): Reply {
  const today = new Date(now).toISOString().slice(0, 10);
  const [start, end] = [call.query.get('start') ?? today, call.query.get('end') ?? new Date(now + 14 * 86_400_000).toISOString().slice(0, 10)];
  const away = data.requests.all().filter((row) => asObject(row['status'])?.['status'] === 'approved' && asText(row['end']) >= start && asText(row['start']) <= end);
  return json(200, away.map((row) => ({ id: Number(row['id']), type: 'timeOff', employeeId: Number(row['employeeId']), name: row['name'] ?? '', start: row['start'] ?? '', end: row['end'] ?? '' })));
}

export function requestTimeOff(call: Call, data: CompanyData, now: number): Reply {
  const employee = data.employees.get(call.params['id'] ?? '');
  if (employee === undefined) return notFound('Employee not found');
  const body = bodyObject(call) ?? {};
  const [start, end, type] = [asText(body['start']), asText(body['end']), asText(body['timeOffTypeId'])];
  if (!/^\d{4}-\d\d-\d\d$/.test(start) || !/^\d{4}-\d\d-\d\d$/.test(end) || end < start) return bambooError(400, 'start and end must be dates, start first');
  if (!timeOffTypes.some((one) => one.id === type)) return bambooError(400, 'Unknown timeOffTypeId');
  const id = data.nextRequest();
  const made = timeOffRequest(id, asText(employee['id']), asText(employee['displayName']), { status: asText(body['status']) || 'requested', start, end, type, amount: asText(body['amount']) || '1', note: null, created: new Date(now).toISOString().slice(0, 10) });
  data.requests.insert(id, made);
  return json(201, made, { location: realUrl(call, `/api/v1/time_off/requests/${id}`) });
}

export function changeStatus(call: Call, data: CompanyData, now: number): Reply {
  const id = call.params['id'] ?? '';
  const row = data.requests.get(id);
  if (row === undefined) return notFound('Request not found');
  const status = asText(bodyObject(call)?.['status']);
  if (!['approved', 'denied', 'declined', 'canceled'].includes(status)) return bambooError(400, 'Invalid status');
  data.requests.replace(id, { ...row, status: { ...asObject(row['status']), status, lastChanged: new Date(now).toISOString().slice(0, 10) } });
  return empty(200);
}

const listDate = '2026-01-05T09:00:00+00:00';
/** List fields with their options; a department is known by its id here only. */
export function listFields(): Reply {
  const field = (fieldId: number, alias: string, name: string, names: readonly string[]): JsonObject => ({ fieldId, manageable: 'yes', multiple: 'no', options: names.map((option, n) => ({ id: fieldId * 100 + n, archived: option === 'Werkstatt' ? 'yes' : 'no', createdDate: listDate, archivedDate: option === 'Werkstatt' ? listDate : null, name: option })), name, alias });
  return json(200, [field(18, 'location', 'Location', ['Oslo', 'Łódź', 'Remote', 'São Paulo']), field(4, 'department', 'Department', departments)]);
}

/** The job each employee holds, and for some the one before; the id `all` means everyone. */
export function jobInfo(call: Call, data: CompanyData): Reply {
  const id = call.params['id'] ?? '';
  const wanted = id === 'all' ? data.employees.all() : [data.employees.get(id)];
  const rows: JsonObject[] = [];
  for (const row of wanted) {
    if (row === undefined) return notFound('Employee not found');
    const number = Number(row['id']);
    const held = { employeeId: asText(row['id']), location: row['location'] ?? null, department: row['department'] ?? null, division: row['division'] ?? null, reportsTo: row['supervisor'] ?? null };
    rows.push({ id: String(number * 10 + 1), date: row['hireDate'] ?? '0000-00-00', jobTitle: row['jobTitle'] ?? null, ...held });
    if (number % 7 === 0) rows.push({ id: String(number * 10), date: '2024-02-01', jobTitle: 'Trainee', ...held, department: null });
  }
  return json(200, rows);
}
