/** The guide "Add a connector in fifteen minutes", run as it stands but for the address, the key and where `npx` finds the program. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { promisify } from 'node:util';
import { Browser } from 'evenkeel/demo/browser.ts';
import { startTestEvenkeel } from '../harness/evenkeel.ts';

const run = promisify(execFile);

/** The vendor the scaffold describes. */
const vendor = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://vendor');
  const contact = (id: number) => ({ id, first_name: 'Ada', last_name: `Nr ${id}`, email: `ada.${id}@mail.example`, created_at: '2026-01-05T09:00:00Z', updated_at: 1_767_776_400, custom: {} });
  const reply = (status: number, body: object): void => void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  if (request.headers.authorization !== 'Bearer key-of-acme') return reply(401, { message: 'no' });
  if (url.pathname === '/me') return reply(200, { id: 7, name: 'Acme GmbH' });
  if (url.pathname === '/contacts') return reply(200, { contacts: [contact(1), contact(2)], next_cursor: 'c' });
  return reply(404, { message: 'nothing here' });
});
await new Promise<void>((settle) => vendor.listen(0, '127.0.0.1', settle));
after(() => {
  vendor.close();
  vendor.closeAllConnections();
});
const address = vendor.address();
assert.ok(address !== null && typeof address === 'object');
const evenkeel = await startTestEvenkeel({ EVENKEEL_HOST_MAP: JSON.stringify({ 'api.acme-crm.example': `http://127.0.0.1:${address.port}` }) });

it('the guide leads from nothing to a unified call', async (context) => {
  const place = await mkdtemp(join(tmpdir(), 'evenkeel-guide-'));
  context.after(() => rm(place, { recursive: true, force: true }));
  const cwd = join(place, 'checkout');
  await mkdir(join(cwd, '.evenkeel'), { recursive: true });
  await writeFile(join(place, 'acme-account.json'), JSON.stringify({ secret: { api_key: 'key-of-acme' } }));
  await writeFile(join(cwd, '.evenkeel/admin.key'), evenkeel.adminKey);
  await writeFile(join(cwd, 'npx'), `#!/bin/sh\n[ "$1" = evenkeel ] && shift && exec '${process.execPath}' '${join(import.meta.dirname, '../../packages/cli/bin/evenkeel.mjs')}' "$@"\n`);
  await chmod(join(cwd, 'npx'), 0o755);
  const guide = await readFile(join(import.meta.dirname, '../../docs/guides/add-a-connector.md'), 'utf8');
  const blocks = [...guide.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block = '']) => block.replace('http://127.0.0.1:4400', evenkeel.url));
  assert.equal(blocks.length, 5);
  const shell = async (...scripts: string[]): Promise<{ stdout: string; stderr: string }> =>
    run('sh', ['-e', '-c', scripts.join('\n')], { cwd, timeout: 60_000, env: { ...process.env, PATH: `${cwd}:${process.env['PATH'] ?? ''}` } });
  const [make = '', check = '', record = '', use = '', call = ''] = blocks;

  const made = await shell(make);
  assert.match(made.stdout, /connectors\/acme-crm\/mappings\/crm\.contacts\.json/);
  const checked = await shell(check);
  assert.deepEqual([checked.stdout, checked.stderr], ['', '1 connector, 0 errors, 0 warnings\n3 passed, 0 failed\n']);
  const recorded = await shell(`${record.trim()} --via http://127.0.0.1:${address.port}`);
  assert.equal(recorded.stdout, 'connectors/acme-crm/fixtures/list-contacts.json is recorded.\n');
  assert.match(await readFile(join(cwd, 'connectors/acme-crm/fixtures/list-contacts.json'), 'utf8'), /Nr 2/);
  assert.equal((await shell(check)).stderr, checked.stderr);
  const used = await shell(use);
  assert.match(used.stdout, /^acme-crm has version 1;/);
  const link = /"url":"([^"]+)"/.exec(used.stdout)?.[1];
  assert.ok(link, used.stdout);

  const browser = new Browser();
  const page = await browser.open(link);
  const [form] = page.forms;
  assert.ok(form);
  assert.match((await browser.submit(page, form, { api_key: 'key-of-acme' }, form.buttons[0])).text, /Acme GmbH/);
  const called = await shell(use.split('\n').slice(0, 1).join('\n'), call);
  const [proxied, unified] = called.stdout.replace('}{', '}\n{').split('\n').map((line) => JSON.parse(line) as { results: Record<string, unknown>[]; next_cursor: string | null });
  assert.deepEqual(proxied?.results.map(({ last_name: name }) => name), ['Nr 1', 'Nr 2']);
  assert.deepEqual(unified?.results.map(({ id, name, emails }) => [id, name, emails]), [1, 2].map((n) => [String(n), `Ada Nr ${n}`, [{ address: `ada.${n}@mail.example`, type: 'work' }]]));
  assert.equal(typeof unified.next_cursor, 'string');
});
