import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Mapping } from '@evenkeel/contract/manifest/mapping.ts';
import fc from 'fast-check';
import { faultsOfMapping } from '../lint/mapping-lint.ts';
import { compileMapping, type ToUnified } from './mapping.ts';

const resources = { people: { list: {}, get: {}, create: {}, update: {} } };
const mapping: Mapping = {
  mapping: 1,
  model: 'crm.deals',
  methods: { list: [{ operation: 'people.list' }], get: { operation: 'people.get' }, create: { operation: 'people.create', required: ['name'] }, update: { operation: 'people.update' } },
  fields: {
    id: 'key',
    name: 'props.title',
    amount: { path: 'cents', divide: 100 },
    status: { path: 'state', enum: { open: ['new', 'doing'], won: 'done', lost: 0 } },
    probability: { path: 'chance', divide: 100 },
    close_date: { path: 'closes', date: 'epoch_s', empty: ['0000-00-00'] },
    owner_id: { path: 'owner', as: 'number' },
    created_at: { path: 'made', date: 'epoch_ms' },
    description: { read: ['long', 'short'], write: 'long' },
  },
  custom_fields: { at: 'props', write: true },
};
const contacts: Mapping = {
  mapping: 1,
  model: 'crm.contacts',
  methods: { get: { operation: 'people.get' } },
  fields: {
    id: 'id',
    name: { template: '{{first|append:\' \'|default:\'\'}}{{last|default:\'\'}}' },
    first_name: 'first',
    emails: { each: 'mails', item: { object: { address: 'value', type: { path: 'kind', enum: { work: 'W', home: 'H' }, otherwise: 'other' } } } },
    phones: { list: [{ object: { number: 'tel', type: { const: 'work' } } }, { object: { number: 'cell', type: { const: 'mobile' } } }] },
    address: { object: { city: 'place.city', country: 'place.land' } },
  },
};

function read(source: Mapping, record: unknown): ToUnified {
  const made = compileMapping(source).toUnified(record);
  assert.ok(!(made instanceof Promise));
  return made;
}
function recordOf(source: Mapping, record: unknown): Record<string, unknown> {
  const made = read(source, record);
  assert.ok(made.ok, made.ok ? '' : `${made.path} ${made.message}`);
  return made.record;
}

describe('reading', () => {
  test('every field of the model is there, in the model\'s type', () => {
    const record = recordOf(mapping, { key: 7, cents: '1999', state: 'doing', chance: 15, closes: '0000-00-00', owner: 901, made: 1_735_689_600_000, short: 'brief', props: { title: 'T', colour: 'red' } });
    assert.deepEqual(record, {
      id: '7', name: 'T', description: 'brief', amount: 19.99, currency: null, status: 'open', stage: null, pipeline_id: null, probability: 0.15, close_date: null,
      company_id: null, contact_id: null, owner_id: '901', created_at: '2025-01-01T00:00:00.000Z', updated_at: null, custom_fields: { colour: 'red' },
    });
  });

  test('lists, groups and templates', () => {
    const record = recordOf(contacts, { id: 'x', first: 'Ása', last: null, mails: [{ value: 'a@x.example', kind: 'W' }, { kind: 'H' }, { value: 'b@x.example', kind: 'Z' }], cell: '+1', place: { city: 'Oslo' } });
    assert.equal(record['name'], 'Ása');
    assert.deepEqual(record['emails'], [{ address: 'a@x.example', type: 'work' }, { address: 'b@x.example', type: 'other' }]);
    assert.deepEqual(record['phones'], [{ number: '+1', type: 'mobile' }]);
    assert.deepEqual(record['address'], { street: null, city: 'Oslo', region: null, postal_code: null, country: null });
    assert.equal(recordOf(contacts, { id: 'x' })['address'], null);
  });

  test('a required field without a value, an unknown choice and a wrong type fail with their place', () => {
    const cases: [unknown, string][] = [[{}, 'id'], [{ key: null }, 'id'], [{ key: {} }, 'id'], [{ key: 1, state: 'lunch' }, 'status'], [{ key: 1, cents: 'many' }, 'amount'], [{ key: 1, made: 'yesterday' }, 'created_at'], [{ key: 1, closes: [] }, 'close_date'], [[], ''], [null, ''], ['text', '']];
    for (const [record, path] of cases) {
      const made = read(mapping, record);
      assert.equal(made.ok, false, JSON.stringify(record));
      assert.equal(made.path, path);
    }
    const inList = read(contacts, { id: 1, mails: [{ value: { deep: 1 } }] });
    assert.ok(!inList.ok);
    assert.equal(inList.path, 'emails[0].address');
  });

  test('an expression reads a whole field, and its failure is a failure of the field', async () => {
    const source = { ...contacts, fields: { id: 'id', title: { read: { $expr: '$uppercase(job)' } }, name: { read: { $expr: '$error("no")' } } } };
    const good = await compileMapping({ ...source, fields: { id: 'id', title: source.fields.title } }).toUnified({ id: 1, job: 'captain' });
    assert.ok(good.ok);
    assert.equal(good.record['title'], 'CAPTAIN');
    const bad = await compileMapping(source).toUnified({ id: 1, job: 'captain' });
    assert.ok(!bad.ok);
    assert.equal(bad.path, 'name');
  });
});

