/** The API's own description: valid against the specification's schema, complete, and what generators need. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { errorRegistry } from '@evenkeel/contract/errors.ts';
import { startTestEvenkeel } from '../harness/evenkeel.ts';

const { call } = await startTestEvenkeel();
const { json: document } = await call('GET', '/openapi.json', { key: null });
assert.ok(document);

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly security?: readonly unknown[];
  readonly responses: Readonly<Record<string, { readonly content?: object }>>;
}
const operations = Object.entries(document['paths'] as Record<string, Record<string, Operation>>).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ at: `${method} ${path}`, operation })));

test('the document is valid OpenAPI 3.1', async () => {
  const { valid, errors } = await new Validator().validate(structuredClone(document));
  assert.ok(valid, JSON.stringify(errors, null, 1)?.slice(0, 2_000));
});

test('each operation has a name of its own, a success, and problems where a key is needed', () => {
  assert.equal(new Set(operations.map(({ operation }) => operation.operationId)).size, operations.length);
  for (const { at, operation } of operations) {
    const statuses = Object.keys(operation.responses);
    assert.ok(statuses.some((status) => /^[23]|default/.test(status)), `${at} has no success`);
    assert.ok(operation.summary.length > 3, at);
    if (operation.security?.length !== 0) assert.deepEqual(Object.keys(operation.responses['4XX']?.content ?? {}), ['application/problem+json'], at);
  }
  const named = operations.map(({ operation }) => operation.operationId);
  for (const expected of ['getAccountsById', 'postConnectSessions', 'getProxyByResource', 'getPassthroughByPath']) assert.ok(named.includes(expected), expected);
});

test('every error code has its place on the page that problems point to', async () => {
  const { text } = await call('GET', '/docs/errors', { key: null });
  for (const code of Object.keys(errorRegistry)) assert.match(text, new RegExp(`id="${code}"`));
});
