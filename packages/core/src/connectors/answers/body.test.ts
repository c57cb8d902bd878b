import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseBody, type BodyFormat } from './body.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const parse = (format: BodyFormat, type: string | undefined, text: string) => parseBody(format, type, bytes(text));
const bodyOf = (format: BodyFormat, type: string | undefined, text: string): unknown => {
  const parsed = parse(format, type, text);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.body;
};
const reasonOf = (format: BodyFormat, type: string | undefined, text: string): string => {
  const parsed = parse(format, type, text);
  return parsed.ok ? `read as ${parsed.kind}` : parsed.reason;
};

test('the content type decides, and a text that is JSON in truth is read as JSON', () => {
  assert.deepEqual(bodyOf('auto', 'application/json; charset=UTF-8', '{"a":1}'), { a: 1 });
  assert.deepEqual(bodyOf('auto', 'application/problem+json', '{"a":1}'), { a: 1 });
  assert.deepEqual(bodyOf('auto', 'text/html', '  {"a":1}'), { a: 1 });
  assert.deepEqual(bodyOf('auto', undefined, '[1]'), [1]);
  assert.equal(bodyOf('auto', 'text/plain', '{not json'), '{not json');
  assert.deepEqual(bodyOf('auto', 'application/x-www-form-urlencoded', 'a=1&b=%20'), { a: '1', b: ' ' });
  assert.equal(reasonOf('auto', 'application/pdf', '{}'), 'read as binary');
  assert.equal(reasonOf('binary', 'application/json', '{'), 'read as binary');
  assert.equal(reasonOf('auto', 'application/json', ''), 'read as empty');
});

test('every way to be unreadable has its name', () => {
  assert.equal(reasonOf('auto', 'application/json', '{"results":[{"id":"1"'), 'truncated');
  assert.equal(reasonOf('auto', 'application/json', '{"a":"unfinis'), 'truncated');
  assert.equal(reasonOf('json', 'text/plain', '<html>Bad gateway</html>'), 'mislabelled');
  assert.equal(reasonOf('auto', 'application/json', 'ohno}{'), 'malformed');
  assert.equal(reasonOf('auto', 'application/xml', 'plain text'), 'mislabelled');
  assert.equal(reasonOf('auto', 'application/json', `${'['.repeat(5000)}${']'.repeat(5000)}`), 'too_deep');
  assert.equal(reasonOf('auto', undefined, `${'['.repeat(5000)}${']'.repeat(5000)}`), 'too_deep');
  const utf16 = parseBody('json', 'application/json', Uint8Array.of(0xff, 0xfe, 0x7b));
  assert.ok(!utf16.ok && utf16.reason === 'encoding');
  const large = parseBody('json', undefined, bytes('[1,2,3]'), { bytes: 5, depth: 10 });
  assert.ok(!large.ok && large.reason === 'too_large');
  assert.equal(reasonOf('json', 'application/json; charset=x-unheard-of', '{}'), 'encoding');
});

test('a body in another charset and one with a byte order mark are read', () => {
  const latin = parseBody('auto', 'application/json; charset=ISO-8859-1', Uint8Array.of(0x22, 0xe9, 0x22));
  assert.ok(latin.ok);
  assert.equal(latin.body, 'é');
  assert.deepEqual(bodyOf('json', undefined, '\ufeff{"a":1}'), { a: 1 });
});

test('an integer beyond 2^53 keeps its digits', () => {
  const parsed = parse('json', undefined, '{"id":9007199254740993,"n":9007199254740991,"f":1e300,"deep":[{"id":-90071992547409931}]}');
  assert.ok(parsed.ok);
  assert.equal(parsed.exact, false);
  assert.deepEqual(parsed.body, { id: '9007199254740993', n: 9007199254740991, f: 1e300, deep: [{ id: '-90071992547409931' }] });
});

test('prototype keys of JSON stay data', () => {
  const body = bodyOf('json', undefined, '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}') as object;
  assert.equal(Reflect.get({}, 'polluted'), undefined);
  assert.ok(Object.hasOwn(body, '__proto__'));
});

test('XML is data: attributes, repeats, CDATA, character references, namespaces dropped', () => {
  assert.deepEqual(bodyOf('auto', 'text/xml', '<?xml version="1.0"?><s:list xmlns:s="urn:x"><i id="01">A &amp; &#66;</i><i><![CDATA[<x>]]></i></s:list>'), {
    list: { i: [{ '#text': 'A & B', '@id': '01' }, '<x>'] },
  });
});

test('XML with a document type, an entity bomb, reserved names or deep nesting is refused, not expanded', () => {
  const bomb = '<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;&b;">]><a>&c;&c;</a>';
  assert.equal(reasonOf('xml', undefined, bomb), 'malformed');
  assert.equal(reasonOf('xml', undefined, '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>'), 'malformed');
  assert.equal(reasonOf('xml', undefined, '<a><__proto__><polluted>1</polluted></__proto__></a>'), 'malformed');
  assert.equal(reasonOf('xml', undefined, '<a>'.repeat(2000) + '</a>'.repeat(2000)), 'malformed');
  assert.equal(reasonOf('xml', undefined, '<list><item>1</item><item>'), 'truncated');
  assert.equal(reasonOf('xml', undefined, '<a></b>'), 'malformed');
  assert.equal(Reflect.get({}, 'polluted'), undefined);
});

test('parsing is total, and JSON text comes back as its value', () => {
  const formats: BodyFormat[] = ['auto', 'json', 'xml', 'text', 'binary'];
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(...formats), fc.option(fc.string(), { nil: undefined }), (raw, format, type) => {
      const parsed = parseBody(format, type, raw);
      return parsed.ok || parsed.detail !== '';
    }),
  );
  fc.assert(
    fc.property(fc.jsonValue({ depthSize: 'small' }), (value) => {
      const parsed = parse('json', undefined, JSON.stringify(value));
      assert.ok(parsed.ok);
      if (parsed.exact) assert.deepEqual(parsed.body, JSON.parse(JSON.stringify(value)));
    }),
  );
});

test('a document cut anywhere is an error, never another document', () => {
  const whole = JSON.stringify({ results: [{ id: '1', name: 'a "b" \\ c' }, { id: '2', tags: ['x', null, true] }] });
  for (let length = 1; length < whole.length; length++) assert.equal(reasonOf('json', undefined, whole.slice(0, length)), 'truncated', whole.slice(0, length));
});
