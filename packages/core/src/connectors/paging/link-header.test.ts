import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { linkTo, parseLinkHeader } from './link-header.ts';

test('the usual header, several relations in one, quoted commas and escapes', () => {
  const header = '<https://a.test/x?page=2>; rel="next", <https://a.test/x?page=9>; rel="last first";title="a, \\"b\\"; c" , </rel>;rel=up';
  assert.equal(linkTo('next', header), 'https://a.test/x?page=2');
  assert.equal(linkTo('FIRST', header), 'https://a.test/x?page=9');
  assert.equal(linkTo('up', header), '/rel');
  assert.equal(linkTo('prev', header), undefined);
  assert.equal(parseLinkHeader(header)[1]?.parameters['title'], 'a, "b"; c');
});

test('commas and semicolons inside the target belong to it, and the first of a parameter counts', () => {
  assert.equal(linkTo('next', '<https://a.test/?ids=1,2;3>; rel="next"; rel="prev"'), 'https://a.test/?ids=1,2;3');
});

test('malformed headers yield what is readable', () => {
  for (const header of ['', '<', '<>', 'rel=next', '<a', ';;;', '<a>;;;rel="next']) parseLinkHeader(header);
  assert.equal(linkTo('next', 'garbage, <https://a.test/2>; rel="next"'), 'https://a.test/2');
  assert.equal(linkTo('next', '<https://a.test/2>; foo; rel = "next"'), 'https://a.test/2');
});

test('what is written is read', () => {
  const target = fc.webUrl({ withQueryParameters: true }).filter((url) => !/[<>]/.test(url));
  const rel = fc.stringMatching(/^[a-z][a-z0-9.-]{0,10}$/);
  const title = fc.string().map((text) => text.replaceAll(/[^\x20-\x7e]/g, ''));
  fc.assert(
    fc.property(fc.array(fc.record({ target, rels: fc.array(rel, { minLength: 1, maxLength: 3 }), title }), { maxLength: 5 }), (links) => {
      const header = links.map((link) => `<${link.target}>; title="${link.title.replaceAll(/["\\]/g, '\\$&')}"; rel="${link.rels.join(' ')}"`).join(', ');
      const read = parseLinkHeader(header);
      assert.deepEqual(read.map((link) => ({ target: link.target, rels: link.rels, title: link.parameters['title'] })), links.map((link) => ({ ...link })));
    }),
  );
});

test('reading is total and quick', () => {
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom('<', '>', ';', ',', '"', '\\', '=', ' ', 'a', 'rel') }), (header) => Array.isArray(parseLinkHeader(header))));
  const started = performance.now();
  parseLinkHeader('<a>' + '; "'.repeat(20_000));
  parseLinkHeader(`<a>;x="${'\\'.repeat(60_000)}`);
  assert.ok(performance.now() - started < 1000);
});
