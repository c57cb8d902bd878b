import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lintManifest } from './lint.ts';

type Json = Record<string, unknown>;

const rule = { scheme: 'hmac', id: 'sha256', alg: 'sha256', key: { value: '{{secret.hook}}' }, message: [{ part: 'body' }], signature: { header: 'x-signature', encoding: 'hex' } };
const subscription = { id: 'hook', register: [{ id: 'create', request: { method: 'POST', path: '/hooks', body: { type: 'json', value: { url: '{{webhook.url}}' } } }, capture: { captured: { hook_id: '{{response.body.id}}' } } }], check: { request: { method: 'GET', path: '/hooks/{{captured.hook_id}}' } }, remove: [{ id: 'delete', request: { method: 'DELETE', path: '/hooks/{{captured.hook_id}}' } }] };
const sound: Json = {
  scope: 'account', verify: { any_of: [rule] }, event: { id: ['{{item.id}}'], type: ['{{item.type}}'] },
  events: [{ types: ['contact.changed'], model: 'crm.contacts', change: 'updated', record: { from: 'fetch', id: '{{item.contact}}' } }],
  subscriptions: [subscription], backfill: [{ id: 'contacts', model: 'crm.contacts' }], poll: [{ by: 'updated_after', id: 'contacts', model: 'crm.contacts' }],
};
function manifest(webhooks: Json): Json {
  return {
    manifest: 1, id: 'acme', name: 'Acme', categories: ['crm'], auth: [{ type: 'api_key', id: 'key', fields: [{ name: 'hook', label: 'Hook', secret: true }], apply: {} }], http: { base_url: 'https://api.acme.example' },
    resources: { contacts: { list: { method: 'GET', path: '/contacts' }, get: { method: 'GET', path: '/contacts/{{input.id}}' } } },
    validation: { request: { method: 'GET', path: '/me' } },
    mappings: { 'crm.contacts': { mapping: 1, model: 'crm.contacts', fields: { id: 'id' }, methods: { list: [{ operation: 'contacts.list', filters: { updated_after: { query: { since: '{{value}}' } } } }], get: { operation: 'contacts.get' } } } },
    webhooks,
  };
}
const faults = (webhooks: Json): string[] => lintManifest(manifest(webhooks)).map(({ path, severity }) => `${severity} ${path}`);
const withRule = (change: Json): Json => ({ ...sound, verify: { any_of: [{ ...rule, ...change }] } });
const withSubscription = (change: Json): Json => ({ ...sound, subscriptions: [{ ...subscription, ...change }] });

test('a sound section has no faults', () => assert.deepEqual(faults(sound), []));

