import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { evenkeel, evenkeelProcess } from './command-line.ts';

/** An empty folder to work in. */
async function workplace(context: TestContext): Promise<string> {
  const cwd = await mkdtemp(join(tmpdir(), 'evenkeel-cli-'));
  context.after(() => rm(cwd, { recursive: true, force: true }));
  return cwd;
}

async function write(cwd: string, id: string, manifest: string): Promise<void> {
  await mkdir(join(cwd, 'connectors', id), { recursive: true });
  await writeFile(join(cwd, 'connectors', id, 'connector.json'), manifest);
}

test('a new connector lints clean and its fixtures pass', async (context) => {
  const cwd = await workplace(context);
  const made = await evenkeel(['connectors', 'new', 'acme-crm', '--name', 'Acme & Co'], { cwd });
  assert.equal(made.code, 0);
  assert.deepEqual((await readdir(join(cwd, 'connectors/acme-crm'))).toSorted(), ['README.md', 'connector.json', 'fixtures', 'icon.svg', 'mappings']);
  assert.match(await readFile(join(cwd, 'connectors/acme-crm/connector.json'), 'utf8'), /"name": "Acme & Co"/);
  assert.deepEqual(await evenkeelProcess(['connectors', 'lint'], { cwd }), { code: 0, stdout: '', stderr: '1 connector, 0 errors, 0 warnings\n' });
  const tested = await evenkeel(['connectors', 'test'], { cwd });
  assert.deepEqual([tested.code, tested.stdout, tested.stderr], [0, '', '3 passed, 0 failed\n']);
  // The mapping is what the unified fixtures pass by.
  const mapping = join(cwd, 'connectors/acme-crm/mappings/crm.contacts.json');
  await writeFile(mapping, (await readFile(mapping, 'utf8')).replace('"address": "email"', '"address": "mail"'));
  const broken = await evenkeel(['connectors', 'test'], { cwd });
  assert.equal(broken.code, 1);
  assert.match(broken.stdout, /create-unified-contact\.json:exchanges\[0\]\.request\.body\.email: expected "ada@mail\.example", got nothing/);
  assert.match(broken.stdout, /list-unified-contacts\.json:answer\.body\.results\[0\]\.emails/);
});

test('record makes the call for real, and writes what came without the secrets it was made with', async (context) => {
  const cwd = await workplace(context);
  await evenkeel(['connectors', 'new', 'acme-crm'], { cwd });
  const fixtures = join(cwd, 'connectors/acme-crm/fixtures');
  const file = join(fixtures, 'list-unified-contacts.json');
  const given = JSON.parse(await readFile(file, 'utf8')) as { exchanges: { request: { headers: object }; response: { status: number; body: object } }[]; answer: object };
  const { exchanges, answer, ...draft } = given;
  await writeFile(file, JSON.stringify(draft));
  const seen: (string | undefined)[] = [];
  let extra = {};
  const vendor = createServer((request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ ...exchanges[0]?.response.body, ...extra }));
  }).listen(0, '127.0.0.1');
  await once(vendor, 'listening');
  context.after(() => vendor.close());
  const account = join(cwd, 'account.json');
  const real = 'planted-real-credential-1';
  await writeFile(account, JSON.stringify({ secret: { api_key: real }, token: { access_token: real } }));
  const record = (): ReturnType<typeof evenkeel> => evenkeel(['connectors', 'record', file, '--account', account, '--via', `http://127.0.0.1:${(vendor.address() as AddressInfo).port}/{host}`], { cwd });
  const recorded = await record();
  assert.deepEqual([recorded.code, recorded.stdout], [0, 'connectors/acme-crm/fixtures/list-unified-contacts.json is recorded.\n'], recorded.stderr);
  assert.ok(seen.length > 0 && seen.every((one) => one?.includes(real)), 'with the real credential');
  const text = await readFile(file, 'utf8');
  assert.ok(!text.includes(real));
  assert.deepEqual((JSON.parse(text) as typeof given).answer, answer);
  assert.equal((await evenkeel(['connectors', 'test'], { cwd })).code, 0, 'it replays');
  // An answer that repeats the credential is not written.
  extra = { echoed: real };
  const refused = await record();
  assert.equal(refused.code, 1);
  assert.match(refused.stdout, /holds a secret of the account, so it was not written/);
  assert.equal(await readFile(file, 'utf8'), text);
});

