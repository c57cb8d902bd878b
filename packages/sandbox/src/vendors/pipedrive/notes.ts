/** Notes of version 1: paged by start, sorted by name and direction, changed with PUT, on a person, organization or deal. */
import { bodyObject, json, type Call, type Reply } from '../../exchange.ts';
import { asText, readInteger, type JsonObject } from '../../json.ts';
import { noteRecord, v1Time, type CompanyData } from './data.ts';
import { pipedriveError } from './errors.ts';

const holders = { person_id: 'persons', org_id: 'organizations', deal_id: 'deals' } as const;
const writable = ['content', 'user_id', 'lead_id', ...Object.keys(holders)];

export function listNotes(call: Call, data: CompanyData): Reply {
  const start = readInteger(call.query.get('start'), 0, 0, 1_000_000);
  const limit = readInteger(call.query.get('limit'), 100, 1, 500);
  const [by = 'id', direction = 'ASC'] = (call.query.get('sort') ?? 'id ASC').split(' ');
  const sign = direction.toUpperCase() === 'DESC' ? -1 : 1;
  const rows = data.notes.all()
    .filter((row) => ['user_id', ...Object.keys(holders)].every((name) => [null, '', asText(row[name])].includes(call.query.get(name))))
    .toSorted((a, b) => sign * (by === 'id' ? 0 : asText(a[by]).localeCompare(asText(b[by]))) || sign * (Number(a['id']) - Number(b['id'])));
  const more = start + limit < rows.length;
  const page = rows.slice(start, start + limit);
  return json(200, { success: true, data: page.length === 0 ? null : page, additional_data: { pagination: { start, limit, more_items_in_collection: more, ...(more ? { next_start: start + limit } : {}) } } });
}

const absent = (): Reply => pipedriveError(404, 'Note not found');

export function readNote(call: Call, data: CompanyData): Reply {
  const row = data.notes.get(call.params['id'] ?? '');
  return row === undefined ? absent() : json(200, { success: true, data: row });
}

function faultOf(body: JsonObject, data: CompanyData): string | null {
  const stranger = Object.keys(body).find((name) => !writable.includes(name));
  if (stranger !== undefined) return `Validation failed: ${stranger}: unknown field`;
  const lost = Object.entries(holders).find(([name, table]) => body[name] !== undefined && body[name] !== null && data.tables[table].get(asText(body[name])) === undefined);
  return lost === undefined ? null : `Validation failed: ${lost[0]}: not found`;
}

export function createNote(call: Call, data: CompanyData, now: number): Reply {
  const body = bodyObject(call) ?? {};
  const fault = asText(body['content']) === '' ? 'Validation failed: content: Required' : faultOf(body, data);
  if (fault !== null) return pipedriveError(400, fault);
  if (!Object.keys(holders).some((name) => typeof body[name] === 'number')) return pipedriveError(400, 'At least one of lead_id, deal_id, person_id and org_id is required');
  const id = data.nextNote();
  const row = noteRecord(id, body, now, now);
  data.notes.insert(String(id), row);
  return json(201, { success: true, data: row });
}

export function updateNote(call: Call, data: CompanyData, now: number): Reply {
  const id = call.params['id'] ?? '';
  const present = data.notes.get(id);
  if (present === undefined) return absent();
  const body = bodyObject(call) ?? {};
  const fault = faultOf(body, data);
  if (fault !== null) return pipedriveError(400, fault);
  const row: JsonObject = { ...present, ...body, update_time: v1Time(now) };
  data.notes.replace(id, row);
  return json(200, { success: true, data: row });
}

export const removeNote = (call: Call, data: CompanyData): Reply => (data.notes.remove(call.params['id'] ?? '') ? json(200, { success: true, data: true }) : absent());
