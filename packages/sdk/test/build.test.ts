import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { access, constants, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { before, after, test, type TestContext } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';

const run = promisify(execFile);
const project = fileURLToPath(new URL('../tsconfig.json', import.meta.url));
const compiler = fileURLToPath(new URL('../../../node_modules/typescript/bin/tsc', import.meta.url));
let folder = '';

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evenkeel-sdk-'));
  await run(process.execPath, [compiler, '-p', project, '--outDir', join(folder, 'dist')]);
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
});
after(() => rm(folder, { recursive: true, force: true }));

test('what is published imports nothing but itself and brings its types', async () => {
  const files = (await readdir(join(folder, 'dist'), { recursive: true })).filter((file) => /\.(js|ts)$/.test(file));
  assert.ok(files.includes('main.js') && files.includes('main.d.ts') && files.length > 15, `built only ${files.join(', ')}`);
  for (const file of files) {
    assert.doesNotMatch(file, /\.test\./);
    const text = await readFile(join(folder, 'dist', file), 'utf8');
    for (const [, specifier = ''] of text.matchAll(/\b(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g)) {
      assert.match(specifier, file.endsWith('.d.ts') ? /^\.\.?\// : /^\.\.?\/.*\.js$/, `${file} imports ${specifier}`);
    }
    assert.doesNotMatch(text, /\b(process|Buffer|require|__dirname)\b[.([]/, `${file} needs Node`);
  }
});

test('its types serve a strict project', async () => {
  await writeFile(
    join(folder, 'consumer.ts'),
    `import { Evenkeel, EvenkeelError, type Account, type ErrorCode } from './dist/main.js';
    const client = new Evenkeel({ baseUrl: '', apiKey: '' });
    export async function states(): Promise<Account['state'][]> {
      const states: Account['state'][] = [];
      for await (const account of client.accounts.list({ state: 'active' })) states.push(account.state);
      return states;
    }
    export const code = (error: unknown): ErrorCode | string | undefined => (error instanceof EvenkeelError ? error.code : undefined);
    export async function addresses(): Promise<string[]> {
      const crm = client.unified('acc_1');
      const found: string[] = [];
      for await (const { id, emails } of crm.list('crm.contacts', { sort: '-updated_at', email: 'a@b.example', fields: ['emails'] })) found.push(id, ...emails.map(({ address }) => address));
      // @ts-expect-error: was not asked for
      for await (const { name } of crm.list('crm.contacts', { fields: ['emails'] })) found.push(name);
      // @ts-expect-error: no filter of the model
      crm.list('crm.contacts', { colour: 'red' });
      // @ts-expect-error: set by the vendor
      await crm.create('crm.contacts', { id: '1' });
      const made = await crm.create('crm.contacts', { last_name: 'Okafor', emails: [{ address: 'ada@mail.example' }], custom_fields: { tier: 'gold' } });
      await crm.update('hris.time_off', made.id, { status: 'approved', note: null });
      return found;
    }
    // Holds only while the state is a union of names: string or any would make it never.
    export const isNarrow: 'sleeping' extends Account['state'] ? never : true = true;
    `,
  );
  const flags = ['--noEmit', '--strict', '--target', 'ES2022', '--module', 'NodeNext', '--lib', 'ES2022,DOM,DOM.Iterable', '--ignoreConfig'];
  await run(process.execPath, [compiler, ...flags, join(folder, 'consumer.ts')]);
});

/** `api` answers calls, `entry` is where the built package is imported from; gives its result to `tell`. */
const program = (entry: string, url: string, tell: string) => `
  const { Evenkeel, fetchWithBackoff, EvenkeelError } = await import(${JSON.stringify(entry)});
  const client = new Evenkeel({ baseUrl: ${JSON.stringify(url)}, apiKey: 'k', backoff: { baseDelayMs: 1, jitterMs: 1 } });
  const ids = [];
  for await (const account of client.accounts.list()) ids.push(account.id);
  const failure = await client.accounts.get('none').catch((error) => error);
  const plain = await fetchWithBackoff(${JSON.stringify(url)} + '/v1/accounts');
  const sent = await client.passthrough('acc_1').fetch('/upload', { method: 'POST', body: new Blob(['body']) });
  (${tell})(JSON.stringify({ ids, failed: failure instanceof EvenkeelError && failure.code, plain: plain.status, sent: await sent.text() }));
`;
const expected = { ids: ['acc_1'], failed: 'not_found', plain: 200, sent: 'body' };

/** An API that limits its first caller, and serves the built package to browsers. */
async function api(context: TestContext): Promise<string> {
  let requests = 0;
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    if (path.startsWith('/dist/')) return void readFile(join(folder, path)).then((text) => response.writeHead(200, { 'content-type': 'text/javascript' }).end(text));
    if (path === '/page') return response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>page</title>');
    requests += 1;
    if (path.endsWith('/none')) return response.writeHead(404).end('{"code":"not_found","origin":"caller","detail":"No account none."}');
    if (path.endsWith('/upload')) return request.pipe(response);
    if (requests === 1) return response.writeHead(429, { 'ratelimit-reset': '0' }).end();
    return response.end('{"results":[{"id":"acc_1"}],"next_cursor":null}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

for (const runtime of [process.execPath, await oldestNode()].filter((path, index, all) => path !== undefined && all.indexOf(path) === index)) {
  test(`the built package works under ${runtime === process.execPath ? 'our Node' : 'the system\'s Node'}`, async (context) => {
    const file = join(folder, 'program.js');
    await writeFile(file, program(built(), await api(context), 'console.log'));
    const { stdout } = await run(runtime ?? '', [file]);
    context.diagnostic((await run(runtime ?? '', ['--version'])).stdout.trim());
    assert.deepEqual(JSON.parse(stdout), expected);
  });
}

/** What edge runtimes have in common (Ecma TC55, Minimum Common Web Platform API), in a realm that has nothing else. */
const edge = (code: string): string => `
  import { readFile } from 'node:fs/promises';
  import vm from 'node:vm';
  const web = 'AbortController AbortSignal Blob CompressionStream DOMException Event EventTarget File FormData Headers ReadableStream Request Response TextDecoder TextEncoder TransformStream URL URLSearchParams WritableStream atob btoa console crypto fetch performance queueMicrotask setTimeout clearTimeout setInterval clearInterval structuredClone';
  const realm = vm.createContext(Object.fromEntries(web.split(' ').map((name) => [name, globalThis[name]])));
  const loaded = new Map();
  const read = async (url) => new vm.SourceTextModule(await readFile(new URL(url), 'utf8'), { context: realm, identifier: url });
  const load = (url) => loaded.get(url) ?? loaded.set(url, read(url)).get(url);
  const main = new vm.SourceTextModule(${JSON.stringify(code)}, {
    context: realm,
    identifier: import.meta.url,
    importModuleDynamically: async (specifier) => {
      const module = await load(specifier);
      await module.link((name, { identifier }) => load(new URL(name, identifier).href));
      await module.evaluate();
      return module;
    },
  });
  await main.link(() => { throw new Error('imports nothing by itself'); });
  await main.evaluate();
`;

test('the built package works where there is nothing but the web platform', async (context) => {
  const file = join(folder, 'edge.js');
  await writeFile(file, edge(`if (typeof process !== 'undefined' || typeof Buffer !== 'undefined') throw new Error('Node is still there'); ${program(built(), await api(context), 'console.log')}`));
  assert.deepEqual(JSON.parse((await run(process.execPath, ['--experimental-vm-modules', '--no-warnings', file])).stdout), expected);
});

test('the built package works in a browser', async (context) => {
  const browser = await chromium.launch({ executablePath: process.env['EVENKEEL_TEST_CHROMIUM'] ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-background-networking'] });
  context.after(() => browser.close());
  const page = await browser.newPage();
  const url = await api(context);
  await page.goto(`${url}/page`);
  const told = await page.evaluate(`new Promise((tell, fail) => { (async () => { ${program(`${url}/dist/main.js`, url, 'tell')} })().catch(fail); })`);
  assert.deepEqual(JSON.parse(String(told)), expected);
});

const built = (): string => pathToFileURL(join(folder, 'dist', 'main.js')).href;

/** The Node of this machine outside of the project's own, when it is one that the package promises to support. */
async function oldestNode(): Promise<string | undefined> {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(directory, 'node');
    if (directory === '' || directory.includes('node_modules')) continue;
    if (!(await access(path, constants.X_OK).then(() => true, () => false))) continue;
    const { stdout } = await run(path, ['--version']);
    if (Number(/^v(\d+)/.exec(stdout)?.[1]) >= 20) return path;
  }
  return undefined;
}
