/** Issues, comments, projects and users: reading with offsets or tokens, writing what v2 takes. */
import { bodyObject, empty, json, type Call, type Reply } from '../../exchange.ts';
import { asObject, asText, readInteger, type Json, type JsonObject } from '../../json.ts';
import { api, brief, commentRecord, issueRecord, issueTypes, jiraTime, keyFor, named, priorities, statuses, type Site } from './data.ts';
import { parseJql } from './jql.ts';

export const refusal = (status: number, messages: string[], errors: JsonObject = {}): Reply => json(status, { errorMessages: messages, errors });
const noIssue = (): Reply => refusal(404, ['Issue does not exist or you do not have permission to see it.']);

const find = (site: Site, idOrKey: string): JsonObject | undefined => site.issues.get(idOrKey) ?? site.issues.all().find((issue) => issue['key'] === idOrKey.toUpperCase());

function selected(issue: JsonObject, wanted: string | null): JsonObject {
  const fields = asObject(issue['fields']) ?? {};
  if (wanted === null || wanted === '') return { id: issue['id'] ?? '', self: issue['self'] ?? '', key: issue['key'] ?? '' };
  const names = wanted.split(',');
  return names.some((name) => name === '*all' || name === '*navigable') ? issue : { ...issue, fields: Object.fromEntries(Object.entries(fields).filter(([name]) => names.includes(name))) };
}

/** No total; a token leads on, and is absent on the last page. */
export function search(call: Call, site: Site): Reply {
  const query = parseJql(call.query.get('jql') ?? '');
  if (!query.ok) return refusal(400, [query.message]);
  const size = readInteger(call.query.get('maxResults'), 50, 1, 100);
  const token = call.query.get('nextPageToken');
  const start = token === null ? 0 : Number(Buffer.from(token, 'base64url').toString('utf8').replace(/^at:/, ''));
  if (!Number.isInteger(start)) return refusal(400, ['The provided next page token is invalid or expired.']);
  const rows = site.issues.all().filter((issue) => query.matches(issue)).toSorted((one, other) => query.order(one, other));
  const isLast = start + size >= rows.length;
  return json(200, { issues: rows.slice(start, start + size).map((issue) => selected(issue, call.query.get('fields'))), ...(isLast ? {} : { nextPageToken: Buffer.from(`at:${start + size}`).toString('base64url') }), isLast });
}

export function readIssue(call: Call, site: Site): Reply {
  const issue = find(site, call.params['id'] ?? '');
  return issue === undefined ? noIssue() : json(200, selected(issue, call.query.get('fields') ?? '*all'));
}

/** What a caller names by id, key or name, written out as Jira keeps it. */
function resolved(site: Site, given: JsonObject): { fields: JsonObject; errors: JsonObject } {
  const fields: JsonObject = { ...given };
  const errors: JsonObject = {};
  const choose = (field: string, choices: readonly JsonObject[], members: readonly string[], complaint: string): void => {
    if (given[field] === undefined || given[field] === null) return;
    const wanted = asObject(given[field]) ?? {};
    const found = choices.find((choice) => members.some((member) => asText(wanted[member]) !== '' && asText(wanted[member]).toLowerCase() === asText(choice[member]).toLowerCase()));
    if (found === undefined) errors[field] = complaint;
    else fields[field] = found;
  };
  choose('project', site.projects.map(brief), ['id', 'key'], 'Specify a valid project ID or key');
  choose('issuetype', issueTypes.map((type) => ({ ...named(type), subtask: false })), ['id', 'name'], 'Specify a valid issue type');
  choose('priority', priorities.map(named), ['id', 'name'], 'The priority selected is invalid.');
  for (const role of ['assignee', 'reporter']) choose(role, site.users, ['accountId', 'id'], `User does not exist.`);
  if (given['status'] !== undefined) errors['status'] = "Field 'status' cannot be set. It is not on the appropriate screen, or unknown.";
  if (typeof given['description'] === 'object' && given['description'] !== null) errors['description'] = 'Operation value must be a string';
  return { fields, errors };
}

export function createIssue(call: Call, site: Site, now: number): Reply {
  const { fields, errors } = resolved(site, asObject(bodyObject(call)?.['fields']) ?? {});
  if (fields['project'] === undefined) errors['project'] ??= 'Specify a valid project ID or key';
  if (fields['issuetype'] === undefined) errors['issuetype'] ??= 'Specify an issue type';
  if (asText(fields['summary']) === '') errors['summary'] = 'You must specify a summary of the issue.';
  if (Object.keys(errors).length > 0) return refusal(400, [], errors);
  const id = String(site.nextId());
  const defaults: JsonObject = { description: null, status: statuses[0], priority: named(priorities[2]), assignee: null, reporter: site.users[0] ?? null, creator: site.users[0] ?? null, labels: [], duedate: null, resolution: null, resolutiondate: null };
  const issue = issueRecord(site.id, id, keyFor(site.counters, asObject(fields['project']) ?? {}), { ...defaults, ...fields }, now, now);
  site.issues.insert(id, issue);
  return json(201, { id, key: issue['key'] ?? '', self: issue['self'] ?? '' });
}