/** What is wrong, and the one place that is told. */
const wrong: readonly (readonly [what: string, webhooks: Json, at: string])[] = [
  ['a misspelt scheme', withRule({ scheme: 'hamc' }), 'error webhooks.verify.any_of[0].scheme'],
  ['two rules of one id', { ...sound, verify: { any_of: [rule, rule] } }, 'error webhooks.verify.any_of[1].id'],
  ['a signature in two places', withRule({ signature: { header: 'a', query: 'b', encoding: 'hex' } }), 'error webhooks.verify.any_of[0].signature'],
  ['fields of a header without pairs', withRule({ message: ['{{signature.t}}', { part: 'body' }] }), 'error webhooks.verify.any_of[0].signature.pair'],
  ['a hash without a secret', withRule({ scheme: 'digest', key: undefined }), 'error webhooks.verify.any_of[0].message'],
  ['a body that is not signed', withRule({ message: ['{{request.headers.x-time}}'] }), 'warning webhooks.verify.any_of[0].message'],
  ['a time that is not signed', withRule({ timestamp: { value: '{{request.headers.x-time}}', unit: 's', past_s: 300 } }), 'warning webhooks.verify.any_of[0].timestamp'],
  ['a rule without a time beside one with', { ...sound, verify: { any_of: [{ ...rule, id: 'timed', message: ['{{request.headers.x-time}}', { part: 'body' }], timestamp: { value: '{{request.headers.x-time}}', unit: 's', past_s: 300 } }, rule] } }, 'warning webhooks.verify.any_of[1].opt_in'],
  ['a form without a condition', { ...sound, shapes: [{ when: {}, event: { id: ['{{item.id}}'], type: ['{{item.type}}'] } }] }, 'error webhooks.shapes[0].when'],
  ['an unsigned id in a further form', { ...sound, shapes: [{ when: { body: { a: { exists: true } } }, event: { id: ['{{request.headers.x-id}}'], type: ['{{item.type}}'] } }] }, 'warning webhooks.shapes[0].event.id_signed'],
  ['an unknown secret', withRule({ key: { value: '{{secret.hoook}}' } }), 'error webhooks.verify.any_of[0].key.value'],
  ['a request outside of a request', withRule({ key: { value: '{{callback.code}}' } }), 'error webhooks.verify.any_of[0].key.value'],
  ['a symmetric and an asymmetric algorithm in one rule', { ...sound, verify: { any_of: [{ scheme: 'jwt', id: 'jwt', token: '{{request.headers.x-token}}', algs: ['HS256', 'RS256'], secret: { value: '{{secret.hook}}' }, key: { from: 'jwks', url: 'https://keys.acme.example' } }] } }, 'error webhooks.verify.any_of[0].algs'],
  ['a key set that the request names', { ...sound, verify: { any_of: [{ scheme: 'jwt', id: 'jwt', token: '{{request.headers.x-token}}', algs: ['RS256'], key: { from: 'jwks', url: '{{request.headers.x-keys}}' } }] } }, 'error webhooks.verify.any_of[0].key.url'],
  ['an each that proves one member', withRule({ each: 'items' }), 'error webhooks.verify.any_of[0].each'],
  ['an account\'s secret behind an app\'s address', { ...sound, scope: 'app', event: { type: ['{{item.type}}'], account: [{ value: '{{item.team}}', field: 'external_id' }] } }, 'error webhooks.verify'],
  ['an app whose events find no account', { ...sound, scope: 'app', verify: { any_of: [{ ...rule, key: { value: '{{app.client_secret}}' } }] } }, 'error webhooks.event.account'],
  ['an unproven handshake that sets a secret again', { ...sound, handshake: [{ id: 'first', when: { headers: { 'x-secret': { exists: true } } }, verified: false, capture: { secret: { hook: '{{request.headers.x-secret}}' } }, reply: {} }] }, 'error webhooks.handshake[0].unless_set'],
  ['a handshake for everything', { ...sound, handshake: [{ id: 'all', when: {}, reply: {} }] }, 'error webhooks.handshake[0].when'],
  ['an expression in a reply', { ...sound, handshake: [{ id: 'ping', when: { body: { type: 'ping' } }, reply: { json: { $expr: 'request' } } }] }, 'error webhooks.handshake[0].reply'],
  ['an unsigned id that is not said to be', { ...sound, event: { id: ['{{request.headers.x-id}}'], type: ['{{item.type}}'] } }, 'warning webhooks.event.id_signed'],
  ['a parent where there is none', { ...sound, event: { split: ['items'], type: ['{{parent.type}}'] } }, 'error webhooks.event.split'],
  ['a model without a mapping', { ...sound, events: [{ types: ['a'], model: 'crm.deals', change: 'updated', record: { from: 'fetch', id: '{{item.id}}' } }] }, 'error webhooks.events[0].model'],
  ['a model that does not exist', { ...sound, events: [{ types: ['a'], model: 'crm.contact', change: 'updated', record: { from: 'fetch', id: '{{item.id}}' } }] }, 'error webhooks.events[0].model'],
  ['an update with an id alone', { ...sound, events: [{ types: ['a'], model: 'crm.contacts', change: 'updated', record: { from: 'id', id: '{{item.id}}' } }] }, 'error webhooks.events[0].record.from'],
  ['a deletion with a record', { ...sound, events: [{ types: ['a'], model: 'crm.contacts', change: 'deleted', record: { from: 'payload', path: 'item' } }] }, 'error webhooks.events[0].record.from'],
  ['a record from nowhere', { ...sound, events: [{ types: ['a'], model: 'crm.contacts', change: 'updated', record: { from: 'payload', path: 'data.contact' } }] }, 'error webhooks.events[0].record.path'],
  ['a subscription without an address', withSubscription({ register: [{ id: 'create', request: { method: 'POST', path: '/hooks' } }], check: undefined, remove: undefined }), 'error webhooks.subscriptions[0].register'],
  ['a secret that the vendor never learns', withSubscription({ secret: { name: 'made' } }), 'error webhooks.subscriptions[0].secret.name'],
  ['an end without a renewal', withSubscription({ expiry: { lifetime_s: 86_400 } }), 'warning webhooks.subscriptions[0].renew'],
  ['a renewal without an end', withSubscription({ renew: { before_s: 600, steps: [{ id: 'renew', request: { method: 'POST', path: '/hooks' } }] } }), 'error webhooks.subscriptions[0].expiry'],
  ['a renewal before the beginning', withSubscription({ expiry: { lifetime_s: 600 }, renew: { before_s: 600, steps: [{ id: 'renew', request: { method: 'POST', path: '/hooks' } }] } }), 'error webhooks.subscriptions[0].renew.before_s'],
  ['a subscription nobody looks after', withSubscription({ check: undefined }), 'warning webhooks.subscriptions[0].check'],
  ['a poll of a feed that is none', { ...sound, poll: [{ by: 'cursor', id: 'feed', resource: 'feeds', next: 'id', query: { after: '{{poll.cursor}}' } }] }, 'error webhooks.poll[0].resource'],
  ['a feed that always begins anew', { ...sound, poll: [{ by: 'cursor', id: 'feed', resource: 'contacts', next: 'id' }] }, 'error webhooks.poll[0].query'],
  ['a backfill by a filter that is not offered', { ...sound, backfill: [{ id: 'contacts', model: 'crm.contacts', filters: { email: 'a' } }] }, 'error webhooks.backfill[0].filters'],
];
for (const [what, webhooks, at] of wrong) test(`tells of ${what}`, () => assert.ok(faults(JSON.parse(JSON.stringify(webhooks)) as Json).includes(at), faults(JSON.parse(JSON.stringify(webhooks)) as Json).join('\n')));