test('new never overwrites and takes only ids', async (context) => {
  const cwd = await workplace(context);
  await evenkeel(['connectors', 'new', 'acme'], { cwd });
  const again = await evenkeel(['connectors', 'new', 'acme'], { cwd });
  assert.deepEqual([again.code, again.stderr], [2, 'evenkeel: connectors/acme is there already; nothing was changed.\n']);
  for (const id of ['Acme', '../acme', '9acme', 'a b', 'a'.repeat(64)]) assert.equal((await evenkeel(['connectors', 'new', id], { cwd })).code, 2, id);
});

test('what a broken file holds does not steer the terminal', async (context) => {
  const cwd = await workplace(context);
  await write(cwd, 'acme', '\u001b[2J\u0007{');
  for (const command of ['lint', 'test', 'push']) {
    const { code, stdout, stderr } = await evenkeel(['connectors', command, 'connectors/acme'], { cwd, environment: { EVENKEEL_API_KEY: 'k' } });
    assert.equal(code, 1);
    assert.match(stdout + stderr, /is not JSON/);
    assert.doesNotMatch((stdout + stderr).replaceAll('\n', ''), /\p{Cc}/u, command);
  }
});

test('lint names file, place and what was meant, and exits 1', async (context) => {
  const cwd = await workplace(context);
  await evenkeel(['connectors', 'new', 'acme'], { cwd });
  const file = join(cwd, 'connectors/acme/connector.json');
  const manifest = await readFile(file, 'utf8');
  await writeFile(file, manifest.replace('"pagination"', '"paginaton"'));
  const { code, stdout, stderr } = await evenkeel(['connectors', 'lint'], { cwd });
  assert.equal(code, 1);
  assert.match(stdout, /^connectors\/acme\/connector\.json:paginaton: .+ \(did you mean "pagination"\?\)$/m);
  assert.match(stderr, /^1 connector, \d+ errors?, \d+ warnings?$/m);
  const { stdout: json } = await evenkeel(['connectors', 'lint', '--json', 'connectors/acme/connector.json'], { cwd });
  const [report] = JSON.parse(json) as { file: string; faults: { path: string; suggestion?: string }[] }[];
  assert.equal(report?.file, 'connectors/acme/connector.json');
  assert.ok(report.faults.some(({ path, suggestion }) => path === 'paginaton' && suggestion === 'pagination'));
});

test('what is not JSON, or is in the wrong folder, is a finding with its place', async (context) => {
  const cwd = await workplace(context);
  await write(cwd, 'broken', '{\n  "manifest": 1,\n  "id" "broken"\n}');
  await write(cwd, 'cut', '{"manifest": 1,');
  const { code, stdout } = await evenkeel(['connectors', 'lint'], { cwd });
  assert.equal(code, 1);
  assert.match(stdout, /^connectors\/broken\/connector\.json: is not JSON: .* in line 3, column 8$/m);
  assert.match(stdout, /^connectors\/cut\/connector\.json: is not JSON: /m);
  await evenkeel(['connectors', 'new', 'acme'], { cwd });
  const manifest = await readFile(join(cwd, 'connectors/acme/connector.json'), 'utf8');
  await write(cwd, 'other', manifest);
  assert.match((await evenkeel(['connectors', 'lint', 'connectors/other'], { cwd })).stdout, /^connectors\/other\/connector\.json:id: .*"other"/m);
});

test('a place without connectors is a usage error', async (context) => {
  const cwd = await workplace(context);
  for (const [args, message] of [
    [['connectors', 'lint'], /there is no folder "connectors" here/],
    [['connectors', 'lint', 'nowhere'], /there is no nowhere/],
    [['connectors', 'lint', '.'], /\. holds no connector\.json/],
  ] as const) {
    const { code, stderr } = await evenkeel(args, { cwd });
    assert.equal(code, 2);
    assert.match(stderr, message);
  }
});

