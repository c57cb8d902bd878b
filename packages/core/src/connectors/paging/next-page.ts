/**
 * What follows a page: the next cursor, the end, or a fault. A vendor that repeats a page or a cursor, promises more
 * without saying where, or sends the reader to a foreign origin is a fault, never a silent end and never a loop.
 */
import type { Pagination } from '@evenkeel/contract/manifest/response.ts';
import { readLeniently, toNumber, type AnswerReader } from '../answers/answer-source.ts';
import { fingerprint, writeCursor, type CursorState } from './cursor.ts';
import { linkTo } from './link-header.ts';
import { isOwnAddress, type CompiledPagination, type Page } from './pagination.ts';
import { compilePath } from '../values/path.ts';
import type { UpstreamAnswer } from '../answers/upstream-answer.ts';

export interface PageContext {
  readonly operation: string;
  /** Origins that may receive credentials. */
  readonly origins: readonly string[];
  /** The address this page was read from; relative addresses are resolved against it. */
  readonly requestUrl: string;
  /** Query parameters with one of these values are not carried in a cursor: they are credentials, added on every call. */
  readonly secrets: readonly string[];
  /** The scope's `input`, for expressions. */
  readonly input?: unknown;
}
export type PageFaultReason = 'repeated_cursor' | 'repeated_page' | 'foreign_origin' | 'missing_cursor';
export type NextPage =
  | { readonly ok: true; readonly cursor: string | null }
  | { readonly ok: false; readonly reason: PageFaultReason; readonly message: string };

type Step = Partial<CursorState> | null | { readonly fault: PageFaultReason; readonly message: string };

/** `records` are those of this page as the vendor gave them. Never throws on what a vendor sends. */
export async function nextPage(pagination: CompiledPagination, page: Page, answer: UpstreamAnswer, records: readonly unknown[], context: PageContext): Promise<NextPage> {
  if (pagination.spec.type === 'none') return { ok: true, cursor: null };
  const own = page.state.page === undefined ? undefined : pageFingerprint(records);
  if (own !== undefined && own === page.state.page) return fault('repeated_page', 'The vendor answered with the same page again.');
  const step = await decide(pagination, pagination.spec, page, answer, records, context);
  if (step === null) return { ok: true, cursor: null };
  if ('fault' in step) return fault(step.fault, step.message);
  const carried = carry(pagination.spec, page.state, step);
  if (carried === undefined) return fault('repeated_cursor', 'The vendor gave the same cursor again, which would never end.');
  const print = own ?? pageFingerprint(records);
  const state: CursorState = { ...step, ...carried, count: page.state.count + records.length, ...(print === undefined ? {} : { page: print }) };
  return { ok: true, cursor: writeCursor(context.operation, state) };
}

async function decide(pagination: CompiledPagination, spec: Pagination, page: Page, answer: UpstreamAnswer, records: readonly unknown[], context: PageContext): Promise<Step> {
  switch (spec.type) {
    case 'none':
      return null;
    case 'cursor':
      return afterCursor(pagination, answer, records);
    case 'relay':
      return afterRelay(await read(pagination.next, answer));
    case 'page':
      return afterNumber(pagination, spec, page, answer, records);
    case 'offset':
      return afterOffset(pagination, spec, page, answer, records);
    case 'record_range':
      return afterRange(pagination, spec, page, answer, records);
    case 'link_header':
      return toAddress(linkTo(spec.rel ?? 'next', answer.headers['link']), context);
    case 'next_url':
      return pagination.more !== undefined && !isTrue(await read(pagination.more, answer)) ? null : toAddress(await read(pagination.next, answer), context);
    case 'expression': {
      const state = await read(pagination.next, answer, { page: page.root, input: context.input });
      return isAbsent(state) ? null : { cursor: state };
    }
  }
}

async function afterCursor(pagination: CompiledPagination, answer: UpstreamAnswer, records: readonly unknown[]): Promise<Step> {
  const more = pagination.more === undefined ? undefined : isTrue(await read(pagination.more, answer));
  if (more === false) return null;
  const next = pagination.lastRecord === undefined ? await read(pagination.next, answer) : pagination.lastRecord(records.at(-1));
  if (!isAbsent(next)) return { cursor: next };
  return more === true ? { fault: 'missing_cursor', message: 'The vendor announces more records and gives no cursor to them.' } : null;
}

const hasNextPage = compilePath('hasNextPage');
const endCursor = compilePath('endCursor');

function afterRelay(pageInfo: unknown): Step {
  if (!isTrue(hasNextPage(pageInfo))) return null;
  const cursor = endCursor(pageInfo);
  return isAbsent(cursor) ? { fault: 'missing_cursor', message: 'The vendor announces more records and gives no cursor to them.' } : { cursor };
}

