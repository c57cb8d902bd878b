/** Salesforce REST: SOQL with locators, sObject rows, describe, limits. */
import { bodyObject, empty, json, type Call, type Reply } from '../../exchange.ts';
import { asText, type JsonObject } from '../../json.ts';
import { secretText } from '../../random.ts';
import { allFields, complete, fields, type ObjectName, type OrgData } from './data.ts';
import { notFound, salesforceError } from './errors.ts';
import { parseSoql, runQuery } from './soql.ts';
import { adminUser } from './access.ts';

export const isObject = (name: string): name is ObjectName => Object.hasOwn(fields, name);
const objectNamed = (name: string): ObjectName | undefined => Object.keys(fields).filter(isObject).find((known) => known.toLowerCase() === name.toLowerCase());
const version = (call: Call): string => call.params['version'] ?? 'v62.0';
const attributes = (call: Call, object: ObjectName, id: string): JsonObject => ({ type: object, url: `/services/data/${version(call)}/sobjects/${object}/${id}` });

export interface Locators {
  readonly open: Map<string, { object: ObjectName; fields: readonly string[]; rows: JsonObject[] }>;
}

/** Relationship names such as Account.Name are answered as null objects would be: only own fields are known here. */
function expand(object: ObjectName, wanted: readonly string[]): { ok: true; fields: string[] } | { ok: false; field: string } {
  const known = allFields(object);
  const expanded = wanted.flatMap((name) => (/^FIELDS\((ALL|STANDARD)\)$/i.test(name) ? known : [known.find((field) => field.toLowerCase() === name.toLowerCase()) ?? `?${name}`]));
  const stranger = expanded.find((name) => name.startsWith('?'));
  return stranger === undefined ? { ok: true, fields: [...new Set(expanded)] } : { ok: false, field: stranger.slice(1) };
}
const pick = (call: Call, object: ObjectName, row: JsonObject, names: readonly string[]): JsonObject => ({ attributes: attributes(call, object, asText(row['Id'])), ...Object.fromEntries(names.map((name) => [name, row[name] ?? null])) });

function batchSize(call: Call): number {
  const asked = Number(/batchSize=(\d+)/i.exec(call.headers['sforce-query-options'] ?? '')?.[1] ?? '2000');
  return Math.min(2000, Math.max(200, asked));
}

function page(call: Call, locators: Locators, locator: string | null, result: { object: ObjectName; fields: readonly string[]; rows: JsonObject[] }, from: number): Reply {
  const size = batchSize(call);
  const records = result.rows.slice(from, from + size).map((row) => pick(call, result.object, row, result.fields));
  const done = from + size >= result.rows.length;
  if (done) return json(200, { totalSize: result.rows.length, done, records });
  const id = locator ?? `01g${secretText(12)}AAA`;
  locators.open.set(id, result);
  return json(200, { totalSize: result.rows.length, done, nextRecordsUrl: `/services/data/${version(call)}/query/${id}-${from + size}`, records });
}

const malformed = (message: string): Reply => salesforceError(400, 'MALFORMED_QUERY', message);
const invalidField = (field: string, object: string): Reply => salesforceError(400, 'INVALID_FIELD', `\nSELECT ${field} FROM ${object}\n       ^\nERROR at Row:1:Column:8\nNo such column '${field}' on entity '${object}'. If you are attempting to use a custom field, be sure to append the '__c' after the custom field name.`);

export function query(call: Call, data: OrgData, locators: Locators): Reply {
  const parsed = parseSoql(call.query.get('q') ?? '');
  if (!parsed.ok) return malformed(parsed.message);
  const { query: soql } = parsed;
  const object = objectNamed(soql.from);
  if (object === undefined) return salesforceError(400, 'INVALID_TYPE', `\nFROM ${soql.from}\n     ^\nERROR at Row:1:Column:1\nsObject type '${soql.from}' is not supported.`);
  const rows = runQuery(soql, data.tables[object].all());
  if (soql.count) return json(200, { totalSize: rows.length, done: true, records: [] });
  if (soql.fields.some((name) => /^FIELDS\(ALL\)$/i.test(name)) && (soql.limit ?? 201) > 200) return malformed('The SOQL FIELDS function must have a LIMIT of at most 200');
  const wanted = expand(object, soql.fields);
  if (!wanted.ok) return invalidField(wanted.field, object);
  const filtered = expand(object, [...soql.whereFields, ...soql.order.map((one) => one.field)]);
  if (!filtered.ok) return invalidField(filtered.field, object);
  return page(call, locators, null, { object, fields: wanted.fields, rows }, 0);
}