test('push sends the manifest and reports the version or every fault', async (context) => {
  const cwd = await workplace(context);
  await evenkeel(['connectors', 'new', 'acme'], { cwd });
  const rollout = { stable: 1, candidate: { version: 2, percent: 10 }, revision: 2, updated_at: '2026-10-01T00:00:00Z' };
  const faults = [{ path: 'auth[0]', message: 'is odd', suggestion: 'even' }, { path: 'http', message: 'is missing' }];
  const seen: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      seen.push(`${request.method} ${request.url} ${body.length > 100 ? (JSON.parse(body) as { id: string }).id : body}`);
      const [status, answer] = request.url?.endsWith('/rollback')
        ? [200, { ...rollout, candidate: null }]
        : request.url?.includes('percent')
          ? [200, { id: 'acme', version: 2, created: true, warnings: [{ path: 'docs_url', message: 'is missing' }], rollout }]
          : [422, { type: '', title: '', status: 422, detail: 'The manifest has 2 faults.', code: 'connector_invalid', origin: 'caller', retryable: false, request_id: 'req_1', errors: faults }];
      response.writeHead(status as number).end(JSON.stringify(answer));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const environment = { EVENKEEL_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, EVENKEEL_API_KEY: 'ek_test' };
  assert.deepEqual(await evenkeel(['connectors', 'push', 'connectors/acme', '--percent', '10'], { cwd, environment }), {
    code: 0,
    stdout: 'connectors/acme/connector.json:docs_url: warning: is missing\nacme has version 2; version 2 serves 10 % of the accounts, version 1 the others.\n',
    stderr: '',
  });
  assert.deepEqual(await evenkeel(['connectors', 'push', 'connectors/acme'], { cwd, environment }), {
    code: 1,
    stdout: 'connectors/acme/connector.json:auth[0]: is odd (did you mean "even"?)\nconnectors/acme/connector.json:http: is missing\n',
    stderr: 'evenkeel: acme was refused with 2 faults; the server keeps the version it has.\n',
  });
  assert.deepEqual(await evenkeel(['connectors', 'rollback', 'acme'], { cwd, environment }), { code: 0, stdout: 'acme: version 1 serves every account.\n', stderr: '' });
  assert.deepEqual(seen, ['PUT /v1/connectors/acme?percent=10 acme', 'PUT /v1/connectors/acme acme', 'POST /v1/connectors/acme/rollback {}']);
  assert.equal((await evenkeel(['connectors', 'push', 'connectors/acme', '--percent', '101'], { cwd, environment })).code, 2);
});

test('a fixture that differs is a finding with its place; one that is none names what it lacks', async (context) => {
  const cwd = await workplace(context);
  await evenkeel(['connectors', 'new', 'acme'], { cwd });
  const file = join(cwd, 'connectors/acme/fixtures/list-contacts.json');
  const fixture = await readFile(file, 'utf8');
  await writeFile(file, fixture.replace('"authorization": "Bearer key-1"', '"authorization": "Bearer key-2"').replace('"status": 200', '"status": 500'));
  await writeFile(join(cwd, 'connectors/acme/fixtures/odd.json'), '{"name": "odd", "cal": {}}');
  const { code, stdout, stderr } = await evenkeel(['connectors', 'test'], { cwd });
  assert.equal(code, 1);
  assert.match(stdout, /^connectors\/acme\/fixtures\/list-contacts\.json:exchanges\[0\]\.request\.headers\.authorization: expected "Bearer key-2", got "Bearer key-1"$/m);
  assert.match(stdout, /^connectors\/acme\/fixtures\/list-contacts\.json:answer\.status: expected 200, got 502$/m);
  assert.match(stdout, /^connectors\/acme\/fixtures\/odd\.json:cal: .*\(did you mean "call"\?\)$/m);
  assert.equal(stderr, '2 passed, 2 failed\n');
  const { stdout: json } = await evenkeel(['connectors', 'test', '--json'], { cwd });
  assert.deepEqual((JSON.parse(json) as { ok: boolean }[]).map(({ ok }) => ok), [true, false, true, false]);
});
