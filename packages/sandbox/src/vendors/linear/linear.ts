/** Simulated Linear: linear.app for consent, api.linear.app for tokens and GraphQL. */
import { randomUUID } from 'node:crypto';
import { execute, GraphQLError, parse, validate, type DocumentNode, type ExecutionResult } from 'graphql';
import { sandboxApps, sandboxKeys } from '../../apps.ts';
import { clientCredentials } from '../../client-credentials.ts';
import { consentHandlers } from '../../consent.ts';
import { bearer, bodyFields, bodyObject, empty, json, withHeaders, type Call, type Reply } from '../../exchange.ts';
import { createGrants, type Grants, type Issued } from '../../grants.ts';
import { identifyGrant, statusOf } from '../../identity.ts';
import { asObject, asText, type Json, type JsonObject } from '../../json.ts';
import { createKeyRing } from '../../key-ring.ts';
import { secretHex } from '../../random.ts';
import type { Quota } from '../../rate-limiter.ts';
import { route, type Route } from '../../route.ts';
import { perAccount } from '../../table.ts';
import type { Identity, Vendor, World } from '../../vendor.ts';
import { complexityOf } from './complexity.ts';
import { createWorkspace, organizations } from './data.ts';
import { rootFor } from './operations.ts';
import { schema } from './schema.ts';
import { linearWebhooks } from './webhooks.ts';

const app = sandboxApps.linear;
const scopes = ['read', 'write', 'issues:create', 'comments:create', 'timeSchedule:write', 'admin', 'app:assignable', 'app:mentionable'];

function failure(status: number, code: string, type: string, message: string, presentable = message): Reply {
  return json(status, { errors: [{ message, extensions: { type, code, statusCode: status, userError: status < 500, userPresentableMessage: presentable } }] });
}
const unauthenticated = (): Reply => failure(401, 'AUTHENTICATION_ERROR', 'authentication error', 'Authentication required, not authenticated', 'You need to authenticate to access this operation.');
/** Linear refuses with 400, not 429: the code in the body tells. */
const rateLimited = (): Reply => failure(400, 'RATELIMITED', 'ratelimited', 'Rate limit exceeded', 'Rate limit exceeded. Please try again later.');
const oauthError = (error: string, description: string, status = 400): Reply => json(status, { error, error_description: description });

function token(call: Call, world: World, grants: Grants): Reply {
  const client = clientCredentials(call);
  if (client.id !== app.client_id || client.secret !== app.client_secret) return oauthError('invalid_client', 'Client is invalid', 401);
  const form = bodyFields(call);
  const body = (issued: Issued): Reply => json(200, { access_token: issued.access, token_type: 'Bearer', expires_in: Math.round(((issued.expiresAt ?? 0) - world.clock.now()) / 1000), scope: issued.grant.scopes.join(' '), refresh_token: issued.refresh });
  if (form.get('grant_type') === 'authorization_code') {
    const redeemed = grants.redeem(form.get('code') ?? '', { clientId: app.client_id, redirectUri: form.get('redirect_uri'), verifier: form.get('code_verifier') });
    return redeemed.ok ? body(redeemed.issued) : oauthError('invalid_grant', redeemed.reason === 'redirect_uri' ? 'Redirect URI does not match' : redeemed.reason === 'pkce' ? 'Invalid code verifier' : 'Invalid authorization code');
  }
  if (form.get('grant_type') !== 'refresh_token') return oauthError('unsupported_grant_type', 'Unsupported grant type');
  const refreshed = grants.refresh(form.get('refresh_token') ?? '', app.client_id);
  return refreshed.ok ? body(refreshed.issued) : oauthError('invalid_grant', 'Invalid refresh token');
}

function oauthRoutes(world: World, grants: Grants): Route[] {
  const consent = consentHandlers({
    vendorName: 'Linear (sandbox)', clientId: app.client_id, accounts: organizations, grants, pkce: true, redirectAllowed: (uri) => world.redirectAllowed(uri),
    readScopes(query) {
      const wanted = (query.get('scope') ?? 'read').split(/[ ,]+/).filter(Boolean);
      const stranger = wanted.find((scope) => !scopes.includes(scope));
      return stranger === undefined ? { ok: true, scopes: wanted.includes('read') ? wanted : ['read', ...wanted] } : { ok: false, error: 'invalid_scope', description: `Invalid scope: ${stranger}` };
    },
  });
  return [
    route('GET app /oauth/authorize', consent.show, 'authorize'),
    route('POST app /oauth/authorize', consent.decide, 'authorize'),
    route('POST api /oauth/token', (call) => token(call, world, grants), 'token'),
    route('POST api /oauth/revoke', (call) => (grants.revokeToken(bodyFields(call).get('token') ?? bearer(call) ?? '') ? empty(200) : oauthError('invalid_request', 'Unable to revoke token'))),
  ];
}

const asJson = (value: unknown): Json => JSON.parse(JSON.stringify(value)) as Json;
const coded = (error: GraphQLError, code: string): JsonObject => ({ ...(asObject(asJson(error.toJSON())) ?? {}), extensions: { code, ...(asObject(asJson(error.extensions)) ?? {}) } });
type Prepared = { ok: true; document: DocumentNode; variables: JsonObject; operation: string | null; cost: number } | { ok: false; reply: Reply };

