/** The files of a new connector: small, complete, lint-clean, with a mapping and passing fixtures; a start to be replaced piece by piece. */

/** File names (relative to the connector's folder) and their contents. */
export function scaffold(id: string, name: string): Readonly<Record<string, string>> {
  return {
    'connector.json': json(manifest(id, name)),
    'mappings/crm.contacts.json': json(mapping),
    'fixtures/list-contacts.json': json(fixture(id)),
    'fixtures/list-unified-contacts.json': json(unifiedFixture(id)),
    'fixtures/create-unified-contact.json': json(createFixture(id)),
    'icon.svg': `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" role="img" aria-label="${escapeXml(name)}"><rect width="32" height="32" rx="7" fill="#64748b"/><text x="16" y="22" font-family="system-ui, sans-serif" font-size="16" text-anchor="middle" fill="#fff">${escapeXml(name.charAt(0))}</text></svg>\n`,
    'README.md': readme(id, name),
  };
}

/** `acme-crm` → `Acme Crm`. */
export function nameOf(id: string): string {
  return id.split('-').map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join(' ');
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
const escapeXml = (text: string): string => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

const manifest = (id: string, name: string): object => ({
  $schema: '../../packages/contract/schema/manifest.v1.json',
  manifest: 1,
  id,
  name,
  description: `Contacts of ${name}.`,
  categories: ['crm'],
  auth: [
    {
      type: 'api_key',
      id: 'api_key',
      label: 'API key',
      fields: [{ name: 'api_key', label: 'API key', type: 'password', secret: true, help: 'Where the owner of an account finds it.' }],
      apply: { headers: { authorization: 'Bearer {{secret.api_key}}' } },
    },
  ],
  http: { base_url: `https://api.${id}.example` },
  error_message: ['message', 'error.message'],
  rate_limits: [
    {
      name: 'requests',
      limit: { header: 'x-ratelimit-limit' },
      remaining: { header: 'x-ratelimit-remaining' },
      reset: { header: 'x-ratelimit-reset', unit: 'epoch_s' },
    },
  ],
  pagination: { type: 'cursor', next: 'next_cursor', limit: { default: 50, max: 100 }, query: { limit: '{{page.limit}}', cursor: '{{page.cursor}}' } },
  resources: {
    contacts: {
      category: 'crm',
      list: { method: 'GET', path: '/contacts', response: { records: 'contacts' } },
      get: { method: 'GET', path: '/contacts/{{input.id}}' },
      create: { method: 'POST', path: '/contacts', body: { type: 'json', value: '{{input.body}}' } },
      update: { method: 'PATCH', path: '/contacts/{{input.id}}', body: { type: 'json', value: '{{input.body}}' } },
      delete: { method: 'DELETE', path: '/contacts/{{input.id}}' },
    },
  },
  validation: {
    request: { method: 'GET', path: '/me' },
    capture: { captured: { user_id: '{{response.body.id}}', user_name: '{{response.body.name}}' } },
  },
  account: { external_id: '{{captured.user_id}}', label: '{{captured.user_name}}' },
});

/** One filter, one sorting, and a field of each usual kind. */
const mapping: object = {
  $schema: '../../../packages/contract/schema/mapping.v1.json',
  mapping: 1,
  model: 'crm.contacts',
  methods: {
    list: [
      {
        operation: 'contacts.list',
        query: { sort: '{{sort}}' },
        filters: { email: { query: { email: '{{value}}' } }, updated_after: { query: { updated_since: '{{value}}' } } },
        sort: { updated_at: { asc: 'updated_at', desc: '-updated_at' } },
      },
    ],
    get: { operation: 'contacts.get' },
    create: { operation: 'contacts.create', required: ['last_name'] },
    update: { operation: 'contacts.update' },
    delete: { operation: 'contacts.delete' },
  },
  fields: {
    id: 'id',
    first_name: 'first_name',
    last_name: 'last_name',
    name: { template: '{{first_name|append:\' \'|default:\'\'}}{{last_name}}' },
    emails: { list: [{ object: { address: 'email', type: { const: 'work' } } }] },
    created_at: { read: 'created_at' },
    updated_at: { read: 'updated_at' },
  },
  custom_fields: { at: 'custom', write: true },
};

const ada = { id: 1, first_name: 'Ada', last_name: 'Okafor', email: 'ada@mail.example', created_at: '2026-01-05T09:00:00Z', updated_at: 1_767_776_400, custom: { tier: 'gold' } };
const unifiedAda = {
  id: '1',
  first_name: 'Ada',
  last_name: 'Okafor',
  name: 'Ada Okafor',
  title: null,
  emails: [{ address: 'ada@mail.example', type: 'work' }],
  phones: [],
  address: null,
  company_id: null,
  owner_id: null,
  created_at: '2026-01-05T09:00:00.000Z',
  updated_at: '2026-01-07T09:00:00.000Z',
  custom_fields: { tier: 'gold' },
};
const headers = { authorization: 'Bearer key-1' };

const unifiedFixture = (id: string): object => ({
  name: 'list-unified-contacts',
  call: { surface: 'unified', resource: 'crm.contacts', method: 'list', query: { updated_after: '2026-01-01T00:00:00Z', sort: '-updated_at', limit: '1' } },
  account: { secret: { api_key: 'key-1' } },
  exchanges: [
    {
      request: { method: 'GET', url: `https://api.${id}.example/contacts`, query: { updated_since: '2026-01-01T00:00:00.000Z', sort: '-updated_at', limit: '1' }, headers },
      response: { status: 200, headers: { 'content-type': 'application/json' }, body: { contacts: [ada], next_cursor: 'b2' } },
    },
  ],
  answer: { status: 200, body: { results: [unifiedAda], next_cursor: '*' } },
});

const createFixture = (id: string): object => ({
  name: 'create-unified-contact',
  call: { surface: 'unified', resource: 'crm.contacts', method: 'create', body: { first_name: 'Ada', last_name: 'Okafor', emails: [{ address: 'ada@mail.example' }], custom_fields: { tier: 'gold' } } },
  account: { secret: { api_key: 'key-1' } },
  exchanges: [
    {
      request: { method: 'POST', url: `https://api.${id}.example/contacts`, headers, body: { first_name: 'Ada', last_name: 'Okafor', email: 'ada@mail.example', custom: { tier: 'gold' } } },
      response: { status: 201, headers: { 'content-type': 'application/json' }, body: ada },
    },
  ],
  answer: { status: 201, body: unifiedAda },
});

const fixture = (id: string): object => ({
  name: 'list-contacts',
  call: { surface: 'proxy', resource: 'contacts', method: 'list', query: { limit: '2' } },
  account: { secret: { api_key: 'key-1' } },
  exchanges: [
    {
      request: { method: 'GET', url: `https://api.${id}.example/contacts`, query: { limit: '2' }, headers: { authorization: 'Bearer key-1' } },
      response: {
        status: 200,
        headers: { 'content-type': 'application/json' },
        body: { contacts: [{ id: '1', name: 'Ada' }, { id: '2', name: 'Grace' }], next_cursor: null },
      },
    },
  ],
  answer: { status: 200, body: { results: [{ id: '1', name: 'Ada' }, { id: '2', name: 'Grace' }], next_cursor: null } },
});

/** With the headings that the conformance suite wants of a connector that is to be built in. */
const readme = (id: string, name: string): string => `# ${name}

Contacts of ${name}. Replace the example's addresses, fields and resources with the vendor's, then:

    npx evenkeel connectors lint connectors/${id}
    npx evenkeel connectors test connectors/${id}
    npx evenkeel connectors push connectors/${id}

| Resource | Id | Methods | Actions |
|---|---|---|---|
| \`contacts\` | \`id\` | list, get, create, update, delete | – |

## Setting up the installation's app

Nothing to set up: the customer enters an API key.

## Quirks

- What surprised you, and how the manifest says it.

## Limits

- Quotas, page sizes, and what is left out on purpose.

## What was verified where

| Fact | Where | Date |
|---|---|---|
| paging | | |
| rate limits | | |
| errors | | |
| fields of a contact, and their types | | |
| filters and sorting | | |
`;
