/** Root fields of Linear's schema: queries over the workspace, and mutations that need the scope write. */
import { randomUUID } from 'node:crypto';
import { GraphQLError } from 'graphql';
import { asArray, asText, type JsonObject } from '../../json.ts';
import type { World } from '../../vendor.ts';
import { statesFor, type Kind, type Workspace } from './data.ts';
import { connection, identifierOf, inputError, node, notFound, organization, type Node, type PageArguments } from './nodes.ts';

export interface Caller {
  readonly workspace: Workspace;
  /** null: a personal key, which may do everything. */
  readonly scopes: readonly string[] | null;
  readonly world: World;
}
type Arguments = { readonly id: string; readonly input: JsonObject };
const missingScope = (scope: string): GraphQLError => new GraphQLError(`Invalid scope: \`${scope}\` required`, { extensions: { type: 'forbidden', code: 'FORBIDDEN', statusCode: 403, userError: true, userPresentableMessage: `Invalid scope: \`${scope}\` required` } });

function need(caller: Caller, ...any: string[]): void {
  if (caller.scopes !== null && !any.some((scope) => caller.scopes?.includes(scope))) throw missingScope(any[0] ?? 'read');
}
const now = (caller: Caller): string => new Date(caller.world.clock.now()).toISOString();
const done = (extra: Node = {}): Node => ({ success: true, lastSyncId: 1, ...extra });

function find(workspace: Workspace, kind: Kind, id: string): JsonObject {
  const row = workspace.tables[kind].get(id) ?? (kind === 'issues' ? workspace.tables.issues.all().find((issue) => identifierOf(workspace, issue) === id) : undefined);
  if (row === undefined) throw notFound(kind);
  return row;
}

/** The last pagination argument wins over nothing: an unknown relation is an input error before anything is written. */
function checkReferences(workspace: Workspace, input: JsonObject): void {
  const references: [string, Kind][] = [['teamId', 'teams'], ['stateId', 'states'], ['assigneeId', 'users'], ['projectId', 'projects'], ['parentId', 'issues'], ['leadId', 'users'], ['issueId', 'issues']];
  for (const [key, kind] of references) if (typeof input[key] === 'string') find(workspace, kind, input[key]);
  for (const id of asArray(input['teamIds'])) find(workspace, 'teams', asText(id));
}

function queries(caller: Caller): Node {
  const { workspace } = caller;
  const list = (kind: Kind) => (page: PageArguments): Node => (need(caller, 'read'), connection(workspace, kind, workspace.tables[kind].all(), page));
  const one = (kind: Kind) => ({ id }: Arguments): Node => (need(caller, 'read'), node(workspace, kind, find(workspace, kind, id)));
  return {
    viewer: () => node(workspace, 'users', workspace.tables.users.all()[0] ?? {}),
    organization: () => organization(workspace),
    issues: list('issues'), issue: one('issues'), teams: list('teams'), team: one('teams'), users: list('users'), user: one('users'), projects: list('projects'), project: one('projects'), comments: list('comments'), comment: one('comments'),
    workflowStates: (page: PageArguments) => connection(workspace, 'states', workspace.tables.states.all(), page, false),
    webhook({ id }: Arguments) {
      const hook = caller.world.subscriptions().find((one) => one.account === workspace.organization.id && one.id === id);
      return hook === undefined ? null : { id: hook.id, url: hook.target_url, enabled: hook.enabled, resourceTypes: hook.events ?? [] };
    },
    webhooks: () => ({ nodes: caller.world.subscriptions().filter((hook) => hook.account === workspace.organization.id).map((hook) => ({ id: hook.id, url: hook.target_url, enabled: hook.enabled, resourceTypes: hook.events ?? [] })), edges: [], pageInfo: { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null } }),
  };
}

interface Writer {
  create(kind: Kind, row: JsonObject): Node;
  update(kind: Kind, id: string, changes: JsonObject): Node;
}
function writer(caller: Caller): Writer {
  const { workspace } = caller;
  return {
    create(kind, fields) {
      checkReferences(workspace, fields);
      const at = now(caller);
      const row: JsonObject = { createdAt: at, updatedAt: at, archivedAt: null, ...fields, id: asText(fields['id']) || randomUUID() };
      workspace.tables[kind].insert(asText(row['id']), row);
      return node(workspace, kind, row);
    },
    update(kind, id, changes) {
      const present = find(workspace, kind, id);
      checkReferences(workspace, changes);
      const row: JsonObject = { ...present, ...changes, updatedAt: now(caller) };
      workspace.tables[kind].replace(asText(present['id']), row);
      return node(workspace, kind, row);
    },
  };
}