function prepare(call: Call): Prepared {
  const body = bodyObject(call);
  if (typeof body?.['query'] !== 'string') return { ok: false, reply: json(400, { errors: [{ message: 'GraphQL operations must contain a non-empty `query`.', extensions: { code: 'BAD_REQUEST' } }] }) };
  const variables = asObject(body['variables'] ?? {}) ?? {};
  try {
    const document = parse(body['query']);
    const faults = validate(schema, document);
    if (faults.length > 0) return { ok: false, reply: json(400, { errors: faults.map((fault) => coded(fault, 'GRAPHQL_VALIDATION_FAILED')) }) };
    return { ok: true, document, variables, operation: typeof body['operationName'] === 'string' ? body['operationName'] : null, cost: complexityOf(document, variables) };
  } catch (error) {
    if (error instanceof GraphQLError) return { ok: false, reply: json(400, { errors: [coded(error, 'GRAPHQL_PARSE_FAILED')] }) };
    throw error;
  }
}

/** Refused variables leave no data and are 400; refusals of resolvers stand beside data, with 200. */
function answered(result: ExecutionResult): Reply {
  const errors = (result.errors ?? []).map((error) => coded(error, error.originalError === undefined || error.originalError === null ? 'BAD_USER_INPUT' : 'INTERNAL_SERVER_ERROR'));
  if (!('data' in result)) return json(400, { errors });
  return json(200, { data: asJson(result.data ?? null), ...(errors.length > 0 ? { errors } : {}) });
}

const windowHeaders = (name: string, quota: Quota): Record<string, string> => ({ [`x-ratelimit-${name}-limit`]: String(quota.limit), [`x-ratelimit-${name}-remaining`]: String(quota.remaining), [`x-ratelimit-${name}-reset`]: String(quota.resetAt) });

export function createLinear(world: World): Vendor {
  const grants = createGrants({ clock: world.clock, memory: world.memory('grants'), codeLifetimeMs: 5 * 60_000, accessLifetimeMs: () => 86_399_000, refreshLifetimeMs: null, rotation: () => 'rotates', accessToken: () => `lin_oauth_${secretHex(64)}`, refreshToken: () => `lin_refresh_${secretHex(64)}` });
  const keys = createKeyRing(sandboxKeys.linear, organizations);
  const requests = world.limits.limiter('requests', { limit: 5000, windowMs: 3_600_000 });
  const points = world.limits.limiter('complexity', { limit: 2_000_000, windowMs: 3_600_000 });
  const workspaceOf = perAccount((id) => createWorkspace(id, world.random(id), (change) => world.changed(change)));
  const keyOf = (call: Call): string | null => (bearer(call) === null ? (call.headers['authorization'] ?? null) : null);
  const identify = (call: Call): Identity | null => keys.identify(keyOf(call)) ?? identifyGrant(grants, call);

  async function graphql(call: Call): Promise<Reply> {
    const key = keys.find(keyOf(call));
    const found = grants.find(bearer(call) ?? '');
    const account = key?.account ?? found?.grant.account;
    if (account === undefined || key?.revoked === true || (key === null && found?.state !== 'valid')) return unauthenticated();
    const prepared = prepare(call);
    if (!prepared.ok) return prepared.reply;
    if (prepared.cost > 10_000) return failure(400, 'INPUT_ERROR', 'invalid input', 'Query too complex', `The query has a complexity of ${prepared.cost}; at most 10000 is allowed.`);
    const spend = [requests.take(account), points.take(account, prepared.cost)];
    if (spend.some((quota) => !quota.allowed)) return rateLimited();
    const caller = { workspace: workspaceOf(account), scopes: found === null ? null : found.grant.scopes, world };
    const result = await execute({ schema, document: prepared.document, rootValue: rootFor(caller), variableValues: prepared.variables, operationName: prepared.operation });
    return withHeaders(answered(result), { 'x-complexity': String(prepared.cost) });
  }

  return {
    id: 'linear',
    hosts: { app: /^linear\.app$/, api: /^api\.linear\.app$/ },
    routes: [...oauthRoutes(world, grants), route('POST api /graphql', graphql)],
    identify,
    failure(kind, _call, details) {
      switch (kind) {
        case 'outage': return failure(statusOf(details, 503), 'INTERNAL_SERVER_ERROR', 'internal error', 'Internal server error');
        case 'token_outage': return oauthError('server_error', 'Internal server error', statusOf(details, 503));
        case 'rate_limited': return rateLimited();
        case 'expired':
        case 'revoked': return unauthenticated();
        case 'missing_scope': {
          const scope = Array.isArray(details['scopes']) ? asText(details['scopes'][0]) : 'write';
          return { ...failure(403, 'FORBIDDEN', 'forbidden', `Invalid scope: \`${scope}\` required`), status: 200 };
        }
        case 'method_not_allowed':
        case 'not_found': return json(404, { error: 'Not found' });
      }
    },
    finish(call, reply) {
      const account = call.role === 'api' ? identify(call)?.account : undefined;
      const quotas = account === undefined ? {} : { ...windowHeaders('requests', requests.peek(account)), ...windowHeaders('complexity', points.peek(account)) };
      return withHeaders(reply, { 'x-request-id': randomUUID(), ...quotas });
    },
    revoke: (matches) => keys.revokeWhere(matches) + grants.revokeWhere(matches),
    webhooks: (change, registration) => linearWebhooks(change, registration, world.clock.now()),
  };
}
