/** HubSpot CRM v3 objects: list, read, create, update, archive, search, batch. */
import { bodyObject, empty, json, realUrl, type Call, type Reply } from '../../exchange.ts';
import { asArray, asObject, asText, readInteger, type JsonObject } from '../../json.ts';
import { route, type Route } from '../../route.ts';
import type { Table } from '../../table.ts';
import type { World } from '../../vendor.ts';
import type { Access } from './access.ts';
import { modifiedProperty, record, type ObjectType, type Portal } from './data.ts';
import { hubspotError, notFound, validation } from './errors.ts';
import { search } from './search.ts';

const defaults: Record<ObjectType, readonly string[]> = {
  contacts: ['createdate', 'email', 'firstname', 'hs_object_id', 'lastmodifieddate', 'lastname'],
  companies: ['createdate', 'domain', 'hs_lastmodifieddate', 'hs_object_id', 'name'],
  deals: ['amount', 'closedate', 'createdate', 'dealname', 'dealstage', 'hs_lastmodifieddate', 'hs_object_id', 'pipeline'],
  notes: ['createdate', 'hs_lastmodifieddate', 'hs_object_id'],
};
const knownProperties: Record<ObjectType, readonly string[]> = {
  contacts: ['firstname', 'lastname', 'email', 'phone', 'mobilephone', 'jobtitle', 'company', 'associatedcompanyid', 'lifecyclestage', 'hubspot_owner_id', 'website', 'address', 'city', 'state', 'zip', 'country', 'hs_lead_status'],
  companies: ['name', 'domain', 'city', 'state', 'zip', 'address', 'country', 'industry', 'numberofemployees', 'phone', 'hubspot_owner_id', 'website', 'description', 'annualrevenue', 'lifecyclestage'],
  deals: ['dealname', 'amount', 'dealstage', 'pipeline', 'closedate', 'hubspot_owner_id', 'dealtype', 'description', 'hs_priority'],
  notes: ['hs_note_body', 'hs_timestamp', 'hubspot_owner_id'],
};
const isType = (text: string): text is ObjectType => Object.hasOwn(defaults, text);
/** Notes are covered by the contact scopes. */
const scopeOf = (type: ObjectType, right: 'read' | 'write'): string => `crm.objects.${type === 'notes' ? 'contacts' : type}.${right}`;

function shape(type: ObjectType, source: JsonObject, wanted: readonly string[]): JsonObject {
  const properties = asObject(source['properties']) ?? {};
  const names = wanted.length === 0 ? defaults[type] : [...wanted, 'createdate', modifiedProperty(type), 'hs_object_id'];
  return { ...source, properties: Object.fromEntries([...new Set(names)].toSorted().map((name) => [name, properties[name] ?? null])) };
}
const wantedOf = (call: Call): string[] => call.query.getAll('properties').flatMap((names) => names.split(',')).filter(Boolean);

function list(call: Call, type: ObjectType, table: Table): Reply {
  const limitText = call.query.get('limit');
  const limit = readInteger(limitText, 10, -1, 1_000_000);
  if (limit < 1 || limit > 100) return validation(`Invalid limit ${limitText}: must be between 1 and 100.`);
  const after = call.query.get('after');
  if (after !== null && !/^\d+$/.test(after)) return validation(`Invalid after "${after}".`);
  const wanted = wantedOf(call);
  const rows = call.query.get('archived') === 'true' ? [] : table.all();
  const from = after === null ? 0 : rows.findIndex((row) => Number(row['id']) >= Number(after));
  const page = from < 0 ? [] : rows.slice(from, from + limit);
  const following = from < 0 ? undefined : rows[from + limit];
  if (following === undefined) return json(200, { results: page.map((row) => shape(type, row, wanted)) });
  const query = new URLSearchParams(call.query);
  query.set('after', asText(following['id']));
  return json(200, { results: page.map((row) => shape(type, row, wanted)), paging: { next: { after: asText(following['id']), link: realUrl(call, `${call.path}?${query}`) } } });
}

