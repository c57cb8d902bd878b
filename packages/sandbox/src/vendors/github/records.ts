/** GitHub REST over repositories, issues, comments and pull requests, with Link header paging. */
import { bodyObject, empty, json, realUrl, type Call, type Reply } from '../../exchange.ts';
import { asArray, asObject, asText, readInteger, type JsonObject } from '../../json.ts';
import { githubTime, issueRecord, user, type OwnerData } from './data.ts';
import { githubError, invalid, notFound } from './errors.ts';

/** Pages of up to 100 with rel next, last, first and prev. */
export function paged(call: Call, rows: readonly JsonObject[], wrap: (page: JsonObject[]) => JsonObject | JsonObject[] = (page) => page): Reply {
  const size = readInteger(call.query.get('per_page'), 30, 1, 100);
  const number = readInteger(call.query.get('page'), 1, 1, 1_000_000);
  const last = Math.max(1, Math.ceil(rows.length / size));
  const link = (page: number, rel: string): string => {
    const query = new URLSearchParams(call.query);
    query.set('page', String(page));
    return `<${realUrl(call, `${call.path}?${query}`)}>; rel="${rel}"`;
  };
  const links = [...(number > 1 ? [link(number - 1, 'prev')] : []), ...(number < last ? [link(number + 1, 'next'), link(last, 'last')] : []), ...(number > 1 ? [link(1, 'first')] : [])];
  return json(200, wrap(rows.slice((number - 1) * size, number * size)), links.length === 0 ? {} : { link: links.join(', ') });
}

export const fullName = (call: Call): string => `${call.params['owner'] ?? ''}/${call.params['repo'] ?? ''}`;

export function listIssues(call: Call, data: OwnerData): Reply {
  const state = call.query.get('state') ?? 'open';
  if (!['open', 'closed', 'all'].includes(state)) return invalid('Issue', 'state', 'invalid');
  const since = call.query.get('since') ?? '';
  const labels = (call.query.get('labels') ?? '').split(',').filter(Boolean);
  const sort = call.query.get('sort') === 'updated' ? 'updated_at' : 'created_at';
  const sign = call.query.get('direction') === 'asc' ? 1 : -1;
  const rows = data.issues.all()
    .filter((issue) => asText(issue['repository_url']).endsWith(`/repos/${fullName(call)}`))
    .filter((issue) => (state === 'all' || issue['state'] === state) && asText(issue['updated_at']) >= since && labels.every((label) => asArray(issue['labels']).some((one) => asObject(one)?.['name'] === label)))
    .toSorted((a, b) => sign * (asText(a[sort]).localeCompare(asText(b[sort])) || Number(a['number']) - Number(b['number'])));
  return paged(call, rows);
}

const author = (data: OwnerData): JsonObject => user(data.login, 5_100_000);
const labelNames = (body: JsonObject): string[] => asArray(body['labels']).map((label) => asText(asObject(label)?.['name'] ?? label));

export function createIssue(call: Call, data: OwnerData, now: number): Reply {
  const body = bodyObject(call);
  if (body === null) return githubError(400, 'Problems parsing JSON');
  if (asText(body['title']) === '') return invalid('Issue', 'title', 'missing_field');
  const full = fullName(call);
  const number = data.nextNumber(full);
  const issue = issueRecord(full, number, data.nextId(), { title: asText(body['title']), body: body['body'] === undefined || body['body'] === null ? null : asText(body['body']), labels: labelNames(body), author: author(data), createdMs: now });
  data.issues.insert(`${full}#${number}`, issue);
  return json(201, issue, { location: asText(issue['url']) });
}

const issueKey = (call: Call): string => `${fullName(call)}#${call.params['number'] ?? ''}`;
export function readIssue(call: Call, data: OwnerData): Reply {
  const issue = data.issues.get(issueKey(call));
  return issue === undefined ? notFound() : json(200, issue);
}

export function updateIssue(call: Call, data: OwnerData, now: number): Reply {
  const issue = data.issues.get(issueKey(call));
  if (issue === undefined) return notFound();
  const body = bodyObject(call);
  if (body === null) return githubError(400, 'Problems parsing JSON');
  const { state } = body;
  if (state !== undefined && state !== 'open' && state !== 'closed') return invalid('Issue', 'state', 'invalid');
  const picked: JsonObject = Object.fromEntries(Object.entries(body).filter(([name]) => ['title', 'body', 'state', 'state_reason'].includes(name)));
  const labels = body['labels'] === undefined ? {} : { labels: labelNames(body).map((name, n) => ({ id: 9000 + n, name, color: 'ededed', default: false, description: null })) };
  const closing = state === 'closed' ? { closed_at: githubTime(now), state_reason: asText(body['state_reason']) || 'completed' } : state === 'open' ? { closed_at: null, state_reason: 'reopened' } : {};
  const changed: JsonObject = { ...issue, ...picked, ...labels, ...closing, updated_at: githubTime(now) };
  data.issues.replace(issueKey(call), changed);
  return json(200, changed);
}

export function lock(call: Call, data: OwnerData, locked: boolean): Reply {
  const issue = data.issues.get(issueKey(call));
  if (issue === undefined) return notFound();
  data.issues.replace(issueKey(call), { ...issue, locked, active_lock_reason: locked ? (asText(bodyObject(call)?.['lock_reason']) || null) : null });
  return empty(204);
}

