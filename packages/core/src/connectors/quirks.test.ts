/** The quirks of real vendors, each as the part of a manifest that expresses it: accepted by the linter, and used. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileConnector } from './compile.ts';
import type { Connector } from './connector.ts';
import type { Scope } from './values/scope.ts';

type Json = Record<string, unknown>;

/** A manifest around one quirk; what the quirk does not state is plain. */
function manifest(quirk: Json): Json {
  return {
    manifest: 1,
    id: 'quirk',
    name: 'Quirk',
    categories: [],
    auth: [{ type: 'none', id: 'none' }],
    http: { base_url: 'https://api.vendor.example' },
    resources: { records: { list: { method: 'GET', path: '/records' } } },
    validation: { request: { method: 'GET', path: '/me' } },
    ...quirk,
  };
}

const code = { type: 'oauth2_code', id: 'oauth', authorize_url: 'https://login.vendor.example/authorize', token_url: 'https://login.vendor.example/token', scopes: [] };
const field = (name: string, secret = false): Json => ({ name, label: name, secret, type: secret ? 'password' : 'text' });
const list = (operation: Json): Json => ({ records: { list: { method: 'GET', path: '/records', ...operation } } });

interface Quirk {
  readonly name: string;
  readonly part: Json;
  readonly scope?: Scope;
  /** The address a list call gets, when the quirk shows there. */
  readonly url?: string;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}

