/** Reading, searching and writing the records of a module. */
import { bodyObject, empty, json, type Call, type Reply } from '../../exchange.ts';
import { asArray, asObject, asText, readInteger, type JsonObject } from '../../json.ts';
import { mandatory, zohoTime, type Module, type Organisation } from './data.ts';
import { missingParameter, recordError, zohoError } from './errors.ts';

function selected(record: JsonObject, fields: string | null): JsonObject {
  if (fields === null) return record;
  const names = new Set([...fields.split(','), 'id']);
  return Object.fromEntries(Object.entries(record).filter(([name]) => names.has(name)));
}

/** Newest first by id; `page_token` leads through any number, page numbers end at 2000 records. No record is 204. */
export function list(call: Call, module: Module, data: Organisation): Reply {
  const fields = call.query.get('fields');
  if (fields === null || fields === '') return missingParameter('fields');
  const since = call.headers['if-modified-since'];
  const sortBy = call.query.get('sort_by') ?? 'id';
  if (!['id', 'Created_Time', 'Modified_Time'].includes(sortBy)) return zohoError(400, 'INVALID_DATA', 'invalid data', { param_name: 'sort_by' });
  const sign = call.query.get('sort_order') === 'asc' ? 1 : -1;
  const by = (row: JsonObject): number => (sortBy === 'id' ? Number(row['id']) : Date.parse(asText(row[sortBy])));
  const rows = data.tables[module].all().filter((row) => since === undefined || Date.parse(asText(row['Modified_Time'])) > Date.parse(since)).toSorted((one, other) => sign * (by(one) - by(other) || Number(one['id']) - Number(other['id'])));
  if (rows.length === 0) return empty(since === undefined ? 204 : 304);
  const size = readInteger(call.query.get('per_page'), 200, 1, 200);
  const token = call.query.get('page_token');
  const start = token === null ? (readInteger(call.query.get('page'), 1, 1, 1_000_000) - 1) * size : Number(Buffer.from(token, 'hex').toString('utf8').replace(/^after:/, ''));
  if (!Number.isInteger(start)) return zohoError(400, 'INVALID_DATA', 'page_token is invalid', { param_name: 'page_token' });
  if (token === null && start + size > 2000) return zohoError(400, 'DISCRETE_PAGINATION_LIMIT_EXCEEDED', 'More than 2000 records need page_token');
  const page = rows.slice(start, start + size);
  if (page.length === 0) return empty(204);
  const more = start + size < rows.length;
  return json(200, { data: page.map((row) => selected(row, fields)), info: { per_page: size, count: page.length, page: Math.floor(start / size) + 1, sort_by: sortBy, sort_order: sign === 1 ? 'asc' : 'desc', more_records: more, next_page_token: more ? Buffer.from(`after:${start + size}`).toString('hex') : null, previous_page_token: null, page_token_expiry: null } });
}

type Test = (record: JsonObject) => boolean;
const known = (value: unknown): string[] => {
  const object = asObject(value);
  return object === null ? [asText(value)] : [asText(object['id']), asText(object['name']), asText(object['email'])];
};

/** `(Field:operator:value)` joined by and / or, as far as one pair of parentheses goes. Null when it is none. */
export function parseCriteria(text: string): Test | null {
  const terms = [...text.matchAll(/\(+([\w.$]+):(\w+):((?:\\.|[^()\\])*)\)+/g)].map((match): Test => {
    const [, field = '', operator = '', raw = ''] = match;
    const value = raw.replaceAll(/\\(.)/g, '$1');
    return (record) => {
      const actual = known(record[field.replace(/\.(id|name)$/, '')]);
      if (operator === 'equals') return actual.some((one) => one.toLowerCase() === value.toLowerCase());
      if (operator === 'starts_with') return actual.some((one) => one.toLowerCase().startsWith(value.toLowerCase()));
      if (operator === 'in') return value.split(',').some((choice) => actual.includes(choice));
      const [left, right] = [Date.parse(actual[0] ?? ''), Date.parse(value)].map((ms, n) => (Number.isNaN(ms) ? Number([actual[0], value][n]) : ms)) as [number, number];
      return { greater_than: left > right, greater_equal: left >= right, less_than: left < right, less_equal: left <= right }[operator] ?? false;
    };
  });
  if (terms.length === 0) return null;
  return /\)\s*or\s*\(/i.test(text) ? (record) => terms.some((term) => term(record)) : (record) => terms.every((term) => term(record));
}

export function search(call: Call, module: Module, data: Organisation): Reply {
  const criteria = call.query.get('criteria');
  const [email, phone, word] = ['email', 'phone', 'word'].map((name) => call.query.get(name));
  const test: Test | null = criteria !== null ? parseCriteria(criteria) : email ? (row) => row['Email'] === email : phone ? (row) => row['Phone'] === phone : word ? (row) => JSON.stringify(row).toLowerCase().includes(word.toLowerCase()) : null;
  if (test === null) return criteria === null ? missingParameter('criteria') : zohoError(400, 'INVALID_QUERY', 'invalid query formed', { param_name: 'criteria' });
  const rows = data.tables[module].all().filter(test);
  const size = readInteger(call.query.get('per_page'), 200, 1, 200);
  const number = readInteger(call.query.get('page'), 1, 1, 1_000_000);
  const page = rows.slice((number - 1) * size, number * size);
  return page.length === 0 ? empty(204) : json(200, { data: page.map((row) => selected(row, call.query.get('fields'))), info: { per_page: size, count: page.length, page: number, more_records: number * size < rows.length } });
}

