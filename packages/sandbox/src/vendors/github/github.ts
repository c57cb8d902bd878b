/** Simulated GitHub: github.com for OAuth, api.github.com for the App, installations and REST. */
import { bodyObject, json, withHeaders, type Call, type Reply } from '../../exchange.ts';
import { asArray, asObject, asText, type JsonObject } from '../../json.ts';
import { statusOf } from '../../identity.ts';
import { secretHex } from '../../random.ts';
import type { Quota } from '../../rate-limiter.ts';
import { route, type Handler } from '../../route.ts';
import { perAccount } from '../../table.ts';
import type { Vendor, World } from '../../vendor.ts';
import { createAccess, permissions } from './access.ts';
import { createOwner, owners, user, type OwnerData } from './data.ts';
import { badCredentials, githubError, notAccessible, notFound, primaryLimit, secondaryLimit } from './errors.ts';
import { comment, createComment, createIssue, createPull, fullName, listComments, listIssues, listPulls, lock, mergePull, paged, profile, readIssue, readPull, updateIssue, updatePull, updateRepository } from './records.ts';
import { githubWebhooks, ping } from './webhooks.ts';

function quotaHeaders(quota: Quota): Record<string, string> {
  return { 'x-ratelimit-limit': String(quota.limit), 'x-ratelimit-remaining': String(quota.remaining), 'x-ratelimit-used': String(quota.used), 'x-ratelimit-reset': String(Math.ceil(quota.resetAt / 1000)), 'x-ratelimit-resource': 'core' };
}

interface Admitted {
  readonly data: OwnerData;
  readonly owner: string;
  readonly kind: 'user' | 'installation';
}

