/** Simulated HiBob: the public API v1 on api.hibob.com, service users by HTTP Basic. */
import { randomUUID } from 'node:crypto';
import { sandboxKeys } from '../../apps.ts';
import { basic, empty, withHeaders, type Call, type Reply } from '../../exchange.ts';
import { statusOf } from '../../identity.ts';
import { asText } from '../../json.ts';
import { createKeyRing } from '../../key-ring.ts';
import { route, type Handler } from '../../route.ts';
import { perAccount } from '../../table.ts';
import type { Vendor, World } from '../../vendor.ts';
import { companies, createCompany, type Company } from './data.ts';
import { bobError, bulk, changes, createPerson, history, namedList, readPerson, searchPeople, terminate, timeOffRequest, updatePerson, whoIsOut } from './records.ts';
import { hibobWebhooks } from './webhooks.ts';

const forbidden = (): Reply => bobError(403, 'forbidden', 'Access denied');

export function createHibob(world: World): Vendor {
  const keys = createKeyRing(sandboxKeys.hibob, companies);
  const limiter = world.limits.limiter('minute', { limit: 50, windowMs: 60_000 });
  const dataOf = perAccount((id) => createCompany(id, world.random(id), (change) => world.changed(change)));
  const now = (): number => world.clock.now();
  const keyOf = (call: Call): string | null => {
    const given = basic(call);
    return given === null ? null : `${given.name}:${given.password}`;
  };
  const limited = (resetAt: number): Reply => ({ status: 429, headers: { 'content-type': 'text/plain', 'retry-after': String(Math.max(1, Math.ceil((resetAt - now()) / 1000))) }, text: 'Too many requests' });

  const admitted = (feature: string, handle: (call: Call, data: Company) => Reply): Handler => (call) => {
    const found = keys.find(keyOf(call));
    if (found === null || found.revoked) return empty(401);
    const quota = limiter.take(`${found.account} ${feature}`);
    if (!quota.allowed) return limited(quota.resetAt);
    const denied = world.setting('denied_features');
    return Array.isArray(denied) && denied.map(asText).includes(feature) ? forbidden() : handle(call, dataOf(found.account));
  };
  return {
    id: 'hibob',
    hosts: { api: /^api\.hibob\.com$/ },
    routes: [
      route('POST api /v1/people/search', admitted('people', searchPeople)),
      route('POST api /v1/people', admitted('people', (call, data) => createPerson(call, data, now()))),
      route('POST api /v1/people/:id', admitted('people', readPerson)),
      route('PUT api /v1/people/:id', admitted('people', updatePerson)),
      route('POST api /v1/employees/:id/terminate', admitted('people', terminate)),
      route('POST api /v1/employees/:id/uninvite', admitted('people', () => empty(200))),
      route('GET api /v1/bulk/people/work', admitted('work', (call, data) => bulk(call, data.work))),
      route('GET api /v1/bulk/people/employment', admitted('employment', (call, data) => bulk(call, data.employment))),
      route('GET api /v1/people/:id/work', admitted('work', (call, data) => history(call, data, data.work))),
      route('GET api /v1/people/:id/employment', admitted('employment', (call, data) => history(call, data, data.employment))),
      route('GET api /v1/company/named-lists/:name', admitted('lists', namedList)),
      route('GET api /v1/timeoff/requests/changes', admitted('timeoff', (call, data) => changes(call, data, now()))),
      route('GET api /v1/timeoff/whosout', admitted('timeoff', whoIsOut)),
      route('POST api /v1/timeoff/employees/:id/requests', admitted('timeoff', (call, data) => timeOffRequest(call, data, now()))),
      ...['GET', 'DELETE'].map((method) => route(`${method} api /v1/timeoff/employees/:id/requests/:request`, admitted('timeoff', (call, data) => timeOffRequest(call, data, now())))),
    ],
    identify: (call) => keys.identify(keyOf(call)),
    failure(kind, _call, details) {
      switch (kind) {
        case 'outage':
        case 'token_outage': return bobError(statusOf(details, 503), 'service.unavailable', 'Service unavailable');
        case 'rate_limited': return limited(now() + (typeof details['retry_after_s'] === 'number' ? details['retry_after_s'] : 30) * 1000);
        case 'expired':
        case 'revoked': return empty(401);
        case 'missing_scope': return forbidden();
        case 'method_not_allowed': return bobError(405, 'method.not.allowed', 'Method not allowed');
        case 'not_found': return bobError(404, 'not.found', 'Not found');
      }
    },
    finish(call, reply) {
      const found = keys.identify(keyOf(call));
      const quota = found === null ? null : limiter.peek(`${found.account} people`);
      const left = quota === null ? {} : { 'x-ratelimit-limit': String(quota.limit), 'x-ratelimit-remaining': String(quota.remaining), 'x-ratelimit-reset': String(Math.ceil(quota.resetAt / 1000)) };
      return withHeaders(reply, { 'x-request-id': randomUUID(), ...left });
    },
    revoke: (matches) => keys.revokeWhere(matches),
    webhooks: (change, registration) => hibobWebhooks(change, registration, now()),
  };
}