describe('writing', () => {
  const writes = (source: Mapping, input: unknown, method: 'create' | 'update' = 'update') => compileMapping(source).fromUnified(input, method);

  test('goes to the vendor\'s places in the vendor\'s forms', () => {
    const made = writes(mapping, { name: 'N', amount: 19.99, status: 'open', probability: 0.15, close_date: '2026-12-24', owner_id: '901', description: null, custom_fields: { colour: 'blue' } });
    assert.ok(made.ok);
    assert.deepEqual(made.body, { props: { title: 'N', colour: 'blue' }, cents: 1999, state: 'new', chance: 15, closes: 1_798_070_400, owner: 901, long: null });
  });

  test('members of a list find their places; what has none is refused', () => {
    const writable = { ...contacts, fields: { ...contacts.fields } };
    const made = writes(writable, { phones: [{ number: '+2', type: 'mobile' }, { number: '+1' }], emails: [{ address: 'a@x.example', type: 'home' }] });
    assert.ok(made.ok);
    assert.deepEqual(made.body, { tel: '+1', cell: '+2', mails: [{ value: 'a@x.example', kind: 'H' }] });
    const refused = writes(writable, { phones: [{ number: '+2', type: 'home' }] });
    assert.ok(!refused.ok);
    assert.equal(refused.faults[0]?.path, 'phones[0]');
  });

  test('what the model, the vendor or the mapping does not take is refused with its place', () => {
    const cases: [unknown, string][] = [[{ id: '1' }, 'id'], [{ nme: 'x' }, 'nme'], [{ currency: 'EUR' }, 'currency'], [{ amount: '5' }, 'amount'], [{ status: 'lost ' }, 'status'], [{ close_date: 'soon' }, 'close_date'], [{ custom_fields: { title: 'x' } }, 'custom_fields.title'], [[], ''], [null, '']];
    for (const [input, path] of cases) {
      const made = writes(mapping, input);
      assert.ok(!made.ok, JSON.stringify(input));
      assert.equal(made.faults[0]?.path, path);
    }
    const missing = writes(mapping, { name: null }, 'create');
    assert.ok(!missing.ok);
    assert.match(missing.faults[0]?.message ?? '', /missing/);
  });

  test('there and back keeps what both sides can hold', () => {
    const record = fc.record(
      {
        name: fc.string({ minLength: 1 }),
        description: fc.string({ minLength: 1 }),
        amount: fc.integer({ min: -1e9, max: 1e9 }).map((cents) => cents / 100),
        status: fc.constantFrom('open', 'won', 'lost'),
        close_date: fc.integer({ min: 0, max: 20_000 }).map((days) => new Date(days * 86_400_000).toISOString().slice(0, 10)),
        owner_id: fc.nat().map(String),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(record, (input) => {
        const made = writes(mapping, input);
        assert.ok(made.ok);
        const back = recordOf(mapping, { key: 1, ...made.body });
        for (const [name, value] of Object.entries(input)) assert.deepEqual(back[name], value, name);
      }),
    );
  });
});

describe('hostile records', () => {
  const polluted = (): boolean => Object.keys(Object.prototype).length > 0 || ({} as Record<string, unknown>)['polluted'] !== undefined;
  const hostile = fc.letrec<{ node: unknown }>((tie) => ({
    node: fc.oneof({ depthSize: 'small' }, fc.jsonValue(), fc.array(tie('node'), { maxLength: 4 }), fc.dictionary(fc.constantFrom('__proto__', 'constructor', 'prototype', 'id', 'key', 'props', 'title', 'mails', 'value', 'first', 'toString', 'polluted'), tie('node'), { maxKeys: 6 })),
  })).node;

  test('never crash, never pollute, and are of the model when they pass', () => {
    const compiled = [compileMapping(mapping), compileMapping(contacts)];
    fc.assert(
      fc.property(hostile, (record) => {
        const parsed: unknown = JSON.parse(JSON.stringify(record) ?? 'null');
        for (const one of compiled) {
          const made = one.toUnified(parsed);
          assert.ok(!(made instanceof Promise));
          if (made.ok) {
            assert.equal(typeof made.record['id'], 'string');
            assert.ok(!Object.hasOwn(made.record['custom_fields'] as object, '__proto__'));
          }
          const written = one.fromUnified(parsed, 'update');
          if (written.ok) assert.equal(Object.getPrototypeOf(written.body), Object.prototype);
        }
        assert.ok(!polluted());
      }),
      { numRuns: 500 },
    );
  });

  test('prototype keys in what is written stay properties', () => {
    for (const text of ['{"custom_fields":{"__proto__":{"polluted":1}}}', '{"__proto__":{"polluted":1}}', '{"custom_fields":{"constructor":{"prototype":{"polluted":1}}}}']) {
      const made = compileMapping(mapping).fromUnified(JSON.parse(text), 'update');
      assert.ok(!polluted());
      if (made.ok) assert.equal(Object.getPrototypeOf(made.body['props'] as object), Object.prototype);
    }
  });

  test('huge ones are mapped or refused in time', () => {
    const many = recordOf({ ...contacts, custom_fields: {} }, { id: 'x'.repeat(1_000_000), mails: Array.from({ length: 9_999 }, (_, n) => ({ value: `a${n}`, kind: 'W' })), ...Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`f${n}`, n])) });
    assert.equal((many['emails'] as unknown[]).length, 9_999);
    assert.equal(Object.keys(many['custom_fields'] as object).length, 10_000);
    const tooMany = read(contacts, { id: 1, mails: Array.from({ length: 10_001 }, () => ({})) });
    assert.ok(!tooMany.ok);
    assert.equal(tooMany.path, 'emails');
  });
});

