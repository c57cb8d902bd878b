import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import type { EventRules, Webhooks } from '@evenkeel/contract/manifest/webhooks.ts';
import fc from 'fast-check';
import type { InboundRequest } from './inbound-request.ts';
import { compileSplit, type InboundEvent, type Splitting } from './split.ts';
import { compileUnify } from './unify.ts';
import type { VerificationPort } from './verification-port.ts';

const crypto: Pick<VerificationPort, 'hash'> = { hash: (algorithm, data) => createHash(algorithm).update(data).digest() };

function split(event: EventRules | undefined, body: string | Uint8Array, more: Partial<Webhooks> = {}, headers: Record<string, string> = {}): Splitting {
  const request: InboundRequest = { method: 'POST', url: 'https://e.example/inbound/acme/t?source=q', headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])), body: Buffer.from(body), receivedAtMs: 0 };
  return compileSplit({ scope: 'account', ...(event === undefined ? {} : { event }), ...more })(request, { crypto });
}
function events(...given: Parameters<typeof split>): readonly InboundEvent[] {
  const made = split(...given);
  return made.ok ? made.events : assert.fail(made.message);
}
const type = ['{{item.type}}'];

describe('events of a request', () => {
  test('a request is one event, told apart by its bytes', () => {
    const [one] = events(undefined, '{"a":1}');
    const [other] = events(undefined, '{"a": 1}');
    assert.deepEqual([one?.type, one?.idFrom, one?.idSigned, one?.payload], ['webhook', 'hash', true, { a: 1 }]);
    assert.notEqual(one?.id, other?.id);
    assert.equal(one?.id, events(undefined, '{"a":1}')[0]?.id);
  });

  test('a list is cut, lists in lists too, and an empty one holds nothing', () => {
    const nested: EventRules = { split: ['notifications', 'entities'], id: ['{{parent.realm}}/{{item.id}}'], type, account: [{ value: '{{parent.realm}}', field: 'external_id' }], order_key: ['{{item.id}}'] };
    const made = events(nested, JSON.stringify({ notifications: [{ realm: 'a', entities: [{ id: 1, type: 'x' }, { id: 2, type: 'y' }] }, { realm: 'b', entities: [{ id: 1, type: 'x' }] }] }));
    assert.deepEqual(made.map(({ index, id, accounts, orderKey }) => [index, id, accounts[0]?.value, orderKey]), [[0, 'a/1', 'a', '1'], [1, 'a/2', 'a', '2'], [2, 'b/1', 'b', '1']]);
    assert.deepEqual(events({ split: ['events'], type }, '{"events":[]}'), []);
  });

  test('an XML element that occurs once is a list of one', () => {
    const rules: EventRules = { split: ['Envelope.Notification'], id: ['{{item.Id}}'], type: ["{{item.Object.@type|split:':'|last}}"] };
    const one = '<s:Envelope xmlns:s="u"><Notification><Id>1</Id><Object xsi:type="sf:Contact" xmlns:xsi="x"/></Notification></s:Envelope>';
    assert.deepEqual(events(rules, one, { body: 'xml' }).map(({ id, type: name }) => [id, name]), [['1', 'Contact']]);
    assert.equal(events(rules, one.replace('</s:', '<Notification><Id>2</Id></Notification></s:'), { body: 'xml' }).length, 2);
  });

  test('of several forms the first that matches is read by its own rules, and one that matches none is told', () => {
    const shapes: Webhooks['shapes'] = [
      { when: { body: { '[0].specversion': { exists: true } } }, event: { split: [''], id: ['{{item.id}}'], type } },
      { when: { body: { '[0].id': { exists: true } } }, event: { split: [''], id: ['late'], type } },
    ];
    const old: EventRules = { split: ['events'], id: ['old-{{item.id}}'], type };
    assert.deepEqual(events(old, '[{"specversion":"1.0","id":"a","type":"x"},{"id":"b","type":"y"}]', { shapes }).map(({ id, type: name }) => [id, name]), [['a', 'x'], ['b', 'y']]);
    assert.deepEqual(events(old, '{"events":[{"id":"c","type":"z"}]}', { shapes }).map(({ id }) => id), ['old-c']);
    const none = split(undefined, '{"events":[]}', { shapes });
    assert.match(none.ok ? '' : none.message, /none of the forms/);
  });

  test('what is not what the connector says is told, never passed over in silence', () => {
    const rules: EventRules = { split: ['events'], type };
    for (const body of ['{}', '{"events":null}', '[]', 'x', new Uint8Array([0x7b, 0xff])]) assert.equal(split(rules, body).ok, false, String(body));
    assert.equal(split(rules, JSON.stringify({ events: Array.from({ length: 10_001 }, () => 1) })).ok, false);
  });

  test('an id of the whole request is made each event\'s own', () => {
    const rules: EventRules = { split: ['events'], id: ['{{request.headers.x-delivery}}'], id_signed: false, type };
    const made = events(rules, '{"events":[{"type":"a"},{"type":"a"}]}', {}, { 'x-delivery': 'd' });
    assert.deepEqual(made.map(({ id, idSigned }) => [id, idSigned]), [['d#0', false], ['d#1', false]]);
  });

  test('an id that is missing, long or looks like a hash is a hash', () => {
    const rules: EventRules = { id: ['{{item.id}}', '{{item.other}}'], hash: ['{{item.a}}', '{{item.b}}'], type };
    assert.equal(events(rules, '{"other":7}')[0]?.id, '7');
    assert.match(events(rules, '{"a":"1"}')[0]?.id ?? '', /^hash:[0-9a-f]{64}$/);
    assert.match(events(rules, JSON.stringify({ id: 'x'.repeat(300) }))[0]?.id ?? '', /^hash:[0-9a-f]{64}$/);
    const [forged] = events(rules, JSON.stringify({ id: events(rules, '{"a":"1"}')[0]?.id }));
    assert.notEqual(forged?.id, events(rules, '{"a":"1"}')[0]?.id);
  });

  test('parts of a hash are told apart', () => {
    const rules: EventRules = { hash: ['{{item.a}}', '{{item.b}}', '{{item.c}}'], type };
    const id = (parts: readonly (string | undefined)[]): string => events(rules, JSON.stringify({ a: parts[0], b: parts[1], c: parts[2], when: Math.PI }))[0]?.id ?? '';
    const text = fc.stringMatching(/^[ab:\d]{0,4}$/);
    fc.assert(fc.property(fc.tuple(text, text, text), fc.tuple(text, text, text), (one, other) => assert.equal(id(one) === id(other), JSON.stringify(one) === JSON.stringify(other))));
  });

  test('times of every unit, and what is none', () => {
    const timed = (unit: 's' | 'ms' | 'iso' | 'auto', value: unknown): number | null | undefined => events({ type, time: { value: '{{item.at}}', unit } }, JSON.stringify({ at: value }))[0]?.timeMs;
    assert.deepEqual([timed('s', 1_795_000_000), timed('s', '1795000000.5'), timed('ms', 1_795_000_000_000), timed('auto', 1_795_000_000), timed('auto', '1795000000000'), timed('iso', '2026-11-24T10:00:00+01:00')], [1_795_000_000_000, 1_795_000_000_500, 1_795_000_000_000, 1_795_000_000_000, 1_795_000_000_000, Date.parse('2026-11-24T09:00:00Z')]);
    for (const none of [undefined, null, '', 'soon', {}, -1, 1e20]) assert.equal(timed('auto', none), null);
  });

  test('a form may carry the body as JSON, and digits beyond doubles stay whole', () => {
    const rules: EventRules = { id: ['{{item.id}}'], type };
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    assert.equal(events(rules, `payload=${encodeURIComponent('{"id":820982911946154508,"type":"é"}')}`, { form_json: 'payload' }, form)[0]?.id, '820982911946154508');
    assert.equal(split(rules, 'payload=1&payload=2', { form_json: 'payload' }, form).ok, false);
    assert.deepEqual(events(rules, 'id=1&id=2&type=x', { body: 'form' }, form)[0]?.payload, { id: ['1', '2'], type: 'x' });
    assert.equal(events(rules, 'bytes\u00ff', { body: 'raw' })[0]?.idFrom, 'hash');
  });
});

