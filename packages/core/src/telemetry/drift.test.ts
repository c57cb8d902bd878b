/** Drift: what is a change, how certain it must be, and that nothing but acknowledgement moves the baseline. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Manifest } from '@evenkeel/contract/manifest/manifest.ts';
import fc from 'fast-check';
import { acceptChange, classOfChange, newShape, observeShape, shapeChanges, type ShapeState } from './drift.ts';
import { isRead, readPaths } from './read-paths.ts';
import { parentOf, tallyShape, type ShapeTally } from './shape.ts';

const shapeOf = (...documents: unknown[]): ShapeTally => {
  const tally: ShapeTally = new Map();
  for (const document of documents) tallyShape(document, tally);
  return tally;
};
const page = (...records: object[]) => ({ results: records, paging: { next: { after: 'x' } } });
const person = { id: '1', properties: { email: 'a@example.com', firstname: 'A' } };

function feed(state: ShapeState, document: unknown, { times = 10, buckets = 3, from = 0, account = 'acc' } = {}): void {
  for (let bucket = from; bucket < from + buckets; bucket += 1) observeShape(state, { account, documents: times, tally: shapeOf(...Array.from({ length: times }, () => document)) }, bucket);
}
function learntShape(document: unknown = page(person)): ShapeState {
  const state = newShape();
  feed(state, document);
  assert.ok(state.learnt);
  return state;
}
const brief = (state: ShapeState): string[] => shapeChanges(state).map(({ kind, path, type }) => [kind, path, ...(type === null ? [] : [type])].join(' '));

test('shapes hold paths and types, and no value', () => {
  const tally = shapeOf({ results: [{ id: 1, tags: ['a'], at: null }], byId: { '9f1c2d3e-aaaa-bbbb-cccc-1234567890ab': { n: 1 }, 4711: { n: 2 } }, 'who@example.com': true });
  assert.deepEqual([...tally.keys()].toSorted(), ['', 'byId', 'byId{}', 'byId{}.n', 'results', 'results[]', 'results[].at', 'results[].id', 'results[].tags', 'results[].tags[]', '{}']);
  assert.deepEqual(tally.get('results[].at'), { null: 1 });
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const own = shapeOf(value);
      for (const path of own.keys()) assert.ok(path === '' || own.has(parentOf(path) ?? 'none'), path);
    }),
  );
});

test('a field that disappears is a removal after enough misses over three buckets, and not before', () => {
  const state = learntShape();
  const without = page({ id: '1', properties: { firstname: 'A' } });
  feed(state, without, { from: 3, buckets: 2, times: 50 });
  assert.deepEqual(brief(state), [], 'two buckets may be one bad moment');
  feed(state, without, { from: 5, buckets: 1 });
  assert.deepEqual(brief(state), ['removed results[].properties.email']);
  feed(state, page(person), { from: 6, buckets: 1, times: 1 });
  assert.deepEqual(brief(state), [], 'it is back');
});

test('the topmost of what disappears is told, once', () => {
  const state = learntShape();
  feed(state, page({ id: '1' }), { from: 3 });
  assert.deepEqual(brief(state), ['removed results[].properties']);
  feed(state, page(), { from: 6, buckets: 9 });
  assert.deepEqual(brief(state), ['removed results[].properties'], 'an empty list misses nothing');
});

test('what was there half of the time needs twenty misses', () => {
  const state = newShape();
  for (let bucket = 0; bucket < 3; bucket += 1) observeShape(state, { account: 'acc', documents: 20, tally: shapeOf(...Array.from({ length: 20 }, (_, at) => (at % 2 === 0 ? { a: 1 } : {}))) }, bucket);
  const miss = (times: number, from: number): void => feed(state, {}, { times, buckets: 3, from });
  miss(6, 3);
  assert.deepEqual(brief(state), []);
  miss(1, 6);
  assert.deepEqual(brief(state), ['removed a']);
});

test('what one account never had is not missed at it', () => {
  const state = learntShape();
  feed(state, page({ id: '2', properties: { firstname: 'B' } }), { from: 3, buckets: 5, account: 'other' });
  assert.deepEqual(brief(state), []);
});

test('new types and first nulls of a known path, new paths: each from the third sighting on', () => {
  const state = learntShape();
  const changed = page({ id: 1, properties: { email: null, firstname: 'A', nickname: 'N', extra: { deep: 1 } } });
  feed(state, changed, { from: 3, buckets: 1, times: 2 });
  assert.deepEqual(brief(state), []);
  feed(state, changed, { from: 4, buckets: 1, times: 1 });
  assert.deepEqual(brief(state).toSorted(), ['added results[].properties.extra', 'added results[].properties.nickname', 'null results[].properties.email', 'type results[].id number']);
});

test('what comes below a new type is told of with it, and taken with it', () => {
  const state = learntShape();
  feed(state, page({ id: { value: 'x' }, properties: { email: ['a'], firstname: 'A' } }), { from: 3 });
  assert.deepEqual(brief(state).toSorted(), ['type results[].id object', 'type results[].properties.email array']);
  for (const change of shapeChanges(state)) acceptChange(state, change);
  assert.deepEqual(brief(state), []);
  assert.ok('results[].id.value' in state.paths && 'results[].properties.email[]' in state.paths);
});

test('only acknowledgement moves the baseline, and then the change is over', () => {
  const document = page({ id: 1, properties: { firstname: 'A', extra: { deep: 1 } } });
  const state = learntShape();
  const baseline = JSON.stringify(Object.keys(state.paths));
  feed(state, document, { from: 3, buckets: 50 });
  assert.equal(JSON.stringify(Object.keys(state.paths)), baseline);
  const changes = shapeChanges(state);
  assert.deepEqual(changes.map(({ kind }) => kind).toSorted(), ['added', 'removed', 'type']);
  for (const change of changes) acceptChange(state, change);
  assert.deepEqual(brief(state), []);
  feed(state, document, { from: 60 });
  assert.deepEqual(brief(state), []);
  // The new is now what is missed when it goes.
  feed(state, page({ id: 1, properties: { firstname: 'A', extra: {} } }), { from: 70 });
  assert.deepEqual(brief(state), ['removed results[].properties.extra.deep']);
});

test('noise is no drift: optional fields that come and go as they always did, over many days', () => {
  fc.assert(
    fc.property(fc.infiniteStream(fc.integer({ min: 0, max: 99 })), (chance) => {
      const draw = (): number => Number(chance.next().value);
      const document = (): object => ({ id: 'x', ...(draw() < 90 ? { often: 1 } : {}), ...(draw() < 20 ? { rarely: 'y' } : {}), nullable: draw() < 30 ? null : 1 });
      const state = newShape();
      for (let bucket = 0; bucket < 60; bucket += 1) observeShape(state, { account: 'acc', documents: 20, tally: shapeOf(...Array.from({ length: 20 }, document)) }, bucket);
      assert.deepEqual(brief(state), []);
    }),
    { numRuns: 30, seed: 7 },
  );
});

test('what a change means depends on whether something reads the path', () => {
  const reads = ['results', 'results[].id', 'results[].properties.email', 'results[].owner', 'results[].emails', 'results[].emails[].value'];
  assert.ok(isRead('results[].properties.email', reads));
  assert.ok(isRead('results[].properties', reads), 'what is above something read');
  assert.ok(isRead('results[].owner.id', reads), 'a part of what is read whole');
  assert.ok(!isRead('results[].properties.nickname', reads));
  assert.ok(!isRead('results[].emails[].primary', reads), 'beside what is read of it');
  assert.deepEqual([classOfChange('removed', true), classOfChange('type', true), classOfChange('null', true), classOfChange('added', true), classOfChange('removed', false)], ['breaking', 'warning', 'warning', 'information', 'information']);
});

test('what a mapping reads is found in its notation of paths, at the place of the records', () => {
  const fields = { id: 'id', emails: { list: [{ object: { address: 'properties.email' } }] }, name: { template: "{{properties.first|append:' '}}{{last}}" }, phones: { each: 'numbers', item: { object: { number: 'value' } } }, owner: { read: { $expr: "owner.team.id & 'x.y'" } }, stage: { read: ['stage', 'lines[0].stage'] } };
  const manifest = {
    resources: { contacts: { id: 'key', list: { method: 'GET', path: '/', response: { records: 'results' }, pagination: { type: 'cursor', next: 'paging.next' } }, get: { method: 'GET', path: '/', response: { record: 'data' } } } },
    mappings: { 'crm.contacts': { mapping: 1, model: 'crm.contacts', methods: { list: [{ operation: 'contacts.list' }], get: { operation: 'contacts.get' } }, fields } },
    webhooks: { events: [{ types: ['contact.changed'], model: 'crm.contacts', record: { from: 'payload', path: 'item.current' } }] },
  } as unknown as Manifest;
  assert.deepEqual(readPaths(manifest, 'contacts.list').toSorted(), ['paging.next', 'results', ...['id', 'key', 'last', 'lines[].stage', 'numbers', 'numbers[].value', 'owner.team.id', 'properties.email', 'properties.first', 'stage'].map((path) => `results[].${path}`)].toSorted());
  assert.ok(readPaths(manifest, 'contacts.get').includes('data.properties.email'));
  assert.ok(readPaths(manifest, 'event:contact.changed').includes('current.properties.email'));
  assert.deepEqual(readPaths(manifest, 'nothing.list'), []);
});