export function queryMore(call: Call, locators: Locators): Reply {
  const [, id = '', from = '0'] = /^(\w+)-(\d+)$/.exec(call.params['locator'] ?? '') ?? [];
  const result = locators.open.get(id);
  return result === undefined ? salesforceError(400, 'INVALID_QUERY_LOCATOR', 'invalid query locator') : page(call, locators, id, result, Number(from));
}

function checkWrite(object: ObjectName, body: JsonObject, creating: boolean): Reply | null {
  const stranger = Object.keys(body).find((name) => !fields[object].writable.includes(name));
  if (stranger !== undefined && allFields(object).includes(stranger)) return salesforceError(400, 'INVALID_FIELD_FOR_INSERT_UPDATE', `Unable to create/update fields: ${stranger}. Please check the security settings of this field and verify that it is read/write for your profile or permission set.`, [stranger]);
  if (stranger !== undefined) return salesforceError(400, 'INVALID_FIELD', `No such column '${stranger}' on sobject of type ${object}`);
  const missing = creating ? fields[object].required.filter((name) => asText(body[name]) === '') : [];
  if (missing.length > 0) return salesforceError(400, 'REQUIRED_FIELD_MISSING', `Required fields are missing: [${missing.join(', ')}]`, missing);
  const email = body['Email'];
  if (typeof email === 'string' && !/^\S+@\S+\.\S+$/.test(email)) return salesforceError(400, 'INVALID_EMAIL_ADDRESS', `Email: invalid email address: ${email}`, ['Email']);
  return null;
}

export function create(call: Call, object: ObjectName, data: OrgData, now: number): Reply {
  const body = bodyObject(call);
  if (body === null) return salesforceError(400, 'JSON_PARSER_ERROR', 'Unexpected character at [line:1, column:1]');
  const refused = checkWrite(object, body, true);
  if (refused !== null) return refused;
  const id = data.newId(object);
  data.tables[object].insert(id, complete(object, id, body, now, now, adminUser));
  return json(201, { id, success: true, errors: [] });
}

const absent = (): Reply => notFound('Provided external ID field does not exist or is not accessible');

export function read(call: Call, object: ObjectName, data: OrgData): Reply {
  const row = data.tables[object].get(call.params['id'] ?? '');
  if (row === undefined) return absent();
  const wanted = call.query.get('fields');
  const chosen = expand(object, wanted === null ? allFields(object) : wanted.split(',').map((name) => name.trim()));
  return chosen.ok ? json(200, pick(call, object, row, chosen.fields)) : invalidField(chosen.field, object);
}

export function update(call: Call, object: ObjectName, data: OrgData, now: number): Reply {
  const id = call.params['id'] ?? '';
  const row = data.tables[object].get(id);
  if (row === undefined) return absent();
  const body = bodyObject(call);
  // A note stays where it was made.
  if (object === 'Note' && body?.['ParentId'] !== undefined) return salesforceError(400, 'INVALID_FIELD_FOR_INSERT_UPDATE', 'Unable to create/update fields: ParentId', ['ParentId']);
  if (body === null) return salesforceError(400, 'JSON_PARSER_ERROR', 'Unexpected character at [line:1, column:1]');
  const refused = checkWrite(object, body, false);
  if (refused !== null) return refused;
  const createdAt = Date.parse(asText(row['CreatedDate']).replace('+0000', 'Z'));
  data.tables[object].replace(id, complete(object, id, { ...row, ...body }, createdAt, now, adminUser));
  return empty(204);
}

export const remove = (call: Call, object: ObjectName, data: OrgData): Reply => (data.tables[object].remove(call.params['id'] ?? '') ? empty(204) : absent());

export function describe(object: ObjectName): Reply {
  return json(200, { name: object, label: object, custom: false, queryable: true, createable: true, updateable: true, deletable: true, fields: allFields(object).map((name) => ({ name, label: name, type: name === 'Id' ? 'id' : 'string', nillable: !fields[object].required.includes(name), updateable: fields[object].writable.includes(name) })) });
}
