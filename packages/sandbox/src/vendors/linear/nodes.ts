/** Rows as GraphQL nodes: relations resolve when selected; filters and relay pages run over rows. */
import { GraphQLError } from 'graphql';
import { asArray, asObject, asText, type Json, type JsonObject } from '../../json.ts';
import type { Kind, Workspace } from './data.ts';

/** Linear's refusals: userError with a presentable message. */
export function inputError(message: string, presentable = message): GraphQLError {
  return new GraphQLError(message, { extensions: { type: 'invalid input', code: 'INPUT_ERROR', statusCode: 400, userError: true, userPresentableMessage: presentable } });
}
const names: Record<Kind, string> = { issues: 'Issue', teams: 'Team', users: 'User', projects: 'Project', comments: 'Comment', states: 'WorkflowState', labels: 'IssueLabel' };
export const notFound = (kind: Kind): GraphQLError => inputError(`Entity not found: ${names[kind]}`, `Could not find referenced ${names[kind]}.`);

const relations: Readonly<Record<string, { kind: Kind; key: string }>> = {
  team: { kind: 'teams', key: 'teamId' }, assignee: { kind: 'users', key: 'assigneeId' }, creator: { kind: 'users', key: 'creatorId' }, project: { kind: 'projects', key: 'projectId' }, state: { kind: 'states', key: 'stateId' },
  parent: { kind: 'issues', key: 'parentId' }, lead: { kind: 'users', key: 'leadId' }, user: { kind: 'users', key: 'userId' }, issue: { kind: 'issues', key: 'issueId' },
};

function compare(value: Json | undefined, operator: string, wanted: Json): boolean {
  const asTime = (one: Json | undefined): number | string => (typeof one === 'number' ? one : Number.isNaN(Date.parse(asText(one))) ? asText(one) : Date.parse(asText(one)));
  switch (operator) {
    case 'eq': return (value ?? null) === wanted;
    case 'neq': return (value ?? null) !== wanted;
    case 'in': return asArray(wanted).includes(value ?? null);
    case 'nin': return !asArray(wanted).includes(value ?? null);
    case 'contains': return asText(value).includes(asText(wanted));
    case 'containsIgnoreCase': return asText(value).toLowerCase().includes(asText(wanted).toLowerCase());
    case 'eqIgnoreCase': return asText(value).toLowerCase() === asText(wanted).toLowerCase();
    case 'startsWith': return asText(value).startsWith(asText(wanted));
    default: {
      if (value === null || value === undefined) return false;
      const [left, right] = [asTime(value), asTime(wanted)];
      return operator === 'gt' ? left > right : operator === 'gte' ? left >= right : operator === 'lt' ? left < right : left <= right;
    }
  }
}

/** Every stated member holds; `and` and `or` nest. */
export function passes(workspace: Workspace, row: JsonObject, filter: JsonObject): boolean {
  return Object.entries(filter).every(([name, condition]) => {
    if (condition === null) return true;
    if (name === 'and') return asArray(condition).every((one) => passes(workspace, row, asObject(one) ?? {}));
    if (name === 'or') return asArray(condition).some((one) => passes(workspace, row, asObject(one) ?? {}));
    const relation = relations[name];
    const inner = asObject(condition) ?? {};
    if (relation !== undefined && !('eq' in inner)) {
      const related = workspace.tables[relation.kind].get(asText(row[relation.key]));
      return related !== undefined && passes(workspace, related, inner);
    }
    return Object.entries(inner).every(([operator, wanted]) => compare(row[name], operator, wanted));
  });
}

export interface PageArguments {
  readonly first?: number | null;
  readonly after?: string | null;
  readonly last?: number | null;
  readonly before?: string | null;
  readonly filter?: JsonObject | null;
  readonly includeArchived?: boolean | null;
  readonly orderBy?: 'createdAt' | 'updatedAt' | null;
}
export type Node = Record<string, unknown>;

