import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pagination } from '@evenkeel/contract/manifest/response.ts';
import fc from 'fast-check';
import { base64url } from '../values/bytes.ts';
import { readCursor, writeCursor, type CursorState } from './cursor.ts';
import { nextPage, type NextPage } from './next-page.ts';
import { compilePagination, startPage, type Page } from './pagination.ts';
import type { UpstreamAnswer } from '../answers/upstream-answer.ts';

const operation = 'acme/resources.things.list';
const origins = ['https://api.acme.test'];
const context = { operation, origins, requestUrl: 'https://api.acme.test/v1/things?limit=2', secrets: ['s3cr3t-key'] };
const sized = { limit: { default: 2, max: 5 } };
const things = (...ids: number[]): { id: number }[] => ids.map((id) => ({ id }));

function pageOf(spec: Pagination, cursor?: string | null, limit?: number): Page {
  const started = startPage(compilePagination(spec), { cursor: cursor ?? undefined, limit }, { operation, origins });
  assert.ok(started.ok, JSON.stringify(started));
  return started.page;
}
function after(spec: Pagination, page: Page, body: unknown, records: readonly unknown[], headers: Record<string, string> = {}): Promise<NextPage> {
  const answer: UpstreamAnswer = { status: 200, headers, body };
  return nextPage(compilePagination(spec), page, answer, records, context);
}
async function cursorAfter(...given: Parameters<typeof after>): Promise<string | null> {
  const next = await after(...given);
  assert.ok(next.ok, JSON.stringify(next));
  return next.cursor;
}

test('the page size is the default, capped, and free where the manifest names none', () => {
  assert.equal(pageOf({ type: 'cursor', next: 'n', ...sized }).root.limit, 2);
  assert.equal(pageOf({ type: 'cursor', next: 'n', ...sized }, null, 500).root.limit, 5);
  assert.equal(pageOf({ type: 'cursor', next: 'n' }, null, 500).root.limit, 500);
  assert.equal(pageOf({ type: 'cursor', next: 'n' }).root.limit, undefined);
  assert.equal(startPage(compilePagination(undefined), { cursor: 'x' }, { operation, origins }).ok, false);
});

test('cursor: next, more, and the id of the last record', async () => {
  const spec: Pagination = { type: 'cursor', next: 'paging.after', ...sized };
  const cursor = await cursorAfter(spec, pageOf(spec), { paging: { after: 'abc' } }, things(1, 2));
  assert.equal(pageOf(spec, cursor).root.cursor, 'abc');
  assert.equal(await cursorAfter(spec, pageOf(spec, cursor), {}, things(3)), null);
  const last: Pagination = { type: 'cursor', next_from_last: 'id', more: 'has_more', ...sized };
  const second = await cursorAfter(last, pageOf(last), { has_more: true }, things(1, 2));
  assert.equal(pageOf(last, second).root.cursor, 2);
  assert.equal(await cursorAfter(last, pageOf(last, second), { has_more: false }, things(3)), null);
  const promised = await after(last, pageOf(last), { has_more: true }, []);
  assert.ok(!promised.ok && promised.reason === 'missing_cursor');
});

test('page numbers: by more, by total pages, by total, or by a short page', async () => {
  const short: Pagination = { type: 'page', ...sized };
  assert.equal(pageOf(short).root.number, 1);
  const cursor = await cursorAfter(short, pageOf(short), {}, things(1, 2));
  assert.equal(pageOf(short, cursor).root.number, 2);
  assert.equal(await cursorAfter(short, pageOf(short, cursor), {}, things(3)), null);
  const open: Pagination = { type: 'page' };
  assert.notEqual(await cursorAfter(open, pageOf(open), {}, things(1)), null, 'a size the vendor may not honour ends nothing');
  assert.equal(await cursorAfter(open, pageOf(open), {}, []), null);
  const pages: Pagination = { type: 'page', start: 0, total_pages: 'pages', ...sized };
  const third = await cursorAfter(pages, pageOf(pages), { pages: 2 }, things(1, 2));
  assert.equal(pageOf(pages, third).root.number, 1);
  assert.equal(await cursorAfter(pages, pageOf(pages, third), { pages: 2 }, things(3, 4)), null);
  const total: Pagination = { type: 'page', total: 'total', ...sized };
  const fourth = await cursorAfter(total, pageOf(total), { total: 3 }, things(1, 2));
  assert.notEqual(fourth, null);
  assert.equal(await cursorAfter(total, pageOf(total, fourth), { total: 3 }, things(3)), null);
});

