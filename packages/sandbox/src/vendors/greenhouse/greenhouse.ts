/** Simulated Greenhouse: Harvest v1 (v2 for interviews) by keys and v3 by tokens on harvest.greenhouse.io, over the same organisations. */
import { randomUUID } from 'node:crypto';
import { sandboxKeys } from '../../apps.ts';
import { basic, type Call, type Reply } from '../../exchange.ts';
import { statusOf } from '../../identity.ts';
import { createKeyRing } from '../../key-ring.ts';
import { asText } from '../../json.ts';
import { route, type Handler } from '../../route.ts';
import { perAccount } from '../../table.ts';
import type { Vendor, World } from '../../vendor.ts';
import { createOrganisation, organisations, resources, type Organisation, type Resource } from './data.ts';
import { forbidden, greenhouseError, invalid, limited, notFound, unauthorized } from './errors.ts';
import { anonymize, changeApplication, createApplication, createCandidate, createInterview, createJob, list, note, read, remove, updateCandidate, updateInterview, updateJob } from './records.ts';
import { createV3, createV3Tokens, isV3Resource, listV3, removeV3, updateV3, v3Resources } from './harvest-v3.ts';
import { greenhouseWebhooks } from './webhooks.ts';

export function createGreenhouse(world: World): Vendor {
  const keys = createKeyRing(sandboxKeys.greenhouse, organisations);
  const limiter = world.limits.limiter('harvest', { limit: 50, windowMs: 10_000 });
  const dataOf = perAccount((id) => createOrganisation(id, world.random(id), (change) => world.changed(change)));
  const now = (): number => world.clock.now();
  const keyOf = (call: Call): string | null => basic(call)?.name ?? null;

  const admitted = (resource: Resource, handle: (call: Call, data: Organisation) => Reply): Handler => (call) => {
    const found = keys.find(keyOf(call));
    if (found === null || found.revoked) return unauthorized();
    const quota = limiter.take(keyOf(call) ?? '');
    if (!quota.allowed) return limited(Math.max(1, Math.ceil((quota.resetAt - now()) / 1000)));
    const denied = world.setting('denied_endpoints');
    return Array.isArray(denied) && denied.map(asText).includes(resource) ? forbidden() : handle(call, dataOf(found.account));
  };
  /** Changes are written into the audit trail of a user. */
  const changing = (resource: Resource, handle: (call: Call, data: Organisation) => Reply): Handler =>
    admitted(resource, (call, data) => {
      const user = call.headers['on-behalf-of'] ?? '';
      if (user === '') return greenhouseError(403, 'On-Behalf-Of header is required');
      return data.tables.users.get(user) === undefined ? invalid('Invalid user specified in the On-Behalf-Of header', null) : handle(call, data);
    });
  const tokens = createV3Tokens(world, (key) => keys.find(key)?.account ?? null);
  type V3Handler = (call: Call, resource: keyof typeof v3Resources, data: Organisation) => Reply;
  const v3 = (handle: V3Handler): Handler => (call) => {
    const account = tokens.accountOf(call);
    if (account === null) return greenhouseError(401, 'Invalid or expired access token');
    const quota = limiter.take(account);
    if (!quota.allowed) return limited(Math.max(1, Math.ceil((quota.resetAt - now()) / 1000)));
    const resource = call.params['resource'] ?? '';
    return isV3Resource(resource) ? handle(call, resource, dataOf(account)) : notFound();
  };
  const actions = ['advance', 'move', 'reject', 'unreject', 'hire'];
  return {
    id: 'greenhouse',
    hosts: { harvest: /^harvest\.greenhouse\.io$/, auth: /^auth\.greenhouse\.io$/ },
    routes: [
      route('POST auth /token', (call) => tokens.grant(call), 'token'),
      route('GET harvest /v3/:resource', v3(listV3)),
      route('POST harvest /v3/:resource', v3((call, resource, data) => createV3(call, resource, data, now()))),
      route('PATCH harvest /v3/:resource/:id', v3((call, resource, data) => updateV3(call, resource, data, now()))),
      route('DELETE harvest /v3/:resource/:id', v3(removeV3)),
      ...resources.flatMap((resource) => [
        route(`GET harvest /v1/${resource}`, admitted(resource, (call, data) => list(call, resource, data))),
        route(`GET harvest /v1/${resource}/:id`, admitted(resource, (call, data) => read(call, resource, data))),
      ]),
      route('POST harvest /v1/candidates', changing('candidates', (call, data) => createCandidate(call, data, now()))),
      route('PATCH harvest /v1/candidates/:id', changing('candidates', (call, data) => updateCandidate(call, data, now()))),
      route('PUT harvest /v1/candidates/:id/anonymize', changing('candidates', (call, data) => anonymize(call, data, now()))),
      route('POST harvest /v1/candidates/:id/activity_feed/notes', changing('candidates', (call, data) => note(call, data, now()))),
      route('POST harvest /v1/candidates/:id/applications', changing('applications', (call, data) => createApplication(call, data, now()))),
      route('POST harvest /v1/jobs', changing('jobs', (call, data) => createJob(call, data, now()))),
      route('PATCH harvest /v1/jobs/:id', changing('jobs', (call, data) => updateJob(call, data, now()))),
      route('PATCH harvest /v1/applications/:id', changing('applications', (call, data) => changeApplication(call, 'update', data, now()))),
      ...actions.map((action) => route(`POST harvest /v1/applications/:id/${action}`, changing('applications', (call, data) => changeApplication(call, action, data, now())))),
      route('POST harvest /v2/scheduled_interviews', changing('scheduled_interviews', (call, data) => createInterview(call, data, now()))),
      route('PATCH harvest /v2/scheduled_interviews/:id', changing('scheduled_interviews', (call, data) => updateInterview(call, data, now()))),
      ...(['candidates', 'applications', 'scheduled_interviews'] as const).map((resource) => route(`DELETE harvest /v1/${resource}/:id`, changing(resource, (call, data) => remove(call, resource, data)))),
    ],
    identify(call) {
      const account = tokens.accountOf(call);
      return account === null ? keys.identify(keyOf(call)) : { account, token: account, issuedAt: null };
    },
    failure(kind, _call, details) {
      switch (kind) {
        case 'outage':
        case 'token_outage': return greenhouseError(statusOf(details, 503), 'Service temporarily unavailable');
        case 'rate_limited': return limited(typeof details['retry_after_s'] === 'number' ? details['retry_after_s'] : 10);
        case 'expired':
        case 'revoked': return unauthorized();
        case 'missing_scope': return forbidden();
        case 'method_not_allowed':
        case 'not_found': return notFound();
      }
    },
    finish(call, reply) {
      const key = keyOf(call);
      const quota = key === null || reply.status === 429 ? null : limiter.peek(key);
      const numbers: Record<string, string> = quota === null ? {} : { 'x-ratelimit-limit': String(quota.limit), 'x-ratelimit-remaining': String(quota.remaining), 'x-ratelimit-reset': String(Math.ceil(quota.resetAt / 1000)) };
      return { ...reply, headers: { 'x-request-id': randomUUID(), ...numbers, ...reply.headers } };
    },
    revoke: (matches) => keys.revokeWhere(matches),
    webhooks: greenhouseWebhooks,
  };
}