function issueMutations(caller: Caller, write: Writer): Node {
  const { workspace } = caller;
  const stamp = (changes: JsonObject): JsonObject => {
    const type = typeof changes['stateId'] === 'string' ? workspace.tables.states.get(changes['stateId'])?.['type'] : undefined;
    return type === 'completed' ? { ...changes, completedAt: now(caller) } : type === 'canceled' ? { ...changes, canceledAt: now(caller) } : changes;
  };
  const archive = (id: string, at: string | null, trashed: boolean | null): Node => (need(caller, 'write'), write.update('issues', id, { archivedAt: at, trashed }), done());
  return {
    issueCreate({ input }: Arguments) {
      need(caller, 'write', 'issues:create');
      if (asText(input['title']).trim() === '') throw inputError('Argument Validation Error', 'title must be longer than or equal to 1 characters');
      const teamId = asText(input['teamId']);
      find(workspace, 'teams', teamId);
      const stateId = input['stateId'] ?? workspace.tables.states.all().find((state) => state['teamId'] === teamId && state['type'] === 'backlog')?.['id'] ?? null;
      const blank: JsonObject = { description: null, priority: 0, estimate: null, dueDate: null, startedAt: null, completedAt: null, canceledAt: null, trashed: null, assigneeId: null, projectId: null, parentId: null, labelIds: [] };
      const creatorId = workspace.tables.users.all()[0]?.['id'] ?? null;
      return done({ issue: write.create('issues', stamp({ ...blank, ...input, stateId, creatorId, number: workspace.nextNumber(teamId) })) });
    },
    issueUpdate: ({ id, input }: Arguments) => (need(caller, 'write'), done({ issue: write.update('issues', id, stamp(input)) })),
    issueDelete({ id }: Arguments) {
      need(caller, 'write');
      workspace.tables.issues.remove(asText(find(workspace, 'issues', id)['id']));
      return done();
    },
    issueArchive: ({ id }: Arguments) => archive(id, now(caller), null),
    issueUnarchive: ({ id }: Arguments) => archive(id, null, null),
  };
}

function otherMutations(caller: Caller, write: Writer): Node {
  const { workspace } = caller;
  const remove = (kind: Kind) => ({ id }: Arguments): Node => {
    need(caller, 'write');
    workspace.tables[kind].remove(asText(find(workspace, kind, id)['id']));
    return done({ entityId: id });
  };
  const update = (kind: Kind, name: string) => ({ id, input }: Arguments): Node => (need(caller, 'write'), done({ [name]: write.update(kind, id, kind === 'comments' ? { ...input, editedAt: now(caller) } : input) }));
  return {
    teamCreate({ input }: Arguments) {
      need(caller, 'write', 'admin');
      const key = asText(input['key']) || asText(input['name']).replace(/[^a-zA-Z]/g, '').slice(0, 3).toUpperCase() || 'TEA';
      if (workspace.tables.teams.all().some((team) => team['key'] === key)) throw inputError('Team key already in use', `Team key ${key} is already in use.`);
      const team = write.create('teams', { description: null, private: false, timezone: 'Europe/Oslo', ...input, key });
      for (const state of statesFor(asText(team['id']), randomUUID, now(caller))) workspace.tables.states.seed(asText(state['id']), state);
      return done({ team });
    },
    teamUpdate: update('teams', 'team'), teamDelete: remove('teams'),
    projectCreate({ input }: Arguments) {
      need(caller, 'write');
      const slugId = randomUUID().slice(0, 12).replace('-', '');
      return done({ project: write.create('projects', { description: '', state: 'backlog', leadId: null, startDate: null, targetDate: null, progress: 0, slugId, url: `https://linear.app/${workspace.organization.urlKey}/project/${slugId}`, ...input }) });
    },
    projectUpdate: update('projects', 'project'), projectDelete: remove('projects'),
    commentCreate({ input }: Arguments) {
      need(caller, 'write', 'comments:create');
      if (typeof input['issueId'] !== 'string') throw inputError('Argument Validation Error', 'issueId must be stated');
      const issueId = find(workspace, 'issues', input['issueId'])['id'] ?? null;
      return done({ comment: write.create('comments', { body: '', parentId: null, editedAt: null, userId: workspace.tables.users.all()[0]?.['id'] ?? null, ...input, issueId }) });
    },
    commentUpdate: update('comments', 'comment'), commentDelete: remove('comments'),
    webhookCreate({ input }: Arguments) {
      need(caller, 'admin', 'write');
      const made = caller.world.subscribe({ target_url: asText(input['url']), secret: asText(input['secret']) || `lin_wh_${randomUUID().replaceAll('-', '')}`, account: workspace.organization.id, events: asArray(input['resourceTypes']).map(asText) });
      if (!made.ok) throw inputError('Argument Validation Error', 'url is not allowed');
      return done({ webhook: { id: made.registration.id, url: made.registration.target_url, enabled: true, resourceTypes: made.registration.events ?? [], secret: made.registration.secret } });
    },
    webhookUpdate({ id, input }: Arguments) {
      need(caller, 'admin', 'write');
      return typeof input['enabled'] === 'boolean' && caller.world.changeSubscription(id, { enabled: input['enabled'] }) ? done({ webhook: queries(caller)['webhook'] }) : { success: false, lastSyncId: 1 };
    },
    webhookDelete: ({ id }: Arguments) => (need(caller, 'admin', 'write'), caller.world.unsubscribe(id), done({ entityId: id })),
  };
}

/** The root value that graphql-js executes against. */
export function rootFor(caller: Caller): Node {
  const write = writer(caller);
  return { ...queries(caller), ...issueMutations(caller, write), ...otherMutations(caller, write) };
}