describe('the meaning of an event', () => {
  const rules: Webhooks = {
    scope: 'account', event: { type },
    events: [
      { types: ['contact.changed'], when: { 'item.kind': 'person' }, model: 'crm.contacts', change: 'updated', record: { from: 'payload', path: 'item.data' }, changed: 'item.fields' },
      { types: ['contact.changed', 'company.changed'], when: { 'item.kind': { not: 'person' } }, model: 'crm.companies', change: 'updated', record: { from: 'fetch', id: '{{item.id}}' }, changed: { $expr: 'item.changes.name[]' } },
      { types: ['contact.gone'], model: 'crm.contacts', change: 'deleted', record: { from: 'id', id: '{{item.id}}' } },
    ],
  };
  const meaning = async (body: object) => compileUnify(rules)(events(rules.event, JSON.stringify(body))[0] ?? assert.fail());

  test('rules of its type that hold apply; another type means nothing', async () => {
    assert.deepEqual(await meaning({ type: 'contact.changed', kind: 'person', data: { id: 1 }, fields: { name: 1, email: 2 } }), { ok: true, plans: [{ model: 'crm.contacts', change: 'updated', record: { kind: 'payload', record: { id: 1 } }, changed: ['name', 'email'] }] });
    assert.deepEqual(await meaning({ type: 'company.changed', id: 7, changes: [{ name: 'size' }] }), { ok: true, plans: [{ model: 'crm.companies', change: 'updated', record: { kind: 'fetch', id: '7' }, changed: ['size'] }] });
    assert.deepEqual(await meaning({ type: 'contact.gone', id: '9' }), { ok: true, plans: [{ model: 'crm.contacts', change: 'deleted', record: { kind: 'id', id: '9' }, changed: null }] });
    assert.deepEqual(await meaning({ type: 'invoice.paid' }), { ok: true, plans: [] });
  });

  test('an event without its record or id is told, with the rule', async () => {
    const missing = await meaning({ type: 'contact.gone' });
    assert.equal(missing.ok ? '' : missing.message, 'webhooks.events[2] finds no id in the event by "{{item.id}}".');
    const empty = await meaning({ type: 'contact.changed', kind: 'person' });
    assert.equal(empty.ok ? '' : empty.message, 'webhooks.events[0] finds no record in the event at "item.data".');
  });
});
