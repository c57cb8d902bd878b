/** Reading and writing records: cursor pages, the search export, comments written through their ticket. */
import { bodyObject, empty, json, type Call, type Reply } from '../../exchange.ts';
import { asArray, asObject, asText, readInteger, type JsonObject } from '../../json.ts';
import { adminId, blank, comment, singular, zendeskTime, type Helpdesk, type Kind } from './data.ts';
import { invalid, notFound } from './errors.ts';

/** `page[after]` is where the page begins, as an opaque text; without `page[size]` Zendesk counts by offset. */
export function pageOf(call: Call, key: string, rows: JsonObject[], max = 100): Reply {
  const size = readInteger(call.query.get('page[size]'), 100, 1, max);
  const after = call.query.get('page[after]');
  const start = after === null ? 0 : Number(/^\d+$/.exec(Buffer.from(after, 'base64url').toString('utf8'))?.[0] ?? rows.length);
  const hasMore = start + size < rows.length;
  const cursor = Buffer.from(String(start + size)).toString('base64url');
  const next = new URL(`https://${call.host}${call.path}?${call.query.toString()}`);
  next.searchParams.set('page[after]', cursor);
  return json(200, { [key]: rows.slice(start, start + size), meta: { has_more: hasMore, after_cursor: hasMore ? cursor : null, before_cursor: null }, links: { prev: null, next: hasMore ? next.href : null } });
}

export function list(call: Call, kind: Kind, data: Helpdesk): Reply {
  const role = call.query.get('role');
  const rows = data.tables[kind].all().filter((row) => role === null || row['role'] === role);
  const sort = call.query.get('sort') ?? 'id';
  const field = sort.replace(/^-/, '');
  if (!['id', 'updated_at', 'status', 'name', 'created_at'].includes(field)) return json(400, { error: 'InvalidPaginationParameter', description: `sort is not valid: ${sort}` });
  const sign = sort.startsWith('-') ? -1 : 1;
  const by = (row: JsonObject): string => (field === 'id' ? asText(row['id']).padStart(15, '0') : asText(row[field]));
  return pageOf(call, kind, rows.toSorted((one, other) => sign * (by(one) < by(other) ? -1 : by(one) > by(other) ? 1 : Number(one['id']) - Number(other['id']))));
}

export function read(call: Call, kind: Kind, data: Helpdesk): Reply {
  const row = data.tables[kind].get(call.params['id'] ?? '');
  return row === undefined ? notFound() : json(200, { [singular[kind]]: row });
}

function written(call: Call, kind: Kind): JsonObject {
  return asObject(bodyObject(call)?.[singular[kind]]) ?? {};
}

export function create(call: Call, kind: Kind, data: Helpdesk, now: number): Reply {
  const { comment: first, ...fields } = written(call, kind);
  const body = asText(asObject(first)?.['body']) || asText(fields['description']);
  if (kind === 'tickets' && body === '') return invalid('comment', 'Description: cannot be blank');
  if (kind !== 'tickets' && asText(fields['name']) === '') return invalid('name', 'Name: cannot be blank');
  const id = data.nextId();
  const made: JsonObject = { ...blank(kind, data.subdomain, id, now), ...fields, ...(kind === 'tickets' ? { description: body, subject: fields['subject'] ?? body.slice(0, 80), status: fields['status'] ?? 'open' } : {}) };
  if (kind === 'tickets') data.comments.set(String(id), [comment(data.nextId(), Number(made['requester_id']), body, true, now)]);
  data.tables[kind].insert(String(id), made);
  return json(201, { [singular[kind]]: made }, { location: asText(made['url']) });
}

export function update(call: Call, kind: Kind, data: Helpdesk, now: number): Reply {
  const id = call.params['id'] ?? '';
  const row = data.tables[kind].get(id);
  if (row === undefined) return notFound();
  const { comment: added, ...fields } = written(call, kind);
  if (kind === 'tickets' && row['status'] === 'closed') return invalid('status', 'Status: closed prevents ticket update');
  const changed: JsonObject = { ...row, ...fields, updated_at: zendeskTime(now) };
  const said = asObject(added);
  const events: JsonObject[] = [];
  if (said !== null && kind === 'tickets') {
    const made = comment(data.nextId(), Number(said['author_id'] ?? adminId), asText(said['body'] ?? said['html_body']), said['public'] !== false, now);
    data.comments.set(id, [...(data.comments.get(id) ?? []), made]);
    events.push(made);
  }
  data.tables[kind].replace(id, changed);
  return json(200, { [singular[kind]]: changed, ...(kind === 'tickets' ? { audit: { id: data.nextId(), ticket_id: Number(id), created_at: zendeskTime(now), author_id: adminId, events } } : {}) });
}

/** Users are deactivated and answered; the rest is gone. */
export function remove(call: Call, kind: Kind, data: Helpdesk): Reply {
  const id = call.params['id'] ?? '';
  const row = data.tables[kind].get(id);
  if (row === undefined || !data.tables[kind].remove(id)) return notFound();
  return kind === 'users' ? json(200, { user: { ...row, active: false } }) : empty(204);
}

export function listComments(call: Call, data: Helpdesk): Reply {
  const found = data.comments.get(call.params['id'] ?? '');
  return found === undefined ? notFound() : pageOf(call, 'comments', found);
}

const conditions: Readonly<Record<string, (row: JsonObject) => string[]>> = {
  status: (row) => [asText(row['status'])],
  priority: (row) => [asText(row['priority'])],
  assignee: (row) => [row['assignee_id'] === null ? 'none' : asText(row['assignee_id'])],
  requester: (row) => [asText(row['requester_id'])],
  group: (row) => [asText(row['group_id'])],
  tags: (row) => asArray(row['tags']).map(asText),
  created: (row) => [asText(row['created_at'])],
  updated: (row) => [asText(row['updated_at'])],
};

/** `field:value` and `field>value`; the same field named twice with a colon means either. */
export function searchExport(call: Call, data: Helpdesk): Reply {
  if (call.query.get('filter[type]') !== 'ticket') return json(400, { error: 'InvalidValue', description: 'filter[type] is required' });
  const terms = [...(call.query.get('query') ?? '').matchAll(/(\w+)(:|>=|<=|>|<)"?([^\s"]+)"?/g)].map((match) => ({ field: match[1] ?? '', operator: match[2] ?? '', value: match[3] ?? '' }));
  const holds = (row: JsonObject): boolean =>
    Object.values(Object.groupBy(terms, ({ field, operator }) => field + operator)).every((alternatives = []) => alternatives.some(({ field, operator, value }) => (conditions[field]?.(row) ?? []).some((actual) => compare(actual, operator, value))));
  const rows = data.tables.tickets.all().filter(holds).toSorted((one, other) => (asText(one['created_at']) < asText(other['created_at']) ? -1 : 1));
  return pageOf(call, 'results', rows.map((row) => ({ ...row, result_type: 'ticket' })), 1000);
}

function compare(actual: string, operator: string, value: string): boolean {
  if (operator === ':') return actual === value;
  const [left, right] = [Date.parse(actual), Date.parse(value)];
  return operator === '>' ? left > right : operator === '>=' ? left >= right : operator === '<' ? left < right : left <= right;
}