async function afterNumber(pagination: CompiledPagination, spec: Extract<Pagination, { type: 'page' }>, page: Page, answer: UpstreamAnswer, records: readonly unknown[]): Promise<Step> {
  const start = spec.start ?? 1;
  const number = page.root.number ?? start;
  const pages = toNumber(await read(pagination.totalPages, answer));
  const goesOn = pages === undefined ? await announcesMore(pagination, spec, page, answer, records) : number - start + 1 < pages;
  return goesOn ? { position: number + 1, ...(page.root.limit === undefined ? {} : { limit: page.root.limit }) } : null;
}

async function afterOffset(pagination: CompiledPagination, spec: Extract<Pagination, { type: 'offset' }>, page: Page, answer: UpstreamAnswer, records: readonly unknown[]): Promise<Step> {
  const offset = page.root.offset ?? 0;
  if (pagination.next === undefined) {
    if (!(await announcesMore(pagination, spec, page, answer, records))) return null;
    return records.length === 0 ? { fault: 'repeated_page', message: 'The vendor announces more records and gave none, so the offset does not advance.' } : { position: offset + records.length };
  }
  if (pagination.more !== undefined && !isTrue(await read(pagination.more, answer))) return null;
  const next = toNumber(await read(pagination.next, answer));
  if (next === undefined) return null;
  return next > offset ? { position: next } : { fault: 'repeated_cursor', message: 'The vendor gave an offset that does not advance, which would never end.' };
}

async function afterRange(pagination: CompiledPagination, spec: Extract<Pagination, { type: 'record_range' }>, page: Page, answer: UpstreamAnswer, records: readonly unknown[]): Promise<Step> {
  const next = (page.root.from ?? 0) + records.length;
  const total = await pagination.totalCount?.(answer);
  const goesOn = records.length > 0 && (total === undefined ? !isShort(spec, page, records) : next < total);
  return goesOn ? { position: next } : null;
}

/** The vendor's own word first, then its total, then whether the page was full. */
async function announcesMore(pagination: CompiledPagination, spec: Extract<Pagination, { type: 'page' | 'offset' }>, page: Page, answer: UpstreamAnswer, records: readonly unknown[]): Promise<boolean> {
  if (pagination.more !== undefined) return isTrue(await read(pagination.more, answer));
  if (records.length === 0) return false;
  const total = toNumber(await read(pagination.total, answer));
  return total === undefined ? !isShort(spec, page, records) : page.state.count + records.length < total;
}

/** A page is short only against a size the manifest knows the vendor to honour; otherwise an empty page ends the list. */
function isShort(spec: Extract<Pagination, { type: 'page' | 'offset' | 'record_range' }>, page: Page, records: readonly unknown[]): boolean {
  return spec.limit !== undefined && page.root.limit !== undefined && records.length < page.root.limit;
}

function toAddress(next: unknown, context: PageContext): Step {
  if (isAbsent(next)) return null;
  const url = typeof next === 'string' ? URL.parse(next, context.requestUrl) : null;
  if (url === null) return { fault: 'missing_cursor', message: 'The vendor gave an address of the next page that is none.' };
  if (!isOwnAddress(url.href, context.origins)) {
    return { fault: 'foreign_origin', message: `The vendor's next page lies at ${url.origin.slice(0, 200)}, which is not an origin of this connector; the account's credentials are not sent there.` };
  }
  for (const name of new Set(url.searchParams.keys())) if (url.searchParams.getAll(name).some((value) => context.secrets.includes(value))) url.searchParams.delete(name);
  url.hash = '';
  return { url: url.href };
}

const rememberedPrints = 16;

/** The fingerprints to carry on, or undefined when this cursor was given before. Expressions may keep one state for a scroll. */
function carry(spec: Pagination, before: CursorState, step: Partial<CursorState>): { seen?: string } | undefined {
  if (spec.type === 'expression' || step.position !== undefined) return {};
  const print = fingerprint(step.url ?? JSON.stringify(step.cursor));
  const seen = before.seen ?? '';
  for (let at = 0; at < seen.length; at += print.length) if (seen.startsWith(print, at)) return undefined;
  return { seen: (seen + print).slice(-rememberedPrints * print.length) };
}

/** Tells pages of records apart by their first and last; pages of bare values are never called equal. */
function pageFingerprint(records: readonly unknown[]): string | undefined {
  const first = records[0];
  if (typeof first !== 'object' || first === null) return undefined;
  return fingerprint(`${records.length}:${JSON.stringify(first)}${JSON.stringify(records.at(-1))}`);
}

async function read(reader: AnswerReader | undefined, answer: UpstreamAnswer, further?: object): Promise<unknown> {
  return reader === undefined ? undefined : readLeniently(reader, answer, further);
}

const isAbsent = (value: unknown): boolean => value === undefined || value === null || value === '' || value === false;
const isTrue = (value: unknown): boolean => value === true || value === 1 || value === 'true';

function fault(reason: PageFaultReason, message: string): NextPage {
  return { ok: false, reason, message };
}
