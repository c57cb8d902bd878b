/** A workspace's teams, states, users, projects, issues, labels and comments, kept flat with ids of relations. */
import { castPeople, seedStartMs } from '../../cast.ts';
import { asText, type JsonObject } from '../../json.ts';
import type { Random } from '../../random.ts';
import { createTable, type Table } from '../../table.ts';
import type { Change } from '../../vendor.ts';

export const organizations = Array.from({ length: 10 }, (_, n) => ({ id: `0a1b2c3d-0000-4000-8000-0000000000${String(n + 1).padStart(2, '0')}`, name: `Sandbox workspace ${n + 1}`, urlKey: `evenkeel-sandbox-${n + 1}` })) as [Organization, ...Organization[]];
export interface Organization {
  readonly id: string;
  readonly name: string;
  readonly urlKey: string;
}
export type Kind = 'issues' | 'teams' | 'users' | 'projects' | 'comments' | 'states' | 'labels';
export interface Workspace {
  readonly organization: Organization;
  readonly tables: Readonly<Record<Kind, Table>>;
  nextNumber(teamId: string): number;
}
const iso = (ms: number): string => new Date(ms).toISOString();

/** A version-4-shaped id from the seed, so that the same seed gives the same ids. */
export function seededId(random: Random): string {
  const hex = Array.from({ length: 32 }, () => random.between(0, 15).toString(16)).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}
const workflow = [['Backlog', 'backlog'], ['Todo', 'unstarted'], ['In Progress', 'started'], ['Done', 'completed'], ['Canceled', 'canceled']] as const;
export function statesFor(teamId: string, newId: () => string, at: string): JsonObject[] {
  return workflow.map(([name, type], position) => ({ id: newId(), name, type, color: '#bec2c8', position, teamId, createdAt: at, updatedAt: at }));
}

function seedPeople(workspace: Workspace, random: Random): string[] {
  return castPeople(random, 60, 0).map((person, n) => {
    const id = seededId(random);
    const name = [person.first, person.last].filter(Boolean).join(' ');
    workspace.tables.users.seed(id, { id, name, displayName: person.first.toLowerCase(), email: person.email ?? `user${n}@mail.example`, active: n % 15 !== 14, admin: n === 0, guest: n % 9 === 8, createdAt: iso(person.createdAt), updatedAt: iso(person.updatedAt), archivedAt: null, url: `https://linear.app/${workspace.organization.urlKey}/profiles/user${n}`, avatarUrl: null });
    return id;
  });
}

function seedTeams(workspace: Workspace, random: Random): string[] {
  return [['ENG', 'Engineering'], ['OPS', 'Operações'], ['DES', 'Design'], ['SUP', 'Kundensupport']].map(([key = '', name = ''], n) => {
    const id = seededId(random);
    const at = iso(seedStartMs + n * 3_600_000);
    workspace.tables.teams.seed(id, { id, key, name, description: n === 2 ? null : `Team ${name}`, private: false, timezone: 'Europe/Oslo', createdAt: at, updatedAt: at, archivedAt: null });
    for (const state of statesFor(id, () => seededId(random), at)) workspace.tables.states.seed(asText(state['id']), state);
    return id;
  });
}

export function createWorkspace(account: string, random: Random, changed: (change: Change) => void): Workspace {
  const organization = organizations.find((one) => one.id === account) ?? organizations[0];
  const table = (name: Kind): Table => createTable(account, name, changed);
  const numbers = new Map<string, number>();
  const workspace: Workspace = {
    organization,
    tables: { issues: table('issues'), teams: table('teams'), users: table('users'), projects: table('projects'), comments: table('comments'), states: table('states'), labels: table('labels') },
    nextNumber(teamId) {
      const next = (numbers.get(teamId) ?? 0) + 1;
      numbers.set(teamId, next);
      return next;
    },
  };
  const users = seedPeople(workspace, random);
  const teams = seedTeams(workspace, random);
  const anyOf = (ids: readonly string[]): string => ids[random.between(0, ids.length - 1)] ?? '';
  const labels = ['Bug', 'Förbättring', 'Feature'].map((name) => {
    const id = seededId(random);
    workspace.tables.labels.seed(id, { id, name, color: '#eb5757' });
    return id;
  });
  const projects = Array.from({ length: 24 }, (_, n) => {
    const id = seededId(random);
    const at = seedStartMs + n * 86_400_000;
    const slugId = seededId(random).slice(0, 12);
    workspace.tables.projects.seed(id, { id, name: `Projekt ${n}`, description: n % 4 === 0 ? '' : 'Ship it', slugId, url: `https://linear.app/${organization.urlKey}/project/${slugId}`, state: random.pick(['planned', 'started', 'completed', 'paused'] as const), progress: random.between(0, 100) / 100, startDate: n % 3 === 0 ? null : iso(at).slice(0, 10), targetDate: null, createdAt: iso(at), updatedAt: iso(at + 3_600_000), archivedAt: null, leadId: n % 5 === 4 ? null : anyOf(users), teamIds: [anyOf(teams)] });
    return id;
  });
  const states = workspace.tables.states.all();
  for (let n = 0; n < 268; n += 1) {
    const id = seededId(random);
    const teamId = anyOf(teams);
    const at = seedStartMs + n * 7_200_000;
    const state = states.filter((one) => one['teamId'] === teamId)[random.between(0, 4)];
    const type = state?.['type'];
    workspace.tables.issues.seed(id, { id, number: workspace.nextNumber(teamId), title: n % 6 === 0 ? `Umlaute kaputt: „Größe“ (${n})` : `Issue ${n}`, description: n % 5 === 0 ? null : 'Steps to reproduce…', priority: n % 5, estimate: n % 4 === 0 ? null : n % 8, dueDate: n % 7 === 0 ? iso(at + 9 * 86_400_000).slice(0, 10) : null, createdAt: iso(at), updatedAt: iso(at + random.between(0, 20) * 3_600_000), startedAt: null, completedAt: type === 'completed' ? iso(at + 86_400_000) : null, canceledAt: type === 'canceled' ? iso(at + 86_400_000) : null, archivedAt: null, trashed: null, stateId: state?.['id'] ?? null, teamId, assigneeId: n % 4 === 3 ? null : anyOf(users), creatorId: anyOf(users), projectId: n % 3 === 0 ? anyOf(projects) : null, parentId: null, labelIds: n % 2 === 0 ? [anyOf(labels)] : [] });
    if (n % 3 === 0) {
      const commentId = seededId(random);
      workspace.tables.comments.seed(commentId, { id: commentId, body: n % 2 === 0 ? 'Ich sehe das auch 👀' : 'Looking into it', createdAt: iso(at), updatedAt: iso(at), editedAt: null, archivedAt: null, userId: anyOf(users), issueId: id, parentId: null });
    }
  }
  return workspace;
}
