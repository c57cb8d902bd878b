/** The part of Linear's GraphQL schema that is simulated. */
import { buildSchema } from 'graphql';

const connection = (type: string): string => `type ${type}Connection { nodes: [${type}!]! edges: [${type}Edge!]! pageInfo: PageInfo! }\ntype ${type}Edge { node: ${type}! cursor: String! }\n`;
const listArguments = (type: string): string => `(filter: ${type}Filter, first: Int, after: String, last: Int, before: String, includeArchived: Boolean, orderBy: PaginationOrderBy)`;
const payload = (type: string): string => `type ${type}Payload { success: Boolean! lastSyncId: Float! ${type.toLowerCase()}: ${type} }\n`;

export const schema = buildSchema(`
scalar DateTime
scalar TimelessDate
scalar JSON
enum PaginationOrderBy { createdAt updatedAt }
type PageInfo { hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String endCursor: String }
input IDComparator { eq: ID neq: ID in: [ID!] nin: [ID!] }
input StringComparator { eq: String neq: String in: [String!] nin: [String!] contains: String containsIgnoreCase: String eqIgnoreCase: String startsWith: String }
input NumberComparator { eq: Float neq: Float gt: Float gte: Float lt: Float lte: Float in: [Float!] }
input BooleanComparator { eq: Boolean neq: Boolean }
input DateComparator { eq: DateTime neq: DateTime gt: DateTime gte: DateTime lt: DateTime lte: DateTime }
input IssueFilter { and: [IssueFilter!] or: [IssueFilter!] id: IDComparator number: NumberComparator title: StringComparator priority: NumberComparator createdAt: DateComparator updatedAt: DateComparator team: TeamFilter assignee: UserFilter creator: UserFilter project: ProjectFilter state: WorkflowStateFilter }
input TeamFilter { and: [TeamFilter!] or: [TeamFilter!] id: IDComparator key: StringComparator name: StringComparator createdAt: DateComparator updatedAt: DateComparator }
input UserFilter { and: [UserFilter!] or: [UserFilter!] id: IDComparator name: StringComparator email: StringComparator active: BooleanComparator createdAt: DateComparator updatedAt: DateComparator }
input ProjectFilter { and: [ProjectFilter!] or: [ProjectFilter!] id: IDComparator name: StringComparator state: StringComparator createdAt: DateComparator updatedAt: DateComparator }
input WorkflowStateFilter { id: IDComparator name: StringComparator type: StringComparator }
input CommentFilter { and: [CommentFilter!] or: [CommentFilter!] id: IDComparator body: StringComparator issue: IssueFilter user: UserFilter createdAt: DateComparator updatedAt: DateComparator }
type Organization { id: ID! name: String! urlKey: String! createdAt: DateTime! userCount: Int! }
type User { id: ID! name: String! displayName: String! email: String! active: Boolean! admin: Boolean! guest: Boolean! createdAt: DateTime! updatedAt: DateTime! archivedAt: DateTime url: String! avatarUrl: String organization: Organization! assignedIssues${listArguments('Issue')}: IssueConnection! }
type WorkflowState { id: ID! name: String! type: String! color: String! position: Float! createdAt: DateTime! updatedAt: DateTime! team: Team! }
type IssueLabel { id: ID! name: String! color: String! }
type Team { id: ID! key: String! name: String! description: String private: Boolean! timezone: String! createdAt: DateTime! updatedAt: DateTime! archivedAt: DateTime states(first: Int, after: String): WorkflowStateConnection! issues${listArguments('Issue')}: IssueConnection! }
type Project { id: ID! name: String! description: String! slugId: String! url: String! state: String! progress: Float! startDate: TimelessDate targetDate: TimelessDate createdAt: DateTime! updatedAt: DateTime! archivedAt: DateTime lead: User teams(first: Int, after: String): TeamConnection! }
type Issue { id: ID! identifier: String! number: Float! title: String! description: String priority: Float! priorityLabel: String! estimate: Float dueDate: TimelessDate url: String! branchName: String! createdAt: DateTime! updatedAt: DateTime! startedAt: DateTime completedAt: DateTime canceledAt: DateTime archivedAt: DateTime trashed: Boolean state: WorkflowState! team: Team! assignee: User creator: User project: Project parent: Issue labels(first: Int, after: String): IssueLabelConnection! comments${listArguments('Comment')}: CommentConnection! }
type Comment { id: ID! body: String! url: String! createdAt: DateTime! updatedAt: DateTime! editedAt: DateTime archivedAt: DateTime user: User issue: Issue parent: Comment }
type Webhook { id: ID! url: String enabled: Boolean! resourceTypes: [String!]! secret: String }
${['Issue', 'Team', 'User', 'Project', 'Comment', 'WorkflowState', 'IssueLabel', 'Webhook'].map(connection).join('')}
${['Issue', 'Team', 'Project', 'Comment', 'Webhook'].map(payload).join('')}
type DeletePayload { success: Boolean! lastSyncId: Float! entityId: String! }
type ArchivePayload { success: Boolean! lastSyncId: Float! }
input IssueCreateInput { id: String title: String teamId: String! description: String priority: Int estimate: Int dueDate: TimelessDate stateId: String assigneeId: String projectId: String parentId: String labelIds: [String!] createAsUser: String }
input IssueUpdateInput { title: String teamId: String description: String priority: Int estimate: Int dueDate: TimelessDate stateId: String assigneeId: String projectId: String parentId: String labelIds: [String!] trashed: Boolean }
input TeamCreateInput { id: String name: String! key: String description: String private: Boolean timezone: String }
input TeamUpdateInput { name: String key: String description: String private: Boolean timezone: String }
input ProjectCreateInput { id: String name: String! teamIds: [String!]! description: String state: String leadId: String startDate: TimelessDate targetDate: TimelessDate }
input ProjectUpdateInput { name: String teamIds: [String!] description: String state: String leadId: String startDate: TimelessDate targetDate: TimelessDate }
input CommentCreateInput { id: String body: String issueId: String parentId: String }
input CommentUpdateInput { body: String }
input WebhookUpdateInput { url: String secret: String label: String enabled: Boolean resourceTypes: [String!] }
input WebhookCreateInput { url: String! secret: String label: String teamId: String allPublicTeams: Boolean enabled: Boolean resourceTypes: [String!]! }
type Query {
  viewer: User! organization: Organization!
  issues${listArguments('Issue')}: IssueConnection! issue(id: String!): Issue!
  teams${listArguments('Team')}: TeamConnection! team(id: String!): Team!
  users${listArguments('User')}: UserConnection! user(id: String!): User!
  projects${listArguments('Project')}: ProjectConnection! project(id: String!): Project!
  comments${listArguments('Comment')}: CommentConnection! comment(id: String, hash: String): Comment!
  workflowStates(filter: WorkflowStateFilter, first: Int, after: String): WorkflowStateConnection!
  webhooks(first: Int, after: String): WebhookConnection! webhook(id: String!): Webhook
}
type Mutation {
  issueCreate(input: IssueCreateInput!): IssuePayload! issueUpdate(id: String!, input: IssueUpdateInput!): IssuePayload! issueDelete(id: String!): ArchivePayload! issueArchive(id: String!, trash: Boolean): ArchivePayload! issueUnarchive(id: String!): ArchivePayload!
  teamCreate(input: TeamCreateInput!): TeamPayload! teamUpdate(id: String!, input: TeamUpdateInput!): TeamPayload! teamDelete(id: String!): DeletePayload!
  projectCreate(input: ProjectCreateInput!): ProjectPayload! projectUpdate(id: String!, input: ProjectUpdateInput!): ProjectPayload! projectDelete(id: String!): ArchivePayload!
  commentCreate(input: CommentCreateInput!): CommentPayload! commentUpdate(id: String!, input: CommentUpdateInput!): CommentPayload! commentDelete(id: String!): DeletePayload!
  webhookCreate(input: WebhookCreateInput!): WebhookPayload! webhookUpdate(id: String!, input: WebhookUpdateInput!): WebhookPayload! webhookDelete(id: String!): DeletePayload!
}
`);