describe('the linter', () => {
  const faults = (change: object) => faultsOfMapping('crm.deals', { ...mapping, ...change } as Mapping, resources, 'm').map(({ path, suggestion }) => [path, suggestion]);

  test('finds nothing in a good mapping', () => assert.deepEqual(faults({}), []));

  test('names the place and what was meant', () => {
    const fields = { ...mapping.fields };
    assert.deepEqual(faults({ model: 'crm.deal' }), [['m.model', 'crm.deals']]);
    assert.deepEqual(faults({ fields: { ...fields, amont: 'x' } }), [['m.fields.amont', 'amount']]);
    assert.deepEqual(faults({ fields: { name: 'x' } }), [['m.fields.id', undefined]]);
    assert.deepEqual(faults({ fields: { ...fields, status: { path: 's', enum: { opne: 1 } } } }), [['m.fields.status.enum', 'open']]);
    assert.deepEqual(faults({ fields: { ...fields, name: { path: 'a.__proto__.b' } } }), [['m.fields.name', undefined]]);
    assert.deepEqual(faults({ fields: { ...fields, name: { template: '{{x' } } }), [['m.fields.name.template', undefined]]);
    assert.deepEqual(faults({ methods: { get: { operation: 'peple.get' } } }), [['m.methods.get.operation', 'people']]);
    assert.deepEqual(faults({ methods: { list: [{ operation: 'people.list', filters: { ownr_id: {} } }] } }), [['m.methods.list[0].filters.ownr_id', 'owner_id']]);
    assert.deepEqual(faults({ methods: { list: [{ operation: 'people.list', query: { q: '{{flter.x}}' } }] } }), [['m.methods.list[0].query.q', 'filter']]);
  });
});
