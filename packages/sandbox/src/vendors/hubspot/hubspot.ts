/** Simulated HubSpot: app.hubspot.com for consent, api.hubapi.com for everything else. */
import { randomUUID } from 'node:crypto';
import { json, withHeaders, type Call, type Reply } from '../../exchange.ts';
import { asText, readInteger } from '../../json.ts';
import { route } from '../../route.ts';
import { perAccount } from '../../table.ts';
import type { Vendor, World } from '../../vendor.ts';
import { createAccess, type Access } from './access.ts';
import { createPortal, type Portal } from './data.ts';
import { expired, hubspotError, missingScopes, notFound, rateLimited, unauthenticated } from './errors.ts';
import { objectRoutes } from './objects.ts';
import { hubspotWebhooks } from './webhooks.ts';

function owners(call: Call, portal: Portal): Reply {
  const limit = readInteger(call.query.get('limit'), 100, 1, 500);
  const from = readInteger(call.query.get('after'), 0, 0, 1_000_000);
  const page = portal.owners.slice(from, from + limit);
  return json(200, { results: page, ...(from + limit < portal.owners.length ? { paging: { next: { after: String(from + limit) } } } : {}) });
}

const account = (portal: string): Reply => json(200, { portalId: Number(portal), accountType: 'STANDARD', timeZone: 'Europe/Oslo', companyCurrency: 'EUR', additionalCurrencies: [], utcOffset: '+01:00', utcOffsetMilliseconds: 3_600_000, uiDomain: 'app.hubspot.com', dataHostingLocation: 'na1' });

function quotaHeaders(access: Access, call: Call): Record<string, string> {
  const identity = access.identify(call);
  if (identity === null || call.path.startsWith('/oauth/') || call.path.endsWith('/search')) return {};
  const window = access.tenSecondly.peek(identity.account);
  const second = Math.ceil(window.limit / 10);
  const headers = { 'x-hubspot-ratelimit-interval-milliseconds': String(window.windowMs), 'x-hubspot-ratelimit-max': String(window.limit), 'x-hubspot-ratelimit-remaining': String(window.remaining), 'x-hubspot-ratelimit-secondly': String(second), 'x-hubspot-ratelimit-secondly-remaining': String(Math.min(second, window.remaining)) };
  if (!identity.token.startsWith('pat-')) return headers; // Apps installed by OAuth have no daily quota.
  const day = access.daily.peek(identity.account);
  return { ...headers, 'x-hubspot-ratelimit-daily': String(day.limit), 'x-hubspot-ratelimit-daily-remaining': String(day.remaining) };
}

export function createHubspot(world: World): Vendor {
  const access = createAccess(world);
  const portalOf = perAccount((id) => createPortal(id, world.random(id), (change) => world.changed(change)));
  const admitted = (scope: string | null, handle: (call: Call, portal: Portal) => Reply) => (call: Call): Reply => {
    const result = access.admit(call, scope);
    return result.ok ? handle(call, portalOf(result.portal)) : result.reply;
  };
  return {
    id: 'hubspot',
    hosts: { app: /^app(-eu1)?\.hubspot\.com$/, api: /^api(-eu1|-na1)?\.(hubapi|hubspot)\.com$/ },
    routes: [
      ...access.routes,
      route('GET api /account-info/v3/details', admitted(null, (_call, portal) => account(portal.id))),
      route('GET api /crm/v3/owners', admitted('crm.objects.owners.read', owners)),
      route('GET api /crm/v3/owners/:id', admitted('crm.objects.owners.read', (call, portal) => {
        const owner = portal.owners.find((one) => one['id'] === call.params['id']);
        return owner === undefined ? notFound() : json(200, owner);
      })),
      ...objectRoutes(world, access, portalOf),
    ],
    identify: (call) => access.identify(call),
    failure(kind, call, details) {
      switch (kind) {
        case 'outage':
        case 'token_outage': return hubspotError(typeof details['status'] === 'number' ? details['status'] : 503, 'INTERNAL_ERROR', 'internal error');
        case 'rate_limited': return rateLimited(details['policy'] === 'DAILY' ? 'DAILY' : details['policy'] === 'SECONDLY' ? 'SECONDLY' : 'TEN_SECONDLY_ROLLING');
        case 'expired': return expired(1);
        case 'revoked': return unauthenticated();
        case 'missing_scope': return missingScopes(Array.isArray(details['scopes']) ? details['scopes'].map(asText) : ['crm.objects.contacts.read']);
        case 'method_not_allowed': return hubspotError(405, 'VALIDATION_ERROR', `${call.method} is not allowed on ${call.path}`);
        case 'not_found': return notFound();
      }
    },
    finish: (call, reply) => withHeaders(reply, { 'x-hubspot-correlation-id': randomUUID(), ...quotaHeaders(access, call) }),
    revoke: (matches) => access.revokeWhere(matches),
    webhooks: (change, registration) => hubspotWebhooks(change, registration, world.clock.now()),
  };
}
