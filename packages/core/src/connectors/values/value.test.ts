import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compilePath, parsePath } from './path.ts';
import type { Scope } from './scope.ts';
import { filters } from './filters.ts';
import { compileReader, compileTemplate, compileValue, parseTemplate } from './value.ts';

const scope: Scope = {
  config: { account_id: 'td-12', odd: { 'a b': 1 } },
  input: { id: 7, body: { name: 'Ann', none: null }, query: { tags: ['x', 'y'] } },
  secret: { key: 'k:1' },
};
const value = (template: string): unknown => compileTemplate(template)(scope);

test('a lone placeholder keeps its type, an interpolation is a text', () => {
  assert.equal(value('{{input.id}}'), 7);
  assert.deepEqual(value('{{input.query.tags}}'), ['x', 'y']);
  assert.equal(value('n-{{input.id}}'), 'n-7');
  assert.equal(value('{{input.query.tags}}!'), '["x","y"]!');
  assert.equal(value('{{input.body.none}}'), null);
  assert.equal(value('x{{input.body.none}}'), undefined);
  assert.equal(value('x{{input.missing}}'), undefined);
  assert.equal(value('{{ config.odd["a b"] }}'), 1);
  assert.equal(value("{{'{{'}}literal"), '{{literal');
  assert.equal(value(''), '');
});

test('filters are applied in order and quoted arguments hold anything', () => {
  assert.equal(value('{{config.account_id|replace:-:_|upper}}'), 'TD_12');
  assert.equal(value("{{input.nothing|default:'a:b|c'}}"), 'a:b|c');
  assert.equal(value("{{secret.key|append:':'|base64}}"), 'azoxOg==');
  assert.equal(value('{{input.query.tags|join:;}}'), 'x;y');
  assert.equal(value('{{input.query.tags|last}}'), 'y');
  assert.equal(value('{{input.id|string|prepend:0}}'), '07');
  assert.equal(value("{{'a/b c'|urlencode}}"), 'a%2Fb%20c');
  assert.equal(value("{{'1700000000'|date:iso}}"), '2023-11-14T22:13:20.000Z');
  assert.equal(value("{{\"it's\"|escape:\"'\"}}"), "it\\'s");
  assert.deepEqual(value("{{'a,b'|split:','}}"), ['a', 'b']);
  assert.equal(value("{{'abc'|slice:1:2}}"), 'b');
  assert.equal(value("{{'x'|number}}"), undefined);
  assert.equal(value("{{'$&'|replace:'$':'$$'}}"), '$$&');
});

test('unreadable placeholders are faults with what is there instead', () => {
  for (const text of ['{{', '{{}}', '{{a', '{{a|}}', '{{a|nope}}', '{{a|upper:1}}', '{{a|replace}}', '{{a..b}}', "{{a|default:'x}}", '{{a b}}', '{{a}} {{']) {
    const parsed = parseTemplate(text);
    assert.equal(parsed.ok, false, text);
  }
  assert.deepEqual(parseTemplate('plain }} text').ok, true);
});

test('every filter states its form, and form and name agree', () => {
  for (const [name, row] of Object.entries(filters)) {
    assert.equal(row.form.split(':')[0], name);
    assert.equal(row.form.split(':').length - 1, row.arguments[1]);
  }
});

test('absent values drop their key or member; expressions and literals have their places', async () => {
  const compiled = compileValue({ a: '{{input.missing}}', b: ['{{input.missing}}', 1], c: { $literal: '{{raw}}' }, d: { e: '{{input.body.none}}' } });
  assert.equal(compiled.asynchronous, false);
  assert.deepEqual(compiled(scope), { b: [1], c: '{{raw}}', d: { e: null } });
  const later = compileValue({ sum: { $expr: '$sum([1, input.id])' }, list: [{ $expr: 'nothing' }, 2] });
  assert.equal(later.asynchronous, true);
  assert.deepEqual(await later(scope), { sum: 8, list: [2] });
  assert.equal(await compileReader({ $expr: 'a.b' })({ a: { b: 3 } }), 3);
});

test('paths read own properties, indices from both ends, and nothing else', () => {
  const root = { items: [{ id: 1 }, { id: 2 }], 'odd.key': { x: 1 } };
  assert.equal(compilePath('items[0].id')(root), 1);
  assert.equal(compilePath('items[-1].id')(root), 2);
  assert.equal(compilePath('["odd.key"].x')(root), 1);
  assert.equal(compilePath('')(root), root);
  for (const path of ['constructor', '__proto__', 'items.constructor', 'items[0].toString', 'items[9].id', 'a.b.c.d']) assert.equal(compilePath(path)(root), undefined, path);
  for (const path of ['a..b', 'a[', 'a[x]', '.a', 'a.', 'a]', `a${'.b'.repeat(40)}`]) assert.equal(parsePath(path).ok, false, path);
});

test('no path, template or value ever writes a prototype or throws, whatever it is given', () => {
  const key = fc.oneof(fc.constantFrom('__proto__', 'constructor', 'prototype', 'toString', '$expr', '$literal', '{{', '}}'), fc.string());
  const json = fc.letrec((tie) => ({
    node: fc.oneof({ maxDepth: 4 }, fc.string(), fc.integer(), fc.constant(null), fc.constantFrom('{{input.a}}', '{{__proto__.a|json}}', 'x{{input.constructor}}'), fc.array(tie('node'), { maxLength: 4 }), fc.dictionary(key, tie('node'), { maxKeys: 4 })),
  })).node;
  fc.assert(
    fc.property(json, json, fc.string(), (manifestValue, input, text) => {
      const before = Object.getOwnPropertyNames(Object.prototype).length;
      const parsed = parseTemplate(text);
      if (parsed.ok) compileTemplate(text)({ input });
      if (parsePath(text).ok) compilePath(text)(input);
      try {
        const compiled = compileValue(manifestValue as never);
        if (!compiled.asynchronous) compiled({ input });
      } catch (thrown) {
        assert.ok(thrown instanceof TypeError, String(thrown));
      }
      assert.equal(Object.getOwnPropertyNames(Object.prototype).length, before);
    }),
    { numRuns: 500 },
  );
});