export function createGithub(world: World): Vendor {
  const { access, revokeWhere } = createAccess(world);
  const hourly = world.limits.limiter('core', { limit: 5000, windowMs: 3_600_000 });
  const dataOf = perAccount((id) => createOwner(id, world.random(id), (change) => world.changed(change)));
  const now = (): number => world.clock.now();

  const admitted = (handle: (call: Call, caller: Admitted) => Reply, counts = true): Handler => (call) => {
    if ((call.headers['user-agent'] ?? '') === '') return githubError(403, 'Request forbidden by administrative rules. Please make sure your request has a User-Agent header (https://docs.github.com/en/rest/overview/resources-in-the-rest-api#user-agent-required).');
    const result = access.admit(call);
    if (!result.ok) return result.reply;
    const quota = counts ? hourly.take(result.owner) : hourly.peek(result.owner);
    if (counts && !quota.allowed) return primaryLimit(`${result.kind} ID ${result.owner}`, quota.resetAt);
    const scopes: Record<string, string> = result.kind === 'user' ? { 'x-oauth-scopes': result.scopes.join(', '), 'x-accepted-oauth-scopes': 'repo' } : {};
    return withHeaders(handle(call, { data: dataOf(result.owner), owner: result.owner, kind: result.kind }), scopes);
  };
  /** A repository the caller does not reach does not exist for it. */
  const inRepo = (handle: (call: Call, data: OwnerData) => Reply): Handler =>
    admitted((call, { data }) => (data.repos.get(fullName(call)) === undefined ? notFound() : handle(call, data)));
  const base = '/repos/:owner/:repo';
  const subscribe = (call: Call, data: OwnerData): Reply => {
    const body = bodyObject(call) ?? {};
    const config = asObject(body['config']) ?? {};
    const made = world.subscribe({ target_url: asText(config['url']), secret: asText(config['secret']), account: owners.find((owner) => owner.name === data.login)?.id ?? null, events: body['events'] === undefined ? ['push'] : asArray(body['events']).map(asText) });
    return made.ok ? json(201, { type: 'Repository', id: made.registration.id, name: 'web', active: true, events: [...(made.registration.events ?? [])], config: { url: made.registration.target_url, content_type: 'json', secret: '********', insecure_ssl: '0' } }) : githubError(422, 'Validation Failed');
  };
  const hook = (call: Call, data: OwnerData): Reply => {
    const active = bodyObject(call)?.['active'];
    if (typeof active === 'boolean') world.changeSubscription(call.params['id'] ?? '', { enabled: active });
    const account = owners.find((owner) => owner.name === data.login)?.id;
    const found = world.subscriptions().find((one) => one.id === call.params['id'] && one.account === account);
    return found === undefined ? notFound() : json(200, { type: 'Repository', id: found.id, name: 'web', active: found.enabled, events: [...(found.events ?? [])], config: { url: found.target_url, content_type: 'json', secret: '********', insecure_ssl: '0' } });
  };
  const rateLimit = (_call: Call, { owner }: Admitted): Reply => {
    const quota = hourly.peek(owner);
    const core: JsonObject = { limit: quota.limit, used: quota.used, remaining: quota.remaining, reset: Math.ceil(quota.resetAt / 1000) };
    return json(200, { resources: { core }, rate: core });
  };
  return {
    id: 'github',
    hosts: { web: /^(www\.)?github\.com$/, api: /^api\.github\.com$/ },
    routes: [
      ...access.routes,
      route('GET api /rate_limit', admitted(rateLimit, false)),
      route('GET api /user', admitted((_call, { data, kind, owner }) => (kind === 'user' ? json(200, { ...user(data.login, Number(owner)), name: 'Ása Admin', email: null, created_at: '2025-01-01T00:00:00Z' }) : notAccessible('metadata=read')))),
      route('GET api /user/repos', admitted((call, { data, kind }) => (kind === 'user' ? paged(call, data.repos.all()) : notAccessible('metadata=read')))),
      route('GET api /user/installations', admitted((call, { owner }) => paged(call, [{ id: Number(owner), permissions }], (page) => ({ total_count: 1, installations: page })))),
      route('GET api /installation/repositories', admitted((call, { data, kind }) => (kind === 'installation' ? paged(call, data.repos.all(), (page) => ({ total_count: data.repos.all().length, repository_selection: 'all', repositories: page })) : githubError(403, 'You must authenticate with an installation access token in order to list repositories for an installation.')))),
      route(`GET api ${base}`, inRepo((call, data) => json(200, data.repos.get(fullName(call)) ?? null))),
      route(`PATCH api ${base}`, inRepo((call, data) => updateRepository(call, data, now()))),
      route('GET api /users/:login', admitted((call, { data }) => profile(call, data))),
      route(`GET api ${base}/assignees`, inRepo((call, data) => paged(call, data.people))),
      route(`GET api ${base}/issues`, inRepo(listIssues)),
      route(`POST api ${base}/issues`, inRepo((call, data) => createIssue(call, data, now()))),
      ...['GET', 'PATCH', 'DELETE'].map((method) => route(`${method} api ${base}/issues/comments/:id`, inRepo((call, data) => comment(call, data, now())))),
      route(`GET api ${base}/issues/:number`, inRepo(readIssue)),
      route(`PATCH api ${base}/issues/:number`, inRepo((call, data) => updateIssue(call, data, now()))),
      route(`PUT api ${base}/issues/:number/lock`, inRepo((call, data) => lock(call, data, true))),
      route(`DELETE api ${base}/issues/:number/lock`, inRepo((call, data) => lock(call, data, false))),
      route(`GET api ${base}/issues/:number/comments`, inRepo(listComments)),
      route(`POST api ${base}/issues/:number/comments`, inRepo((call, data) => createComment(call, data, now()))),
      route(`GET api ${base}/pulls`, inRepo(listPulls)),
      route(`GET api ${base}/pulls/:number`, inRepo(readPull)),
      route(`POST api ${base}/pulls`, inRepo((call, data) => createPull(call, data, now()))),
      route(`PATCH api ${base}/pulls/:number`, inRepo((call, data) => updatePull(call, data, now()))),
      route(`PUT api ${base}/pulls/:number/merge`, inRepo((call, data) => mergePull(call, data, now()))),
      route(`POST api ${base}/hooks`, inRepo(subscribe)),
      route(`GET api ${base}/hooks/:id`, inRepo(hook)),
      route(`PATCH api ${base}/hooks/:id`, inRepo(hook)),
      route(`DELETE api ${base}/hooks/:id`, inRepo((call) => (world.unsubscribe(call.params['id'] ?? ''), { status: 204, headers: {} }))),
    ],
    identify: (call) => access.identify(call),
    failure(kind, call, details) {
      switch (kind) {
        case 'outage':
        case 'token_outage': return githubError(statusOf(details, 503), 'Sorry. Your request could not be processed right now.');
        case 'rate_limited': return details['secondary'] === true ? secondaryLimit(60) : primaryLimit(`user ID ${access.identify(call)?.account ?? '0'}`, now() + 60_000);
        case 'expired':
        case 'revoked': return badCredentials();
        case 'missing_scope': return notAccessible(Array.isArray(details['scopes']) ? details['scopes'].map(asText).join(',') : 'issues=write');
        case 'method_not_allowed':
        case 'not_found': return notFound();
      }
    },
    finish(call, reply) {
      const account = call.role === 'api' ? access.identify(call)?.account : undefined;
      const quota = account === undefined ? {} : quotaHeaders(hourly.peek(account));
      // A refusal states its own numbers; they win over the counter's.
      return { ...reply, headers: { 'x-github-request-id': secretHex(20).toUpperCase(), 'x-github-media-type': 'github.v3; format=json', ...quota, ...reply.headers } };
    },
    revoke: revokeWhere,
    webhooks: githubWebhooks,
    greeting: ping,
  };
}
