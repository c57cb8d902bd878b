/** An owner's repositories, issues, comments and pull requests. */
import { castPeople, seedStartMs } from '../../cast.ts';
import type { JsonObject } from '../../json.ts';
import type { Random } from '../../random.ts';
import { createTable, type Table } from '../../table.ts';
import type { Change } from '../../vendor.ts';

export interface Owner {
  /** Also the id of the App's installation. */
  readonly id: string;
  readonly name: string;
}
export const owners = Array.from({ length: 10 }, (_, n) => ({ id: String(51_000_001 + n), name: `evenkeel-sandbox-${n + 1}` })) as [Owner, ...Owner[]];
export interface OwnerData {
  readonly login: string;
  /** Keyed by full_name. */
  readonly repos: Table;
  /** Keyed by "full_name#number"; pull requests are issues too. */
  readonly issues: Table;
  readonly comments: Table;
  /** Who can be assigned to issues, the owner first; with what only the profile tells. */
  readonly people: readonly JsonObject[];
  nextNumber(repo: string): number;
  nextId(): number;
}
const api = 'https://api.github.com';
const time = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;
export const githubTime = time;
export const user = (login: string, id: number): JsonObject => ({ login, id, node_id: `U_${id}`, avatar_url: `https://avatars.githubusercontent.com/u/${id}?v=4`, url: `${api}/users/${login}`, html_url: `https://github.com/${login}`, type: 'User', site_admin: false });

export function repository(login: string, name: string, id: number, createdMs: number): JsonObject {
  const full = `${login}/${name}`;
  return { id, node_id: `R_${id}`, name, full_name: full, private: true, owner: user(login, 5_100_000), html_url: `https://github.com/${full}`, description: `Das ${name}-Projekt`, fork: false, url: `${api}/repos/${full}`, created_at: time(createdMs), updated_at: time(createdMs), pushed_at: time(createdMs), homepage: null, size: 120, stargazers_count: 3, language: 'TypeScript', has_issues: true, archived: false, disabled: false, open_issues_count: 0, default_branch: 'main', visibility: 'private', permissions: { admin: false, push: true, pull: true } };
}

export interface IssueInput {
  readonly title: string;
  readonly body: string | null;
  readonly labels: readonly string[];
  readonly author: JsonObject;
  readonly createdMs: number;
}
export function issueRecord(full: string, number: number, id: number, input: IssueInput): JsonObject {
  return { url: `${api}/repos/${full}/issues/${number}`, repository_url: `${api}/repos/${full}`, comments_url: `${api}/repos/${full}/issues/${number}/comments`, html_url: `https://github.com/${full}/issues/${number}`, id, node_id: `I_${id}`, number, title: input.title, user: input.author, labels: input.labels.map((name, n) => ({ id: 9000 + n, name, color: 'ededed', default: false, description: null })), state: 'open', locked: false, assignee: null, assignees: [], milestone: null, comments: 0, created_at: time(input.createdMs), updated_at: time(input.createdMs), closed_at: null, author_association: 'MEMBER', active_lock_reason: null, body: input.body, state_reason: null };
}

export function createOwner(id: string, random: Random, changed: (change: Change) => void): OwnerData {
  const login = owners.find((owner) => owner.id === id)?.name ?? 'unknown';
  const repos = createTable(id, 'repositories', changed);
  const issues = createTable(id, 'issues', changed);
  const comments = createTable(id, 'issue_comments', changed);
  const numbers = new Map<string, number>();
  let lastId = 900_000_000;
  const nextId = (): number => {
    lastId += 1;
    return lastId;
  };
  const nextNumber = (repo: string): number => {
    const next = (numbers.get(repo) ?? 0) + 1;
    numbers.set(repo, next);
    return next;
  };
  const people = castPeople(random, 40, 0).map((person, n) => user(`dev-${n}-${person.first.replace(/[^a-zA-Z]/g, '').toLowerCase() || 'x'}`, 6_000_000 + n));
  const author = (): JsonObject => people[random.between(0, people.length - 1)] ?? user('ghost', 10_137);
  for (const [index, name] of ['api', 'web', 'docs', ...Array.from({ length: 35 }, (_, n) => `service-${n}`)].entries()) {
    const full = `${login}/${name}`;
    repos.seed(full, repository(login, name, nextId(), seedStartMs + index * 86_400_000));
    for (let n = 0; n < (index === 0 ? 255 : index < 3 ? 30 : 0); n += 1) {
      const number = nextNumber(full);
      const createdMs = seedStartMs + n * 7_200_000;
      const made = issueRecord(full, number, nextId(), { title: n % 6 === 0 ? `Größe falsch berechnet (${n}) 🐛` : `Issue ${n}`, body: n % 5 === 0 ? null : 'Steps:\n1. open\n2. look', labels: n % 3 === 0 ? ['bug'] : [], author: author(), createdMs });
      const closed = n % 4 === 3 ? { state: 'closed', state_reason: 'completed', closed_at: time(createdMs + 3_600_000) } : {};
      const pull = n % 10 === 9 ? { pull_request: { url: `${api}/repos/${full}/pulls/${number}`, html_url: `https://github.com/${full}/pull/${number}`, merged_at: null }, draft: false } : {};
      issues.seed(`${full}#${number}`, { ...made, ...closed, ...pull });
      if (n % 7 === 0) {
        const commentId = nextId();
        comments.seed(String(commentId), { id: commentId, node_id: `IC_${commentId}`, url: `${api}/repos/${full}/issues/comments/${commentId}`, html_url: `https://github.com/${full}/issues/${number}#issuecomment-${commentId}`, issue_url: `${api}/repos/${full}/issues/${number}`, user: author(), created_at: time(createdMs), updated_at: time(createdMs), author_association: 'MEMBER', body: 'Gleiches Problem hier 👍' });
      }
    }
  }
  return { login, repos, issues, comments, people: [user(login, 5_100_000), ...people], nextNumber, nextId };
}