function checkProperties(type: ObjectType, table: Table, input: JsonObject, id: string | null): Reply | null {
  const stranger = Object.keys(input).find((name) => !knownProperties[type].includes(name));
  const invalid = (name: string, message: string, code: string): Reply =>
    validation(`Property values were not valid: ${JSON.stringify([{ isValid: false, message, error: code, name, localizedErrorMessage: message }])}`);
  if (stranger !== undefined) return invalid(stranger, `Property "${stranger}" does not exist`, 'PROPERTY_DOESNT_EXIST');
  const email = input['email'];
  if (type !== 'contacts' || typeof email !== 'string' || email === '') return null;
  if (!/^\S+@\S+\.\S+$/.test(email)) return invalid('email', `Email address ${email} is invalid`, 'INVALID_EMAIL');
  const other = table.all().find((row) => asText(asObject(row['properties'])?.['email']).toLowerCase() === email.toLowerCase() && row['id'] !== id);
  return other === undefined ? null : hubspotError(409, 'CONFLICT', `Contact already exists. Existing ID: ${asText(other['id'])}`);
}
/** Every value is kept as text; an empty one clears. */
const asProperties = (input: JsonObject): JsonObject => Object.fromEntries(Object.entries(input).map(([name, value]) => [name, value === null || value === '' ? null : asText(value)]));

function create(input: JsonObject | null, type: ObjectType, portal: Portal, now: number): Reply {
  const properties = asObject(input?.['properties']);
  if (properties === null) return validation('Invalid input JSON: "properties" must be an object.');
  const refused = checkProperties(type, portal.tables[type], properties, null);
  if (refused !== null) return refused;
  const id = portal.nextId();
  const made = record(id, asProperties(properties), now, now, modifiedProperty(type));
  portal.tables[type].insert(id, made);
  return json(201, made);
}

function update(call: Call, type: ObjectType, portal: Portal, now: number): Reply {
  const id = call.params['id'] ?? '';
  const present = portal.tables[type].get(id);
  if (present === undefined) return notFound();
  const properties = asObject(bodyObject(call)?.['properties']);
  if (properties === null) return validation('Invalid input JSON: "properties" must be an object.');
  const refused = checkProperties(type, portal.tables[type], properties, id);
  if (refused !== null) return refused;
  const merged: JsonObject = { ...asObject(present['properties']), ...asProperties(properties) };
  const changed = record(id, merged, Date.parse(asText(present['createdAt'])), now, modifiedProperty(type));
  portal.tables[type].replace(id, changed);
  return json(200, changed);
}

function batchRead(call: Call, type: ObjectType, portal: Portal, now: number): Reply {
  const body = bodyObject(call);
  const ids = asArray(body?.['inputs']).map((input) => asText(asObject(input)?.['id']));
  if (ids.length === 0 || ids.length > 100) return validation('inputs must hold 1 to 100 ids.');
  const found = ids.map((id) => portal.tables[type].get(id)).filter((row) => row !== undefined);
  const at = new Date(now).toISOString();
  return json(found.length === ids.length ? 200 : 207, { status: 'COMPLETE', results: found.map((row) => shape(type, row, asArray(body?.['properties']).map(asText))), startedAt: at, completedAt: at });
}

export function objectRoutes(world: World, access: Access, portalOf: (id: string) => Portal): Route[] {
  const guarded = (right: 'read' | 'write', handle: (call: Call, type: ObjectType, portal: Portal) => Reply) => (call: Call): Reply => {
    const type = call.params['object'] ?? '';
    if (!isType(type)) return hubspotError(400, 'VALIDATION_ERROR', `Unable to infer object type from: ${type}`);
    const admitted = access.admit(call, scopeOf(type, right));
    return admitted.ok ? handle(call, type, portalOf(admitted.portal)) : admitted.reply;
  };
  const now = (): number => world.clock.now();
  const base = '/crm/v3/objects/:object';
  return [
    route(`POST api ${base}/search`, guarded('read', (call, type, portal) => search(call, portal.tables[type].all(), (row, names) => shape(type, row, names)))),
    route(`POST api ${base}/batch/read`, guarded('read', (call, type, portal) => batchRead(call, type, portal, now()))),
    route(`GET api ${base}`, guarded('read', (call, type, portal) => list(call, type, portal.tables[type]))),
    route(`POST api ${base}`, guarded('write', (call, type, portal) => create(bodyObject(call), type, portal, now()))),
    route(`GET api ${base}/:id`, guarded('read', (call, type, portal) => {
      const id = call.params['id'] ?? '';
      const row = call.query.get('idProperty') === 'email' ? portal.tables[type].all().find((one) => asObject(one['properties'])?.['email'] === id) : portal.tables[type].get(id);
      return row === undefined ? notFound() : json(200, shape(type, row, wantedOf(call)));
    })),
    route(`PATCH api ${base}/:id`, guarded('write', (call, type, portal) => update(call, type, portal, now()))),
    route(`DELETE api ${base}/:id`, guarded('write', (call, type, portal) => (portal.tables[type].remove(call.params['id'] ?? ''), empty(204)))),
  ];
}