test('another page size is taken up where a page of it begins, and waits otherwise', async () => {
  const spec: Pagination = { type: 'page', limit: { default: 2, max: 100 } };
  const cursor = await cursorAfter(spec, pageOf(spec, null, 4), {}, things(1, 2, 3, 4));
  assert.deepEqual(pageOf(spec, cursor, 2).root, { limit: 2, number: 3 });
  assert.deepEqual(pageOf(spec, cursor, 3).root, { limit: 4, number: 2 });
  const offset: Pagination = { type: 'offset', limit: { default: 2, max: 100 } };
  const further = await cursorAfter(offset, pageOf(offset, null, 4), {}, things(1, 2, 3, 4));
  assert.deepEqual(pageOf(offset, further, 3).root, { limit: 3, offset: 4 });
});

test('offset: counted, or as the vendor says', async () => {
  const named: Pagination = { type: 'offset', next: 'next_start', more: 'more', ...sized };
  const cursor = await cursorAfter(named, pageOf(named), { more: true, next_start: 20 }, things(1, 2));
  assert.equal(pageOf(named, cursor).root.offset, 20);
  assert.equal(await cursorAfter(named, pageOf(named, cursor), { more: false, next_start: 40 }, things(3)), null);
  const stuck = await after(named, pageOf(named, cursor), { more: true, next_start: 20 }, things(3));
  assert.ok(!stuck.ok && stuck.reason === 'repeated_cursor');
  const empty = await after({ type: 'offset', more: 'more' }, pageOf({ type: 'offset', more: 'more' }), { more: true }, []);
  assert.ok(!empty.ok && empty.reason === 'repeated_page');
});

test('record ranges: from, to and the total of a header', async () => {
  const spec: Pagination = { type: 'record_range', ...sized };
  assert.deepEqual(pageOf(spec).root, { limit: 2, from: 0, to: 1 });
  const cursor = await cursorAfter(spec, pageOf(spec), {}, things(1, 2), { 'content-range': 'items 0-1/3' });
  assert.deepEqual(pageOf(spec, cursor, 5).root, { limit: 5, from: 2, to: 6 });
  assert.equal(await cursorAfter(spec, pageOf(spec, cursor), {}, things(3), { 'content-range': 'items 2-2/3' }), null);
  assert.equal(await cursorAfter(spec, pageOf(spec), {}, things(1), { 'content-range': 'items 0-0/*' }), null);
});

test('link headers and next addresses: resolved, kept on our origins, freed of credentials', async () => {
  const link: Pagination = { type: 'link_header', ...sized };
  const cursor = await cursorAfter(link, pageOf(link), [], things(1, 2), { link: '</v1/things?page=2&key=s3cr3t-key>; rel="next"' });
  assert.equal(pageOf(link, cursor).url, 'https://api.acme.test/v1/things?page=2');
  assert.equal(await cursorAfter(link, pageOf(link, cursor), [], things(3), { link: '<https://api.acme.test/v1/things>; rel="first"' }), null);
  const body: Pagination = { type: 'next_url', next: 'next', more: 'more', ...sized };
  assert.equal(pageOf(body, await cursorAfter(body, pageOf(body), { next: '?after=1', more: true }, things(1))).url, 'https://api.acme.test/v1/things?after=1');
  assert.equal(await cursorAfter(body, pageOf(body), { next: '?after=1', more: false }, things(1)), null);
  for (const foreign of ['https://evil.test/v1', 'http://api.acme.test/v1', '//evil.test/', 'https://api.acme.test:444/', 'https://a:b@api.acme.test/', 'javascript:alert(1)']) {
    const next = await after(body, pageOf(body), { next: foreign, more: true }, things(1));
    assert.ok(!next.ok && next.reason === 'foreign_origin', foreign);
  }
  const forged = startPage(compilePagination(body), { cursor: writeCursor(operation, { count: 1, url: 'https://evil.test/' }) }, { operation, origins });
  assert.ok(!forged.ok);
});

test('relay and expressions', async () => {
  const relay: Pagination = { type: 'relay', page_info: 'data.things.pageInfo', ...sized };
  const cursor = await cursorAfter(relay, pageOf(relay), { data: { things: { pageInfo: { hasNextPage: true, endCursor: 'e1' } } } }, things(1));
  assert.equal(pageOf(relay, cursor).root.cursor, 'e1');
  assert.equal(await cursorAfter(relay, pageOf(relay, cursor), { data: { things: { pageInfo: { hasNextPage: false, endCursor: 'e2' } } } }, things(2)), null);
  const scroll: Pagination = { type: 'expression', next: 'response.body.scroll ? {"scroll": response.body.scroll, "limit": page.limit} : null', ...sized };
  const first = await cursorAfter(scroll, pageOf(scroll), { scroll: 's' }, things(1, 2));
  assert.deepEqual(pageOf(scroll, first).root.state, { scroll: 's', limit: 2 });
  const second = await cursorAfter(scroll, pageOf(scroll, first), { scroll: 's' }, things(3, 4));
  assert.notEqual(second, null, 'a scroll keeps its state while its pages differ');
  assert.equal(await cursorAfter(scroll, pageOf(scroll, second), {}, things(5)), null);
});

