/**
 * What every connector has to pass, whichever vendor it describes: a clean manifest, recorded fixtures for all it
 * declares that replay to the letter, a README that says what was verified where, and an icon of its own.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { ErrorRule } from '@evenkeel/contract/manifest/response.ts';
import type { Manifest, Resource } from '@evenkeel/contract/manifest/manifest.ts';
import { compileConnector, type Connector } from '@evenkeel/core/connectors/compile.ts';
import { compileCondition } from '@evenkeel/core/connectors/answers/condition.ts';
import { lintManifest } from '@evenkeel/core/connectors/lint/lint.ts';
import { runFixture } from '@evenkeel/core/gateway/fixture.ts';
import { runWebhookFixture } from '@evenkeel/core/inbound/webhook-fixture.ts';
import { offeredModel } from '@evenkeel/server/connectors/offered-model.ts';
import { createVerificationCrypto } from '@evenkeel/server/inbound/verification-crypto.ts';
import { createCrypto } from '@evenkeel/server/upstream/crypto.ts';
import { connectorFolders, type ConnectorFolder, type FixtureFile } from './connector-folder.ts';

const env = { crypto: createCrypto() };
const methods = ['list', 'get', 'create', 'update', 'delete'] as const;
const folders = connectorFolders();

test('there are connectors to check', () => assert.ok(folders.length >= 8, `only ${folders.length} folders under connectors/`));

for (const folder of folders) {
  describe(folder.id, () => {
    test('the manifest has neither errors nor warnings', () => assert.deepEqual(lintManifest(folder.manifest), []));
    test('the manifest names its folder and an existing schema', () => namesItself(folder));
    test('fixtures have the documented shape and hold no real people', () => wellFormed(folder));
    for (const file of folder.fixtures) test(`replays ${file.name}`, () => replays(folder, file));
    for (const { name, fixture, faults } of folder.webhookFixtures) {
      test(`replays the webhook ${name}`, async () => {
        assert.deepEqual(faults, []);
        assert.deepEqual((await runWebhookFixture(connectorOf(folder), fixture, { crypto: createVerificationCrypto() })).differences, []);
      });
    }
    test('its webhooks are declared, and an accepted one and each handshake are recorded', () => coversWebhooks(folder));
    test('every method and action has a fixture of its success', () => coversMethods(folder));
    test('every unified model has a fixture of its list, and of its create where it has one', () => coversModels(folder));
    test('every scheme is used by a fixture', () => coversSchemes(folder));
    test('every error rule decides a fixture', () => coversErrorRules(folder));
    test('the usual refusals, a second page, validation and connecting are recorded', () => coversTheUsual(folder));
    test('the README says what is covered, how to set it up and what was verified where', () => documented(folder));
    test('the icon is a small drawing that loads nothing', () => drawn(folder));
  });
}

function coversWebhooks(folder: ConnectorFolder): void {
  const { webhooks } = manifestOf(folder);
  assert.ok(webhooks !== undefined, 'no section "webhooks"');
  const outcomes = folder.webhookFixtures.map(({ fixture }) => fixture.outcome);
  assert.ok(outcomes.some(({ kind }) => kind === 'accepted'), 'no fixture of an accepted webhook');
  const answered = outcomes.flatMap((outcome) => (outcome.kind === 'reply' ? [outcome.handshake] : []));
  assert.deepEqual((webhooks.handshake ?? []).map(({ id }) => id).filter((id) => !answered.includes(id)), [], 'handshakes without a fixture');
}

function manifestOf(folder: ConnectorFolder): Manifest {
  return connectorOf(folder).manifest;
}

const compiledOnce = new Map<string, Connector>();

function connectorOf(folder: ConnectorFolder): Connector {
  const known = compiledOnce.get(folder.id);
  if (known !== undefined) return known;
  const compiled = compileConnector(folder.manifest);
  if (!compiled.ok) assert.fail(compiled.faults.map(({ path, message }) => `${path}: ${message}`).join('\n'));
  compiledOnce.set(folder.id, compiled.connector);
  return compiled.connector;
}

function namesItself(folder: ConnectorFolder): void {
  const manifest = manifestOf(folder);
  assert.equal(manifest.id, folder.id);
  assert.ok(existsSync(join(folder.path, manifest.$schema ?? '')), `"$schema": ${manifest.$schema} leads to no file`);
}

function wellFormed(folder: ConnectorFolder): void {
  for (const { name, fixture, faults } of folder.fixtures) {
    assert.deepEqual(faults, [], name);
    assert.equal(fixture.name, name, 'a fixture is named as its file');
    const addresses = JSON.stringify(fixture).match(/[\w.+-]+@[\w-]+(?:\.[\w-]+)+/g) ?? [];
    const real = addresses.filter((address) => !/[.@]example(?:\.com|\.org)?$/.test(address));
    assert.deepEqual(real, [], `${name}: use addresses under .example, example.com or example.org (RFC 2606)`);
  }
}

async function replays(folder: ConnectorFolder, { fixture, faults }: FixtureFile): Promise<void> {
  assert.deepEqual(faults, []);
  const { differences } = await runFixture(connectorOf(folder), fixture, env);
  assert.deepEqual(differences, []);
}

function isSuccess({ fixture }: FixtureFile): boolean {
  return fixture.answer.status < 300;
}

function coversMethods(folder: ConnectorFolder): void {
  const recorded = new Set(folder.fixtures.filter(isSuccess).map(({ fixture: { call } }) => `${call.resource}.${call.method}`));
  const declared = Object.entries(manifestOf(folder).resources).flatMap(([name, resource]) => operationsOf(resource).map((operation) => `${name}.${operation}`));
  assert.deepEqual(declared.filter((operation) => !recorded.has(operation)), []);
}

function coversModels(folder: ConnectorFolder): void {
  const recorded = new Set(folder.fixtures.filter((file) => isSuccess(file) && file.fixture.call.surface === 'unified').map(({ fixture: { call } }) => `${call.resource}.${call.method}`));
  const connector = connectorOf(folder);
  const offered = Object.keys(connector.manifest.mappings ?? {}).flatMap((model) => {
    const mapping = connector.mapping(model);
    const reachable = mapping === undefined ? [] : offeredModel(mapping).methods;
    return (['list', 'create'] as const).filter((method) => reachable.includes(method)).map((method) => `${model}.${method}`);
  });
  assert.deepEqual(offered.filter((one) => !recorded.has(one)), []);
}

function operationsOf(resource: Resource): string[] {
  return [...methods.filter((method) => resource[method] !== undefined), ...Object.keys(resource.actions ?? {})];
}

function coversSchemes(folder: ConnectorFolder): void {
  const { auth } = manifestOf(folder);
  const used = new Set(folder.fixtures.map(({ fixture }) => fixture.account?.scheme ?? auth[0]?.id));
  assert.deepEqual(auth.map(({ id }) => id).filter((id) => !used.has(id)), []);
}

/** A rule counts when a recorded answer matches its condition and became its code. */
async function coversErrorRules(folder: ConnectorFolder): Promise<void> {
  const manifest = manifestOf(folder);
  const general = (manifest.errors ?? []).map((rule, index) => ({ at: `errors[${index}]`, rule, resource: undefined }));
  const own = Object.entries(manifest.resources).flatMap(([name, resource]) => ownRules(name, resource));
  const unproven: string[] = [];
  for (const { at, rule, resource } of [...general, ...own]) {
    const candidates = folder.fixtures.filter(({ fixture }) => resource === undefined || fixture.call.resource === resource);
    const decided = await Promise.all(candidates.map((file) => decides(rule, file)));
    if (!decided.includes(true)) unproven.push(at);
  }
  assert.deepEqual(unproven, []);
}