export function read(call: Call, module: Module, data: Organisation): Reply {
  const id = call.params['id'] ?? '';
  if (!/^\d+$/.test(id)) return zohoError(400, 'INVALID_DATA', 'the related id given seems to be invalid');
  const record = data.tables[module].get(id);
  return record === undefined ? empty(204) : json(200, { data: [record] });
}

function checked(module: Module, record: JsonObject, whole: boolean): Reply | null {
  const missing = mandatory[module].find((name) => (whole ? asText(record[name]) === '' && asObject(record[name]) === null : name in record && asText(record[name]) === '' && asObject(record[name]) === null));
  if (missing !== undefined) return recordError(400, 'MANDATORY_NOT_FOUND', 'required field not found', { api_name: missing, json_path: `$.data[0].${missing}` });
  const email = record['Email'];
  if (email !== undefined && email !== null && !/^[^@\s]+@[^@\s]+$/.test(asText(email))) return recordError(400, 'INVALID_DATA', 'invalid data', { expected_data_type: 'email', api_name: 'Email', json_path: '$.data[0].Email' });
  const amount = record['Amount'];
  if (amount !== undefined && amount !== null && typeof amount !== 'number') return recordError(400, 'INVALID_DATA', 'invalid data', { expected_data_type: 'double', api_name: 'Amount', json_path: '$.data[0].Amount' });
  return null;
}

/** References are written by id; the answer of a later read names them. */
function resolved(record: JsonObject, module: Module, data: Organisation): JsonObject {
  const tables: Readonly<Record<string, (id: string) => string>> = module === 'Accounts' ? {} : { Account_Name: (id) => asText(data.tables.Accounts.get(id)?.['Account_Name']), Contact_Name: (id) => asText(data.tables.Contacts.get(id)?.['Full_Name']) };
  const entries = Object.entries(record).map(([name, value]) => {
    const id = asText(asObject(value)?.['id'] ?? (tables[name] === undefined ? '' : value));
    if (name === 'Owner') return [name, ownerOf(data, id)] as const;
    return [name, tables[name] === undefined || value === null ? value : { id, name: tables[name](id) }] as const;
  });
  return Object.fromEntries(entries);
}
function ownerOf(data: Organisation, id: string): JsonObject {
  const user = data.users.find((one) => one['id'] === id) ?? data.users[0] ?? {};
  return { id: user['id'] ?? '', name: user['full_name'] ?? '', email: user['email'] ?? '' };
}
function done(message: string, record: JsonObject): JsonObject {
  const who = { name: 'Admin', id: '4150868000000225013' };
  return { code: 'SUCCESS', details: { Modified_Time: record['Modified_Time'] ?? '', Modified_By: who, Created_Time: record['Created_Time'] ?? '', id: record['id'] ?? '', Created_By: who }, message, status: 'success' };
}
const writtenBy = (call: Call): JsonObject => asObject(asArray(bodyObject(call)?.['data'])[0]) ?? {};

export function create(call: Call, module: Module, data: Organisation, now: number): Reply {
  const given = writtenBy(call);
  const refused = checked(module, given, true);
  if (refused !== null) return refused;
  const duplicate = given['Email'] === undefined ? undefined : data.tables[module].all().find((row) => row['Email'] === given['Email']);
  if (duplicate !== undefined && given['Email'] !== null) return recordError(400, 'DUPLICATE_DATA', 'duplicate data', { api_name: 'Email', id: duplicate['id'] ?? '' });
  const id = data.nextId();
  const record: JsonObject = { Owner: ownerOf(data, ''), ...resolved(given, module, data), ...(module === 'Contacts' ? { Full_Name: [given['First_Name'], given['Last_Name']].filter(Boolean).join(' ') } : {}), Created_Time: zohoTime(now), Modified_Time: zohoTime(now), id };
  data.tables[module].insert(id, record);
  return json(201, { data: [done('record added', record)] });
}

export function update(call: Call, module: Module, data: Organisation, now: number): Reply {
  const id = call.params['id'] ?? '';
  const record = data.tables[module].get(id);
  if (record === undefined) return recordError(400, 'INVALID_DATA', 'the id given seems to be invalid', { id });
  const given = writtenBy(call);
  const refused = checked(module, given, false);
  if (refused !== null) return refused;
  const changed: JsonObject = { ...record, ...resolved(given, module, data), Modified_Time: zohoTime(now) };
  data.tables[module].replace(id, changed);
  return json(200, { data: [done('record updated', changed)] });
}

export function remove(call: Call, module: Module, data: Organisation): Reply {
  const id = call.params['id'] ?? '';
  return data.tables[module].remove(id) ? json(200, { data: [{ code: 'SUCCESS', details: { id }, message: 'record deleted', status: 'success' }] }) : recordError(400, 'INVALID_DATA', 'the id given seems to be invalid', { id });
}

export function listUsers(call: Call, data: Organisation): Reply {
  const type = call.query.get('type') ?? 'AllUsers';
  const rows = data.users.filter((user) => type !== 'ActiveUsers' || user['status'] === 'active').slice(0, type === 'CurrentUser' ? 1 : undefined);
  const size = readInteger(call.query.get('per_page'), 200, 1, 200);
  const page = readInteger(call.query.get('page'), 1, 1, 1_000_000);
  const users = rows.slice((page - 1) * size, page * size);
  return users.length === 0 ? empty(204) : json(200, { users, info: { per_page: size, count: users.length, page, more_records: page * size < rows.length } });
}