const quirks: readonly Quirk[] = [
  {
    name: '1 Slack: 200 with ok:false; the user token under authed_user',
    part: {
      auth: [{ ...code, scopes: ['chat:write'], scope_separator: ',', response: { root: 'authed_user', success: { body: { ok: true } }, message: 'error' }, expiry: { from: 'never' } }],
      errors: [
        { when: { body: { ok: false, error: { in: ['ratelimited'] } } }, code: 'rate_limited', retry_after: { header: 'retry-after', unit: 's' } },
        { when: { body: { ok: false, error: 'missing_scope' } }, code: 'missing_scopes', missing_scopes: { $expr: '$split(body.needed, ",")' } },
        { when: { body: { ok: false } }, code: 'validation_failed', message: 'error' },
      ],
      granted_scopes: { header: 'x-oauth-scopes', separator: ',' },
    },
  },
  {
    name: '2 Salesforce: no expires_in, host from the token response, introspection, paging by an address in the body',
    part: {
      auth: [
        {
          ...code,
          capture: { captured: { instance_url: '{{response.body.instance_url}}', org_id: "{{response.body.id|split:'/'|last}}" } },
          expiry: { from: 'introspection', request: { method: 'POST', url: '{{captured.instance_url}}/services/oauth2/introspect', body: { type: 'form', value: { token: '{{token.access_token}}', client_id: '{{app.client_id}}', client_secret: '{{app.client_secret}}' } } }, path: 'exp', unit: 'epoch_s' },
          refresh: { rotation: 'single_use', terminal: [{ status: [400], body: { error: 'invalid_grant' } }] },
        },
      ],
      http: { base_url: '{{captured.instance_url}}' },
      resources: list({ path: '/services/data/v62.0/query', query: { q: 'SELECT Id FROM Contact' }, response: { records: 'records' }, pagination: { type: 'next_url', next: 'nextRecordsUrl' } }),
    },
    scope: { captured: { instance_url: 'https://acme.my.vendor.example' } },
    url: 'https://acme.my.vendor.example/services/data/v62.0/query?q=SELECT%20Id%20FROM%20Contact',
  },
  {
    name: '3 HubSpot: the account is found by a portal id, cursor in the body, several quotas',
    part: {
      auth: [{ ...code }],
      validation: { request: { method: 'GET', path: '/account-info/v3/details' }, capture: { captured: { portal_id: '{{response.body.portalId}}' } } },
      account: { external_id: '{{captured.portal_id}}', label: 'Portal {{captured.portal_id}}' },
      rate_limits: [
        { name: 'burst', limit: { header: 'x-hubspot-ratelimit-max' }, remaining: { header: 'x-hubspot-ratelimit-remaining' }, window_s: 10 },
        { name: 'daily', limit: { header: 'x-hubspot-ratelimit-daily' }, remaining: { header: 'x-hubspot-ratelimit-daily-remaining' }, window_s: 86400 },
      ],
      resources: list({ query: { limit: '{{page.limit}}', after: '{{page.cursor}}' }, response: { records: 'results' }, pagination: { type: 'cursor', next: 'paging.next.after', limit: { default: 100, max: 100 } } }),
    },
    scope: { page: { limit: 100, cursor: '5' } },
    url: 'https://api.vendor.example/records?limit=100&after=5',
  },
  {
    name: '4 Shopify: host from the shop domain, own header, one-hour tokens whose old refresh token lives until the new is used',
    part: {
      auth: [
        {
          ...code,
          authorize_url: 'https://{{config.shop}}.shops.example/admin/oauth/authorize',
          token_url: 'https://{{config.shop}}.shops.example/admin/oauth/access_token',
          fields: [{ ...field('shop'), pattern: '^[a-z0-9][a-z0-9-]*$' }],
          refresh: { rotation: 'rotates' },
          apply: { headers: { 'X-Shop-Access-Token': '{{token.access_token}}' } },
        },
      ],
      http: { base_url: 'https://{{config.shop}}.shops.example/admin/api' },
      rate_limits: [{ name: 'calls', used: { header: 'x-shop-api-call-limit', pattern: '^(\\d+)/' }, limit: { header: 'x-shop-api-call-limit', pattern: '/(\\d+)$' } }],
      resources: list({ path: '/orders.json', pagination: { type: 'link_header' } }),
    },
    scope: { config: { shop: 'acme' } },
    url: 'https://acme.shops.example/admin/api/orders.json',
  },
  {
    name: '5 Zoho: the data centre comes with the callback and the token response',
    part: {
      auth: [
        {
          ...code,
          callback: { captured: { accounts_server: '{{callback["accounts-server"]}}' } },
          token_url: "{{captured.accounts_server|default:'https://accounts.vendor.example'}}/oauth/v2/token",
          capture: { captured: { api_domain: '{{response.body.api_domain}}' } },
          apply: { headers: { authorization: 'Zoho-oauthtoken {{token.access_token}}' } },
        },
      ],
      http: { base_url: '{{captured.api_domain}}/crm/v8' },
    },
    scope: { captured: { api_domain: 'https://www.vendor.example.eu' } },
    url: 'https://www.vendor.example.eu/crm/v8/records',
  },
  {
    name: '6 Xero: the tenant is picked after the grant and goes with every call; 30-minute tokens; refresh tokens die unused',
    part: {
      auth: [
        {
          ...code,
          fields: [{ ...field('organisation'), required: false }],
          exchange: [
            {
              id: 'connections',
              request: { method: 'GET', path: '/connections' },
              capture: { captured: { tenant_id: { $expr: '(response.body[tenantName = $$.config.organisation or $not($exists($$.config.organisation))])[0].tenantId' } } },
            },
          ],
          expiry: { from: 'response', fallback_s: 1800 },
          refresh: { rotation: 'rotates', idle_lifetime_s: 5184000 },
        },
      ],
      http: { base_url: 'https://api.vendor.example', headers: { 'xero-tenant-id': '{{captured.tenant_id}}' } },
      resources: list({ query: { page: '{{page.number}}', pageSize: '{{page.limit}}' }, pagination: { type: 'page', total_pages: 'pagination.pageCount', limit: { default: 100, max: 1000 } } }),
    },
    scope: { captured: { tenant_id: 't-1' }, page: { number: 2, limit: 100 } },
    url: 'https://api.vendor.example/records?page=2&pageSize=100',
    headers: { accept: 'application/json', 'xero-tenant-id': 't-1' },
  },
  {
    name: '7 QuickBooks: the company id arrives on the callback; refresh tokens change daily',
    part: {
      auth: [{ ...code, callback: { captured: { realm_id: '{{callback.realmId}}' } }, refresh: { rotation: 'rotates', idle_lifetime_s: 8726400, lead_s: { min: 300, max: 600 } }, revoke: { method: 'POST', url: 'https://login.vendor.example/revoke', body: { type: 'json', value: { token: '{{token.refresh_token}}' } } } }],
      account: { external_id: '{{captured.realm_id}}' },
      resources: list({ path: '/v3/company/{{captured.realm_id}}/query', query: { query: 'SELECT * FROM Customer STARTPOSITION {{page.offset}} MAXRESULTS {{page.limit}}' }, pagination: { type: 'offset', start: 1, limit: { default: 100, max: 1000 } } }),
    },
    scope: { captured: { realm_id: '93' }, page: { offset: 101, limit: 100 } },
    url: 'https://api.vendor.example/v3/company/93/query?query=SELECT%20%2A%20FROM%20Customer%20STARTPOSITION%20101%20MAXRESULTS%20100',
  },
  {
    name: '8 Linear: GraphQL as a resource; a 400 that is a rate limit; errors with 200',
    part: {
      errors: [
        { when: { body: { 'errors[0].extensions.code': 'RATELIMITED' } }, code: 'rate_limited', retry_after: { header: 'x-ratelimit-requests-reset', unit: 'epoch_ms' } },
        { when: { status: ['2xx'], body: { 'errors[0]': { exists: true } } }, code: 'validation_failed', message: 'errors[0].message' },
      ],
      resources: list({
        method: 'POST',
        path: '/graphql',
        body: { type: 'graphql', query: 'query Q($n: Int!, $c: String) { issues(first: $n, after: $c) { nodes { id } pageInfo { hasNextPage endCursor } } }', variables: { n: '{{page.limit}}', c: '{{page.cursor}}' } },
        response: { records: 'data.issues.nodes' },
        pagination: { type: 'relay', page_info: 'data.issues.pageInfo', limit: { default: 50, max: 250 } },
        forward_query: false,
      }),
    },
    scope: { page: { limit: 50 } },
    body: { query: 'query Q($n: Int!, $c: String) { issues(first: $n, after: $c) { nodes { id } pageInfo { hasNextPage endCursor } } }', variables: { n: 50 } },
  },
  {
    name: '9 GitHub App: an RS256 assertion buys an installation token; 403 with nothing remaining is a rate limit',
    part: {
      auth: [
        {
          type: 'jwt_bearer',
          id: 'app',
          fields: [field('installation_id'), field('app_id'), field('private_key', true)],
          assertion: { alg: 'RS256', key: '{{secret.private_key}}', claims: { iss: '{{config.app_id}}' }, lifetime_s: 540, backdate_s: 60 },
          grant: {
            type: 'request',
            request: { method: 'POST', path: '/app/installations/{{config.installation_id}}/access_tokens', headers: { authorization: 'Bearer {{token.assertion}}' } },
            response: { access_token: 'token' },
            expiry: { from: 'response', path: 'expires_at', unit: 'iso' },
          },
        },
      ],
      errors: [{ when: { status: [403], headers: { 'x-ratelimit-remaining': '0' } }, code: 'rate_limited', retry_after: { header: 'x-ratelimit-reset', unit: 'epoch_s' } }],
    },
  },
  {
    name: '10 Stripe: the key as Basic user name, nested forms, the last record as cursor',
    part: {
      auth: [{ type: 'basic', id: 'key', fields: [field('secret_key', true)], username: '{{secret.secret_key}}', password: '' }],
      resources: {
        records: {
          list: { method: 'GET', path: '/v1/customers', query: { limit: '{{page.limit}}', starting_after: '{{page.cursor}}' }, response: { records: 'data' }, pagination: { type: 'cursor', next_from_last: 'id', more: 'has_more', limit: { default: 10, max: 100 } } },
          create: { method: 'POST', path: '/v1/customers', headers: { 'idempotency-key': '{{input.query.idempotency_key}}' }, body: { type: 'form', nesting: 'brackets', value: '{{input.body}}' } },
        },
      },
    },
    scope: { page: { limit: 10, cursor: 'cus_9' } },
    url: 'https://api.vendor.example/v1/customers?limit=10&starting_after=cus_9',
  },
  {
    name: '11 Atlassian: accessible resources give the cloud id; rotating refresh tokens',
    part: {
      auth: [{ ...code, scopes: ['offline_access'], exchange: [{ id: 'cloud', request: { method: 'GET', path: '/oauth/token/accessible-resources' }, capture: { captured: { cloud_id: '{{response.body[0].id}}' } } }], refresh: { rotation: 'rotates' } }],
      resources: list({ path: '/ex/jira/{{captured.cloud_id}}/rest/api/3/search/jql', query: { nextPageToken: '{{page.cursor}}' }, pagination: { type: 'cursor', next: 'nextPageToken' } }),
    },
    scope: { captured: { cloud_id: 'c-1' }, page: {} },
    url: 'https://api.vendor.example/ex/jira/c-1/rest/api/3/search/jql',
  },
  {
    name: '12 NetSuite: OAuth 1.0 HMAC-SHA256, realm from the account id',
    part: {
      auth: [
        {
          type: 'oauth1',
          id: 'tba',
          signature_method: 'HMAC-SHA256',
          fields: [field('account_id'), field('consumer_key', true), field('consumer_secret', true), field('token_id', true), field('token_secret', true)],
          consumer_key: '{{secret.consumer_key}}',
          consumer_secret: '{{secret.consumer_secret}}',
          token: '{{secret.token_id}}',
          token_secret: '{{secret.token_secret}}',
          realm: '{{config.account_id|replace:-:_|upper}}',
        },
      ],
      http: { base_url: 'https://{{config.account_id|lower|replace:_:-}}.suite.vendor.example' },
    },
    scope: { config: { account_id: 'TSTDRV_1' } },
    url: 'https://tstdrv-1.suite.vendor.example/records',
  },
  {
    name: '13 Microsoft: tenant from a claim, a second-audience token from the same refresh token',
    part: {
      auth: [
        {
          ...code,
          scopes: ['openid', 'offline_access'],
          capture: { captured: { tenant: '{{claims.tid}}' } },
          exchange: [
            {
              id: 'second_audience',
              authenticated: false,
              request: { method: 'POST', url: 'https://login.vendor.example/token', body: { type: 'form', value: { grant_type: 'refresh_token', refresh_token: '{{token.refresh_token}}', client_id: '{{app.client_id}}', client_secret: '{{app.client_secret}}', scope: 'https://management.vendor.example/.default' } } },
              capture: { secret: { management_token: '{{response.body.access_token}}' } },
            },
          ],
        },
      ],
      post_install: [{ id: 'subscribe', request: { method: 'POST', path: '/subscriptions', body: { type: 'json', value: { resource: '/me/events', expirationDateTime: { $expr: '$fromMillis(now.epoch_ms + 86400000)' } } } }, capture: { captured: { subscription_id: '{{response.body.id}}' } } }],
      resources: list({ path: '/tenants/{{captured.tenant}}/records' }),
    },
    scope: { captured: { tenant: 't' } },
    url: 'https://api.vendor.example/tenants/t/records',
  },
  {
    name: '14 Zendesk: subdomain in the host, expiry only when asked for, rotating refresh tokens of 30 days',
    part: {
      auth: [
        {
          ...code,
          fields: [{ ...field('subdomain'), pattern: '^[a-z0-9][a-z0-9-]*$' }],
          authorize_url: 'https://{{config.subdomain}}.desk.example/oauth/authorizations/new',
          token_url: 'https://{{config.subdomain}}.desk.example/oauth/tokens',
          token_format: 'json',
          token_params: { expires_in: 7200, refresh_token_expires_in: 2592000 },
          refresh: { rotation: 'single_use', idle_lifetime_s: 2592000, params: { expires_in: 7200 } },
        },
      ],
      http: { base_url: 'https://{{config.subdomain}}.desk.example/api/v2' },
    },
    scope: { config: { subdomain: 'acme' } },
    url: 'https://acme.desk.example/api/v2/records',
  },
  {
    name: '15 Bullhorn: the OAuth token buys a session token and a REST address',
    part: {
      auth: [
        {
          ...code,
          exchange: [
            {
              id: 'login',
              authenticated: false,
              request: { method: 'POST', url: 'https://rest.vendor.example/rest-services/login', query: { version: '*', access_token: '{{token.access_token}}' } },
              capture: { captured: { rest_url: '{{response.body.restUrl}}' }, secret: { rest_token: '{{response.body.BhRestToken}}' } },
            },
          ],
          apply: { headers: { BhRestToken: '{{secret.rest_token}}' } },
        },
      ],
      http: { base_url: '{{captured.rest_url}}', origins: ['https://rest.vendor.example'] },
    },
    scope: { captured: { rest_url: 'https://rest9.vendor.example/rest-services/abc/' } },
    url: 'https://rest9.vendor.example/rest-services/abc/records',
  },
  { name: '16 an API key in a query parameter', part: { auth: [{ type: 'api_key', id: 'key', fields: [field('key', true)], apply: { query: { api_key: '{{secret.key}}' } } }] } },
  {
    name: '16 AWS SigV4',
    part: { auth: [{ type: 'aws_sigv4', id: 'aws', fields: [field('region'), field('id', true), field('key', true)], access_key_id: '{{secret.id}}', secret_access_key: '{{secret.key}}', region: '{{config.region}}', service: 'execute-api' }] },
  },
  {
    name: '16 Snowflake: a key-pair JWT with a fingerprint is the token itself',
    part: {
      auth: [
        {
          type: 'jwt_bearer',
          id: 'key_pair',
          fields: [field('account'), field('user'), field('private_key', true)],
          assertion: { alg: 'RS256', key: '{{secret.private_key}}', claims: { iss: '{{config.account|upper}}.{{config.user|upper}}.{{key.fingerprint}}', sub: '{{config.account|upper}}.{{config.user|upper}}' }, lifetime_s: 3600 },
          grant: { type: 'direct' },
          apply: { headers: { authorization: 'Bearer {{token.access_token}}', 'X-Authorization-Token-Type': 'KEYPAIR_JWT' } },
        },
      ],
      http: { base_url: 'https://{{config.account}}.warehouse.example' },
    },
    scope: { config: { account: 'xy1', user: 'u' } },
    url: 'https://xy1.warehouse.example/records',
  },
  {
    name: '16 a page token inside the body, record ranges in headers',
    part: {
      resources: {
        records: { list: { method: 'POST', path: '/search', body: { type: 'json', value: { page_size: '{{page.limit}}', start_cursor: '{{page.cursor}}' } }, pagination: { type: 'cursor', next: 'next_cursor', more: 'has_more' }, forward_query: false } },
        rows: { list: { method: 'GET', path: '/rows', pagination: { type: 'record_range', headers: { range: 'items={{page.from}}-{{page.to}}' }, total_header: 'content-range' } } },
      },
    },
    scope: { page: { limit: 10, cursor: 'c' } },
    body: { page_size: 10, start_cursor: 'c' },
  },
  {
    name: '16 XML bodies, both ways',
    part: { resources: { records: { list: { method: 'POST', path: '/xml', body: { type: 'xml', root: 'query', value: { from: '{{input.query.from}}' } }, response: { format: 'xml', records: 'answer.records.record' }, forward_query: false } } } },
    scope: { input: { query: { from: 'a<b' } } },
    url: 'https://api.vendor.example/xml',
  },
  {
    name: '16 a session bought by steps',
    part: {
      auth: [
        {
          type: 'session',
          id: 'session',
          fields: [field('user'), field('password', true)],
          login: [{ id: 'login', request: { method: 'POST', path: '/login', body: { type: 'json', value: { user: '{{config.user}}', password: '{{secret.password}}' } } }, success: { body: { ok: true } }, capture: { secret: { sid: '{{response.headers["x-session"]}}' } } }],
          expiry: { from: 'assumed', lifetime_s: 1200 },
          apply: { cookies: { SID: '{{secret.sid}}' } },
        },
      ],
    },
  },
];

for (const quirk of quirks) {
  test(quirk.name, async () => {
    const compiled = compileConnector(manifest(quirk.part));
    assert.ok(compiled.ok, compiled.ok ? '' : JSON.stringify(compiled.faults, null, 1));
    assert.deepEqual(compiled.warnings, []);
    await everyPartCompiles(compiled.connector);
    const operation = compiled.connector.operation('records', 'list');
    const built = await operation?.build(quirk.scope ?? {});
    assert.ok(built !== undefined);
    assert.ok(built.ok, built.ok ? '' : built.problem.message);
    if (quirk.url !== undefined) assert.equal(built.request.url, quirk.url);
    if (quirk.headers !== undefined) assert.deepEqual(built.request.headers, quirk.headers);
    if (quirk.body !== undefined) assert.deepEqual(JSON.parse(String(built.request.body)), quirk.body);
  });
}

/** What the linter lets pass, the compiler takes: no template of any scheme, step or operation throws. */
async function everyPartCompiles(connector: Connector): Promise<void> {
  for (const { id } of connector.manifest.auth) assert.equal(connector.scheme(id)?.id, id);
  await connector.validation?.request.build({});
  for (const step of connector.postInstall) await step.request.build({ now: { epoch_ms: 0 } });
}
