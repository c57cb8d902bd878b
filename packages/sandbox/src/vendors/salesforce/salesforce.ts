/** Simulated Salesforce: login.salesforce.com, and each org's own host, which the token response names. */
import { json, withHeaders, type Call, type Reply } from '../../exchange.ts';
import { secretText } from '../../random.ts';
import { route } from '../../route.ts';
import { perAccount } from '../../table.ts';
import type { Vendor, World } from '../../vendor.ts';
import { adminUser, createAccess, instanceUrl } from './access.ts';
import { createOrg, orgs, type ObjectName, type OrgData } from './data.ts';
import { notFound, oauthError, requestLimit, salesforceError, sessionInvalid } from './errors.ts';
import { create, describe, isObject, query, queryMore, read, remove, update, type Locators } from './records.ts';
import { outboundMessage } from './webhooks.ts';

const versions = ['59.0', '60.0', '61.0', '62.0', '63.0', '64.0', '65.0'];

function identity(org: string): Reply {
  const domain = orgs.find((one) => one.id === org)?.domain ?? '';
  return json(200, { sub: `https://login.salesforce.com/id/${org}/${adminUser}`, user_id: adminUser, organization_id: org, preferred_username: `admin@${domain}.example`, nickname: 'admin', name: 'Ása Admin', email: `admin@${domain}.example`, email_verified: true, zoneinfo: 'Europe/Oslo', active: true, urls: { rest: `${instanceUrl(org)}/services/data/v{version}/`, sobjects: `${instanceUrl(org)}/services/data/v{version}/sobjects/` } });
}

export function createSalesforce(world: World): Vendor {
  const access = createAccess(world);
  const daily = world.limits.limiter('daily_api_requests', { limit: 15_000, windowMs: 86_400_000 });
  const dataOf = perAccount((org) => createOrg(org, world.random(org), (change) => world.changed(change)));
  const locatorsOf = perAccount((): Locators => ({ open: new Map() }));
  const admitted = (handle: (call: Call, org: string) => Reply) => (call: Call): Reply => {
    const result = access.admit(call);
    if (!result.ok) return result.reply;
    return daily.take(result.org).allowed ? handle(call, result.org) : requestLimit();
  };
  const onObject = (handle: (call: Call, object: ObjectName, data: OrgData) => Reply) =>
    admitted((call, org) => {
      const name = call.params['object'] ?? '';
      return isObject(name) ? handle(call, name, dataOf(org)) : notFound();
    });
  const base = '/services/data/:version';
  const now = (): number => world.clock.now();
  return {
    id: 'salesforce',
    hosts: { login: /^(login|test)\.salesforce\.com$/, org: /^(?<domain>[a-z0-9-]+)(\.sandbox|\.develop)?\.my\.salesforce\.com$/ },
    routes: [
      ...access.routes,
      ...['login', 'org'].flatMap((role) => [
        route(`GET ${role} /services/oauth2/userinfo`, admitted((_call, org) => identity(org))),
        route(`GET ${role} /id/:org/:user`, admitted((_call, org) => identity(org))),
      ]),
      route('GET org /services/data', () => json(200, versions.map((version) => ({ label: `Release ${version}`, url: `/services/data/v${version}`, version })))),
      route(`GET org ${base}/limits`, admitted((_call, org) => {
        const quota = daily.peek(org);
        return json(200, { DailyApiRequests: { Max: quota.limit, Remaining: quota.remaining } });
      })),
      route(`GET org ${base}/query`, admitted((call, org) => query(call, dataOf(org), locatorsOf(org)))),
      route(`GET org ${base}/queryAll`, admitted((call, org) => query(call, dataOf(org), locatorsOf(org)))),
      route(`GET org ${base}/query/:locator`, admitted((call, org) => queryMore(call, locatorsOf(org)))),
      route(`GET org ${base}/sobjects/:object/describe`, onObject((_call, object) => describe(object))),
      route(`POST org ${base}/sobjects/:object`, onObject((call, object, data) => create(call, object, data, now()))),
      route(`GET org ${base}/sobjects/:object/:id`, onObject(read)),
      route(`PATCH org ${base}/sobjects/:object/:id`, onObject((call, object, data) => update(call, object, data, now()))),
      route(`DELETE org ${base}/sobjects/:object/:id`, onObject(remove)),
    ],
    identify: (call) => access.identify(call),
    failure(kind, _call, details) {
      switch (kind) {
        case 'outage': return salesforceError(typeof details['status'] === 'number' ? details['status'] : 503, 'SERVER_UNAVAILABLE', 'We are currently unavailable. Please try again later.');
        case 'token_outage': return oauthError('unknown_error', 'retry your request', typeof details['status'] === 'number' ? details['status'] : 503);
        case 'rate_limited': return requestLimit();
        case 'expired':
        case 'revoked': return sessionInvalid();
        case 'missing_scope': return salesforceError(403, 'INSUFFICIENT_ACCESS', 'insufficient access rights on object id');
        case 'method_not_allowed': return salesforceError(405, 'METHOD_NOT_ALLOWED', "HTTP Method 'PUT' not allowed. Allowed are DELETE,GET,HEAD,PATCH,POST");
        case 'not_found': return notFound();
      }
    },
    finish(call, reply) {
      const account = access.identify(call)?.account;
      const quota = account === undefined || !call.path.startsWith('/services/data') ? null : daily.peek(account);
      return withHeaders(reply, { 'x-sfdc-request-id': `TID:${secretText(24)}`, ...(quota === null ? {} : { 'sforce-limit-info': `api-usage=${quota.used}/${quota.limit}` }) });
    },
    revoke: (matches) => access.grants.revokeWhere(matches),
    webhooks: (change) => outboundMessage(change),
  };
}
