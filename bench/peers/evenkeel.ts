/**
 * Evenkeel as it runs in production, everything on: embedded PostgreSQL, a key, a connected account with a sealed
 * credential, quotas read, calls recorded. `node evenkeel.ts <vendor origin> <processes, or auto>`; prints {"port","key","account","pids"}.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfiguration } from '@evenkeel/server/configuration.ts';
import { startServer } from '@evenkeel/server/server.ts';
import { Browser } from '../../packages/cli/src/demo/browser.ts';

const vendorOrigin = process.argv[2] ?? '';
const dataDir = await mkdtemp(join(tmpdir(), 'evenkeel-bench-'));
await chmod(dataDir, 0o755);
const read = readConfiguration({ PORT: '0', EVENKEEL_DATA_DIR: dataDir, EVENKEEL_ALLOW_PRIVATE: '127.0.0.0/8', EVENKEEL_LOG_LEVEL: 'silent', PUBLIC_URL: 'http://127.0.0.1:1', EVENKEEL_API_PROCESSES: process.argv[3] ?? 'auto' });
if (!read.ok) throw new Error(JSON.stringify(read.faults));
const server = await startServer(read.configuration);
const key = server.adminKey ?? '';

const manifest = {
  manifest: 1,
  id: 'bench',
  name: 'Bench',
  categories: ['crm'],
  auth: [{ id: 'key', type: 'api_key', fields: [{ name: 'api_key', label: 'API key', secret: true }], apply: { headers: { authorization: 'Bearer {{secret.api_key}}' } } }],
  http: { base_url: vendorOrigin },
  request_id: { header: 'x-request-id' },
  errors: [{ when: { status: [400], body: { category: 'VALIDATION_ERROR' } }, code: 'validation_failed' }],
  rate_limits: [{ name: 'ten-seconds', limit: { header: 'x-ratelimit-limit' }, remaining: { header: 'x-ratelimit-remaining' }, reset: { header: 'x-ratelimit-reset', unit: 's' }, window_s: 10 }],
  resources: { contacts: { get: { method: 'GET', path: '/crm/v3/objects/contacts/{{input.id}}', query: { properties: 'email,firstname' } } } },
  validation: { request: { method: 'GET', path: '/me' } },
};

async function api<Answer>(method: string, path: string, body: object): Promise<Answer> {
  const response = await fetch(`${server.url}/v1/${path}`, { method, headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as Answer;
}

await api('PUT', 'connectors/bench', manifest);
const session = await api<{ url: string }>('POST', 'connect-sessions', { tenant_id: 'bench', connector: 'bench' });
const browser = new Browser();
const page = await browser.open(session.url.replace('http://127.0.0.1:1', server.url));
const [form] = page.forms;
if (form === undefined) throw new Error(`The connect page has no form: ${page.text}`);
await browser.submit(page, form, { api_key: 'bench-key-0123456789' }, form.buttons[0]);
const accounts = await fetch(`${server.url}/v1/accounts?connector=bench`, { headers: { authorization: `Bearer ${key}` } });
const { results } = (await accounts.json()) as { results: { id: string; state: string }[] };
const [account] = results;
if (account?.state !== 'active') throw new Error(`The account did not become active: ${JSON.stringify(account)}`);
console.log(JSON.stringify({ port: Number(new URL(server.url).port), key, account: account.id, pids: [process.pid, ...server.apiProcessIds()] }));

// For the figure of memory: what is resident without the garbage that happens to lie about.
process.on('SIGUSR2', () => {
  globalThis.gc?.();
  console.log('collected');
});
process.once('SIGTERM', () => {
  void server
    .close()
    .then(() => rm(dataDir, { recursive: true, force: true }))
    .finally(() => process.exit());
});