/** The pull request of an issue that is one: the same record with branches. */
function pullOf(issue: JsonObject): JsonObject {
  const mergedAt = asObject(issue['pull_request'])?.['merged_at'] ?? null;
  return { ...issue, html_url: asText(issue['html_url']).replace('/issues/', '/pull/'), url: asText(issue['url']).replace('/issues/', '/pulls/'), head: { ref: `feature-${asText(issue['number'])}`, sha: 'c0ffee'.padEnd(40, '0') }, base: { ref: 'main', sha: 'beef'.padEnd(40, '0') }, draft: false, merged: mergedAt !== null, merged_at: mergedAt, mergeable: issue['state'] === 'open' };
}
export function listPulls(call: Call, data: OwnerData): Reply {
  const state = call.query.get('state') ?? 'open';
  return paged(call, data.issues.all().filter((issue) => issue['pull_request'] !== undefined && asText(issue['repository_url']).endsWith(`/repos/${fullName(call)}`) && (state === 'all' || issue['state'] === state)).map(pullOf));
}
export function readPull(call: Call, data: OwnerData): Reply {
  const issue = data.issues.get(issueKey(call));
  return issue?.['pull_request'] === undefined ? notFound() : json(200, pullOf(issue));
}

/** Title, body and state; what an issue has, a pull request has. */
export function updatePull(call: Call, data: OwnerData, now: number): Reply {
  const issue = data.issues.get(issueKey(call));
  if (issue?.['pull_request'] === undefined) return notFound();
  const changed = updateIssue(call, data, now);
  return changed.status === 200 ? readPull(call, data) : changed;
}
export function mergePull(call: Call, data: OwnerData, now: number): Reply {
  const issue = data.issues.get(issueKey(call));
  if (issue?.['pull_request'] === undefined) return notFound();
  if (issue['state'] === 'closed') return githubError(405, 'Pull Request is not mergeable');
  data.issues.replace(issueKey(call), { ...issue, state: 'closed', closed_at: githubTime(now), updated_at: githubTime(now), pull_request: { ...asObject(issue['pull_request']), merged_at: githubTime(now) } });
  return json(200, { sha: 'c0ffee'.padEnd(40, '0'), merged: true, message: 'Pull Request successfully merged' });
}

export function createPull(call: Call, data: OwnerData, now: number): Reply {
  const body = bodyObject(call);
  const missing = ['head', 'base', 'title'].find((name) => asText(body?.[name]) === '');
  if (body === null || missing !== undefined) return invalid('PullRequest', missing ?? 'title', 'missing_field');
  const full = fullName(call);
  const number = data.nextNumber(full);
  const issue = issueRecord(full, number, data.nextId(), { title: asText(body['title']), body: asText(body['body']) || null, labels: [], author: author(data), createdMs: now });
  const made: JsonObject = { ...issue, pull_request: { url: `https://api.github.com/repos/${full}/pulls/${number}`, html_url: `https://github.com/${full}/pull/${number}`, merged_at: null } };
  data.issues.insert(`${full}#${number}`, made);
  return json(201, pullOf(made));
}

export function listComments(call: Call, data: OwnerData): Reply {
  if (data.issues.get(issueKey(call)) === undefined) return notFound();
  return paged(call, data.comments.all().filter((comment) => asText(comment['issue_url']).endsWith(`/repos/${fullName(call)}/issues/${call.params['number'] ?? ''}`)));
}
export function createComment(call: Call, data: OwnerData, now: number): Reply {
  const issue = data.issues.get(issueKey(call));
  if (issue === undefined) return notFound();
  const body = asText(bodyObject(call)?.['body']);
  if (body === '') return invalid('IssueComment', 'body', 'missing_field');
  const id = data.nextId();
  const full = fullName(call);
  const comment: JsonObject = { id, node_id: `IC_${id}`, url: `https://api.github.com/repos/${full}/issues/comments/${id}`, html_url: `${asText(issue['html_url'])}#issuecomment-${id}`, issue_url: asText(issue['url']), user: author(data), created_at: githubTime(now), updated_at: githubTime(now), author_association: 'MEMBER', body };
  data.comments.insert(String(id), comment);
  return json(201, comment);
}
export function comment(call: Call, data: OwnerData, now: number): Reply {
  const id = call.params['id'] ?? '';
  const present = data.comments.get(id);
  if (present === undefined) return notFound();
  if (call.method === 'DELETE') {
    data.comments.remove(id);
    return empty(204);
  }
  if (call.method !== 'PATCH') return json(200, present);
  const changed = { ...present, body: asText(bodyObject(call)?.['body']), updated_at: githubTime(now) };
  data.comments.replace(id, changed);
  return json(200, changed);
}

export function updateRepository(call: Call, data: OwnerData, now: number): Reply {
  const present = data.repos.get(fullName(call));
  if (present === undefined) return notFound();
  const body = bodyObject(call) ?? {};
  const changed: JsonObject = { ...present, ...Object.fromEntries(Object.entries(body).filter(([name]) => ['description', 'homepage', 'has_issues', 'archived', 'default_branch'].includes(name))), updated_at: githubTime(now) };
  data.repos.replace(fullName(call), changed);
  return json(200, changed);
}

export function profile(call: Call, data: OwnerData): Reply {
  const found = data.people.find((one) => asText(one['login']).toLowerCase() === (call.params['login'] ?? '').toLowerCase());
  return found === undefined ? notFound() : json(200, { ...found, name: `Öffentlich ${asText(found['login'])}`, company: null, email: null, bio: null, created_at: '2025-01-01T00:00:00Z', updated_at: '2026-01-01T00:00:00Z' });
}