/** A relay connection, newest first as Linear orders; the cursor is a row's id. */
export function connection(workspace: Workspace, kind: Kind, rows: readonly JsonObject[], page: PageArguments, ordered = true): Node {
  const size = page.first ?? page.last ?? 50;
  if (size < 1 || size > 250) throw inputError('Argument Validation Error', 'first must not be greater than 250');
  const order = page.orderBy ?? 'createdAt';
  const kept = rows.filter((row) => (page.includeArchived === true || (row['archivedAt'] ?? null) === null) && passes(workspace, row, page.filter ?? {}));
  const sorted = ordered ? kept.toSorted((a, b) => asText(b[order]).localeCompare(asText(a[order])) || asText(a['id']).localeCompare(asText(b['id']))) : kept;
  const after = page.after ?? null;
  const start = after === null ? 0 : sorted.findIndex((row) => row['id'] === after) + 1;
  if (after !== null && start === 0) throw inputError('Argument Validation Error', 'after is not a valid cursor');
  const shown = sorted.slice(start, start + size);
  return {
    nodes: shown.map((row) => node(workspace, kind, row)),
    edges: shown.map((row) => ({ node: node(workspace, kind, row), cursor: row['id'] })),
    pageInfo: { hasNextPage: start + size < sorted.length, hasPreviousPage: start > 0, startCursor: shown[0]?.['id'] ?? null, endCursor: shown.at(-1)?.['id'] ?? null },
  };
}

const priorities = ['No priority', 'Urgent', 'High', 'Medium', 'Low'];
export const identifierOf = (workspace: Workspace, issue: JsonObject): string => `${asText(workspace.tables.teams.get(asText(issue['teamId']))?.['key'])}-${asText(issue['number'])}`;

function issueFields(workspace: Workspace, row: JsonObject): Node {
  const identifier = identifierOf(workspace, row);
  return {
    identifier, priorityLabel: priorities[Number(row['priority'])] ?? 'No priority', url: `https://linear.app/${workspace.organization.urlKey}/issue/${identifier}`, branchName: `user/${identifier.toLowerCase()}`,
    labels: (page: PageArguments) => connection(workspace, 'labels', asArray(row['labelIds']).flatMap((id) => workspace.tables.labels.get(asText(id)) ?? []) as JsonObject[], page, false),
    comments: (page: PageArguments) => connection(workspace, 'comments', workspace.tables.comments.all().filter((comment) => comment['issueId'] === row['id']), page),
  };
}

/** graphql-js calls members that are functions only when they are selected. */
export function node(workspace: Workspace, kind: Kind, row: JsonObject): Node {
  const related: Node = {};
  for (const [name, { kind: target, key }] of Object.entries(relations)) {
    if (!(key in row)) continue;
    const actual = name === 'parent' && kind === 'comments' ? 'comments' : target;
    related[name] = () => {
      const found = workspace.tables[actual].get(asText(row[key]));
      return found === undefined ? null : node(workspace, actual, found);
    };
  }
  const issuesWhere = (key: string) => (page: PageArguments): Node => connection(workspace, 'issues', workspace.tables.issues.all().filter((issue) => issue[key] === row['id']), page);
  const own: Record<Kind, () => Node> = {
    issues: () => issueFields(workspace, row),
    teams: () => ({ states: (page: PageArguments) => connection(workspace, 'states', workspace.tables.states.all().filter((state) => state['teamId'] === row['id']), page, false), issues: issuesWhere('teamId') }),
    users: () => ({ organization: () => organization(workspace), assignedIssues: issuesWhere('assigneeId') }),
    projects: () => ({ teams: (page: PageArguments) => connection(workspace, 'teams', asArray(row['teamIds']).flatMap((id) => workspace.tables.teams.get(asText(id)) ?? []) as JsonObject[], page, false) }),
    comments: () => ({ url: `https://linear.app/${workspace.organization.urlKey}/issue/${identifierOf(workspace, workspace.tables.issues.get(asText(row['issueId'])) ?? {})}#comment-${asText(row['id']).slice(0, 8)}` }),
    states: () => ({}),
    labels: () => ({}),
  };
  return { ...row, ...related, ...own[kind]() };
}

export const organization = (workspace: Workspace): Node => ({ ...workspace.organization, createdAt: '2025-01-01T00:00:00.000Z', userCount: workspace.tables.users.all().length });