function ownRules(name: string, resource: Resource): { at: string; rule: ErrorRule; resource: string }[] {
  const operations = [...methods.map((method) => [method, resource[method]] as const), ...Object.entries(resource.actions ?? {})];
  return operations.flatMap(([operation, source]) => (source?.errors ?? []).map((rule, index) => ({ at: `resources.${name}.${operation}.errors[${index}]`, rule, resource: name })));
}

async function decides(rule: ErrorRule, { fixture }: FixtureFile): Promise<boolean> {
  const last = fixture.exchanges.at(-1)?.response;
  if (last === undefined || codeOf(fixture.answer.body) !== rule.code) return false;
  const headers = Object.fromEntries(Object.entries(last.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
  return compileCondition(rule.when).test({ status: last.status, headers, body: last.body ?? last.text });
}

function codeOf(body: unknown): unknown {
  return typeof body === 'object' && body !== null && 'code' in body ? body.code : undefined;
}

function coversTheUsual(folder: ConnectorFolder): void {
  const has = (what: string, holds: (file: FixtureFile) => boolean): void => assert.ok(folder.fixtures.some(holds), `no fixture for ${what}`);
  for (const code of ['not_found', 'validation_failed', 'rate_limited', 'reauth_required']) has(code, ({ fixture }) => codeOf(fixture.answer.body) === code);
  has('a call refused for its quota that tells when to call again', ({ fixture }) => codeOf(fixture.answer.body) === 'rate_limited' && fixture.answer.headers?.['retry-after'] !== undefined);
  has('a second page', ({ fixture }) => (fixture.call.pages ?? 1) > 1);
  has('a page with another behind it', ({ fixture }) => JSON.stringify(fixture.answer.body ?? null).includes('"next_cursor":"*"'));
  has('the validation call', ({ fixture }) => fixture.call.surface === 'validation' && fixture.answer.status === 200);
  has('connecting', ({ fixture }) => fixture.call.surface === 'connect' && fixture.answer.status === 200);
  if (manifestOf(folder).auth.some((scheme) => 'refresh' in scheme)) {
    has('a grant that is gone', ({ fixture }) => fixture.call.surface === 'connect' && JSON.stringify(fixture.answer.body ?? null).includes('"kind":"terminal"'));
  }
}

function documented(folder: ConnectorFolder): void {
  const { readme } = folder;
  const manifest = manifestOf(folder);
  for (const heading of [`# ${manifest.name}`, "## Setting up the installation's app", '## Quirks', '## Limits', '## What was verified where']) {
    assert.ok(readme.includes(`${heading}\n`), `README.md has no heading "${heading}"`);
  }
  const schemes = manifest.auth.length > 1 ? manifest.auth.map(({ id }) => id) : [];
  const unnamed = [...Object.keys(manifest.resources), ...schemes].filter((name) => !readme.includes(`\`${name}\``));
  assert.deepEqual(unnamed, [], 'README.md names each resource, and each scheme where there are several');
  const rows = readme.slice(readme.indexOf('## What was verified where')).split('\n').filter((line) => /^\|.*\| \d{4}-\d\d-\d\d \|$/.test(line));
  assert.ok(rows.length >= 5, 'README.md has a table of facts, each with its source and date');
}

function drawn({ icon }: ConnectorFolder): void {
  assert.match(icon, /^<svg [^>]*viewBox=/);
  assert.match(icon, /aria-label="/);
  assert.ok(icon.length < 4096, 'icon.svg is larger than 4 kB');
  assert.doesNotMatch(icon, /<script|<image|<foreignObject|\bhref=|\bon\w+=|url\(/i);
}