function replaceFields(site: Site, issue: JsonObject, fields: JsonObject, now: number): JsonObject {
  const changed: JsonObject = { ...issue, fields: { ...asObject(issue['fields']), ...fields, updated: jiraTime(now) } };
  site.issues.replace(asText(issue['id']), changed);
  return changed;
}

export function updateIssue(call: Call, site: Site, now: number): Reply {
  const issue = find(site, call.params['id'] ?? '');
  if (issue === undefined) return noIssue();
  const { fields, errors } = resolved(site, asObject(bodyObject(call)?.['fields']) ?? {});
  if ('summary' in fields && asText(fields['summary']) === '') errors['summary'] = 'You must specify a summary of the issue.';
  if (Object.keys(errors).length > 0) return refusal(400, [], errors);
  const changed = replaceFields(site, issue, fields, now);
  return call.query.get('returnIssue') === 'true' ? json(200, changed) : empty(204);
}

export function deleteIssue(call: Call, site: Site): Reply {
  const issue = find(site, call.params['id'] ?? '');
  return issue !== undefined && site.issues.remove(asText(issue['id'])) ? empty(204) : noIssue();
}

export function transitions(call: Call, site: Site): Reply {
  if (find(site, call.params['id'] ?? '') === undefined) return noIssue();
  return json(200, { expand: 'transitions', transitions: statuses.map((status, n): Json => ({ id: String(11 + n * 10), name: asText(status['name']), to: status, hasScreen: false })) });
}

export function transition(call: Call, site: Site, now: number): Reply {
  const issue = find(site, call.params['id'] ?? '');
  if (issue === undefined) return noIssue();
  const status = statuses[(Number(asText(asObject(bodyObject(call)?.['transition'])?.['id'])) - 11) / 10];
  if (status === undefined) return refusal(400, [], { transition: 'Transition id is not valid for this issue.' });
  const done = status['id'] === '10003';
  replaceFields(site, issue, { status, resolution: done ? { id: '10000', name: 'Done' } : null, resolutiondate: done ? jiraTime(now) : null }, now);
  return empty(204);
}

export function assign(call: Call, site: Site, now: number): Reply {
  const issue = find(site, call.params['id'] ?? '');
  if (issue === undefined) return noIssue();
  const wanted = bodyObject(call)?.['accountId'] ?? null;
  const user = site.users.find((one) => one['accountId'] === wanted) ?? null;
  if (wanted !== null && user === null) return refusal(400, [], { assignee: 'User does not exist.' });
  replaceFields(site, issue, { assignee: user }, now);
  return empty(204);
}

/** Offsets: startAt and maxResults. */
export function offsetPage(call: Call, rows: readonly JsonObject[]): { startAt: number; maxResults: number; values: JsonObject[] } {
  const startAt = readInteger(call.query.get('startAt'), 0, 0, Number.MAX_SAFE_INTEGER);
  const maxResults = readInteger(call.query.get('maxResults'), 50, 1, 100);
  return { startAt, maxResults, values: rows.slice(startAt, startAt + maxResults) };
}

export function listComments(call: Call, site: Site): Reply {
  const issue = find(site, call.params['id'] ?? '');
  if (issue === undefined) return noIssue();
  const rows = site.comments.get(asText(issue['id'])) ?? [];
  const { values, ...place } = offsetPage(call, call.query.get('orderBy') === '-created' ? rows.toReversed() : rows);
  return json(200, { ...place, total: rows.length, comments: values });
}

export function changeComment(call: Call, site: Site, now: number): Reply {
  const issue = find(site, call.params['id'] ?? '');
  if (issue === undefined) return noIssue();
  const rows = site.comments.get(asText(issue['id'])) ?? [];
  const body = asText(bodyObject(call)?.['body']);
  if (call.method === 'POST') {
    if (body === '') return refusal(400, [], { comment: 'Comment body can not be empty!' });
    const made = commentRecord(site.id, asText(issue['id']), String(site.nextId()), site.users[0] ?? null, body, now);
    site.comments.set(asText(issue['id']), [...rows, made]);
    return json(201, made);
  }
  const found = rows.find((row) => row['id'] === call.params['comment']);
  if (found === undefined) return refusal(404, [`Can not find a comment for the id: ${call.params['comment'] ?? ''}.`]);
  if (call.method === 'GET') return json(200, found);
  if (call.method === 'DELETE') {
    site.comments.set(asText(issue['id']), rows.filter((row) => row !== found));
    return empty(204);
  }
  const changed: JsonObject = { ...found, body, updated: jiraTime(now) };
  site.comments.set(asText(issue['id']), rows.map((row) => (row === found ? changed : row)));
  return json(200, changed);
}

export function listProjects(call: Call, site: Site): Reply {
  const { values, ...place } = offsetPage(call, site.projects);
  return json(200, { self: `${api(site.id)}/project/search`, ...place, total: site.projects.length, isLast: place.startAt + values.length >= site.projects.length, values });
}