test('a repeated cursor, a circle of cursors and a repeated page are faults', async () => {
  const spec: Pagination = { type: 'cursor', next: 'next', ...sized };
  let cursor: string | null = null;
  for (const [index, name] of ['a', 'b', 'c'].entries()) cursor = await cursorAfter(spec, pageOf(spec, cursor), { next: name }, things(index));
  for (const again of ['c', 'a']) {
    const next = await after(spec, pageOf(spec, cursor), { next: again }, things(9));
    assert.ok(!next.ok && next.reason === 'repeated_cursor', again);
  }
  const numbered: Pagination = { type: 'page', ...sized };
  const page = await cursorAfter(numbered, pageOf(numbered), {}, things(1, 2));
  const same = await after(numbered, pageOf(numbered, page), {}, things(1, 2));
  assert.ok(!same.ok && same.reason === 'repeated_page');
});

test('garbage, foreign and tampered cursors are refused with a reason', () => {
  const good = writeCursor(operation, { count: 0, position: 3 });
  assert.ok(readCursor(operation, good).ok);
  const forged = (data: unknown): string => base64url(JSON.stringify(data));
  const mine = JSON.parse(Buffer.from(good, 'base64url').toString()) as Record<string, unknown>;
  const bad = ['', 'x', '====', 'null', 'a'.repeat(20_000), `${good}!`, forged(null), forged([1]), forged({}), forged({ ...mine, v: 2 }), forged({ ...mine, n: -1 }), forged({ ...mine, p: 'x' }), forged({ ...mine, u: 5 }), forged({ ...mine, l: 0 })];
  for (const cursor of bad) {
    const read = readCursor(operation, cursor);
    assert.ok(!read.ok && read.message !== '', cursor.slice(0, 40));
  }
  const foreign = readCursor('acme/resources.others.list', good);
  assert.ok(!foreign.ok && /belongs to another/.test(foreign.message));
});

test('a cursor comes back as it was written, and reading one is total', () => {
  const state = fc.record(
    { count: fc.nat(), cursor: fc.jsonValue(), position: fc.nat(), limit: fc.integer({ min: 1 }), url: fc.webUrl(), seen: fc.string(), page: fc.string() },
    { requiredKeys: ['count'], noNullPrototype: true },
  );
  fc.assert(fc.property(state, fc.string(), (given, name) => {
    const written = writeCursor(name, given as CursorState);
    assert.match(written, /^[\w-]+$/);
    const read = readCursor(name, written);
    assert.ok(read.ok);
    assert.deepEqual(read.state, JSON.parse(JSON.stringify(given)));
  }));
  fc.assert(fc.property(fc.oneof(fc.string(), fc.base64String(), fc.jsonValue().map((value) => base64url(JSON.stringify(value)))), (cursor) => !readCursor(operation, cursor).ok));
});

test('following cursors yields every record once, at any page sizes', async () => {
  const types = ['page', 'offset', 'cursor', 'record_range'] as const;
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...types), fc.integer({ min: 0, max: 40 }), fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 6 }), async (type, total, sizes) => {
      const all = things(...Array.from({ length: total }, (_, index) => index));
      const limit = { default: 5, max: 10 };
      const spec: Pagination = type === 'cursor' ? { type, next: 'next', limit } : { type, limit };
      const seen: unknown[] = [];
      let cursor: string | null = null;
      for (let turn = 0; turn < 60; turn++) {
        const page = pageOf(spec, cursor, sizes[turn % sizes.length]);
        const { limit: size = 0, number = 1, offset, from, cursor: at } = page.root;
        const start = offset ?? from ?? (type === 'cursor' ? Number(at ?? 0) : (number - 1) * size);
        const records = all.slice(start, start + size);
        seen.push(...records);
        cursor = await cursorAfter(spec, page, { next: start + size < total ? start + size : null }, records);
        if (cursor === null) break;
      }
      assert.deepEqual(seen, all);
    }),
    { numRuns: 60 },
  );
});
