/** The files of a new connector: small, complete, lint-clean, with a passing fixture; a start to be replaced piece by piece. */

/** File names (relative to the connector's folder) and their contents. */
export function scaffold(id: string, name: string): Readonly<Record<string, string>> {
  return {
    'connector.json': json(manifest(id, name)),
    'fixtures/list-contacts.json': json(fixture(id)),
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

const fixture = (id: string): object => ({
  name: 'a page of contacts',
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

const readme = (id: string, name: string): string => `# ${name}

What this connector covers, and which facts were verified where. Replace the example's addresses, fields and resources
with the vendor's, then:

    evenkeel connectors lint connectors/${id}
    evenkeel connectors test connectors/${id}
    evenkeel connectors push connectors/${id}

| Fact | Source | Date |
|---|---|---|
| paging | | |
| rate limits | | |
| errors | | |
`;
