/** A site's projects, users, issues and comments, in the shapes of REST API v2. */
import { castPeople, seedStartMs } from '../../cast.ts';
import type { JsonObject } from '../../json.ts';
import type { Random } from '../../random.ts';
import { createTable, type Table } from '../../table.ts';
import type { Change } from '../../vendor.ts';

export const sites = Array.from({ length: 10 }, (_, n) => ({ id: `1324a887-45db-4bf4-9e99-ef0ff456d4${String(n + 10)}`, name: `evenkeel-sandbox-${n + 1}` })) as [{ id: string; name: string }, ...{ id: string; name: string }[]];
export interface Site {
  readonly id: string;
  readonly issues: Table;
  readonly projects: readonly JsonObject[];
  readonly users: readonly JsonObject[];
  /** By issue id. */
  readonly comments: Map<string, JsonObject[]>;
  /** Number of the last issue of each project. */
  readonly counters: Map<string, number>;
  nextId(): number;
}
/** Jira writes milliseconds and an offset without a colon. */
export const jiraTime = (ms: number): string => new Date(ms).toISOString().replace('Z', '+0000');
export const api = (site: string): string => `https://api.atlassian.com/ex/jira/${site}/rest/api/2`;

const status = (id: string, name: string, key: string): JsonObject => ({ id, name, statusCategory: { id: { new: 2, indeterminate: 4, done: 3 }[key] ?? 1, key, name: { new: 'To Do', indeterminate: 'In Progress', done: 'Done' }[key] ?? '' } });
export const statuses = [status('10000', 'To Do', 'new'), status('10001', 'In Progress', 'indeterminate'), status('10002', 'In Review', 'indeterminate'), status('10003', 'Done', 'done')] as const;
export const priorities = [['1', 'Highest'], ['2', 'High'], ['3', 'Medium'], ['4', 'Low'], ['5', 'Lowest']] as const;
export const issueTypes = [['10001', 'Story'], ['10002', 'Task'], ['10003', 'Bug'], ['10000', 'Epic']] as const;
export const named = ([id, name]: readonly [string, string]): JsonObject => ({ id, name });
const summaries = ['Größere Anhänge scheitern', 'Main order flow broken', 'ログインできない', 'Refactor the importer', 'Facture en double', 'Say why a call failed'] as const;

export function createSite(site: string, random: Random, changed: (change: Change) => void): Site {
  const users = castPeople(random, 60, 0).map((person, n): JsonObject => ({ self: `${api(site)}/user?accountId=712020:${n}`, accountId: `712020:${String(n).padStart(4, '0')}`, accountType: n > 56 ? 'app' : 'atlassian', displayName: [person.first, person.last].filter(Boolean).join(' '), ...(n % 3 === 0 && person.email !== null ? { emailAddress: person.email } : {}), active: n % 20 !== 19, timeZone: 'Europe/Oslo', locale: 'en_US' }));
  const projects = [['10000', 'OPS', 'Operations'], ['10001', 'WEB', 'Größeres Web'], ['10002', 'INT', 'Intégrations']].map(([id = '', key = '', name = ''], n): JsonObject => ({ self: `${api(site)}/project/${id}`, id, key, name, description: n === 2 ? '' : `What ${name} works on`, lead: users[n] ?? null, projectTypeKey: 'software', simplified: false, style: 'classic', isPrivate: false, archived: false }));
  const issues = createTable(site, 'issues', changed);
  const comments = new Map<string, JsonObject[]>();
  const counters = new Map<string, number>();
  let last = 20_000;
  const nextId = (): number => (last += 1);
  for (let n = 0; n < 230; n += 1) {
    const project = projects[n % 3] ?? {};
    const createdMs = seedStartMs + n * 7_200_000 + random.between(0, 3_000_000);
    const updatedMs = createdMs + random.between(0, 40) * 86_400_000;
    const now = random.pick(statuses);
    const done = now['id'] === '10003';
    const id = String(nextId());
    issues.seed(id, issueRecord(site, id, keyFor(counters, project), { summary: `${random.pick(summaries)} ${n + 1}`, description: random.chance(0.2) ? null : 'Steps to reproduce:\n# open\n# wait', status: now, priority: named(random.pick(priorities)), issuetype: { ...named(random.pick(issueTypes)), subtask: false }, project: brief(project), assignee: random.chance(0.3) ? null : (users[random.between(0, 50)] ?? null), reporter: users[random.between(0, 50)] ?? null, creator: users[0] ?? null, labels: random.chance(0.5) ? [] : ['größe', random.pick(['backend', 'customer'] as const)], duedate: random.chance(0.7) ? null : new Date(createdMs + 2_592_000_000).toISOString().slice(0, 10), resolution: done ? { id: '10000', name: 'Done' } : null, resolutiondate: done ? jiraTime(updatedMs) : null }, createdMs, updatedMs));
    if (n % 2 === 0) comments.set(id, [commentRecord(site, id, String(nextId()), users[1] ?? null, 'On it.', createdMs), commentRecord(site, id, String(nextId()), users[2] ?? null, 'Fertig?', createdMs + 60_000)]);
  }
  return { id: site, issues, projects, users, comments, counters, nextId };
}

export const brief = (project: JsonObject): JsonObject => Object.fromEntries(['self', 'id', 'key', 'name', 'projectTypeKey'].map((name) => [name, project[name] ?? null]));

export function keyFor(counters: Map<string, number>, project: JsonObject): string {
  const key = String(project['key']);
  const number = (counters.get(key) ?? 0) + 1;
  counters.set(key, number);
  return `${key}-${number}`;
}
export function issueRecord(site: string, id: string, key: string, fields: JsonObject, createdMs: number, updatedMs: number): JsonObject {
  return { id, self: `${api(site)}/issue/${id}`, key, fields: { ...fields, created: jiraTime(createdMs), updated: jiraTime(updatedMs) } };
}
export function commentRecord(site: string, issue: string, id: string, author: JsonObject | null, body: string, ms: number): JsonObject {
  return { self: `${api(site)}/issue/${issue}/comment/${id}`, id, author, body, updateAuthor: author, created: jiraTime(ms), updated: jiraTime(ms), jsdPublic: true };
}
