/**
 * Paging as callers see it (`limit`, one opaque `cursor`) translated to what each vendor wants: which page a call asks
 * for, and the roots `page.*` that the request is built from. What follows a page is decided in next-page.ts.
 */
import type { Pagination } from '@evenkeel/contract/manifest/response.ts';
import { compileNumber, compileReader, compileAnswerExpression, type AnswerReader, type NumberReader } from '../answers/answer-source.ts';
import { readCursor, type CursorState } from './cursor.ts';
import { compilePath, type PathReader } from '../values/path.ts';

export interface CompiledPagination {
  readonly spec: Pagination;
  readonly next?: AnswerReader;
  readonly more?: AnswerReader;
  readonly totalPages?: AnswerReader;
  readonly total?: AnswerReader;
  readonly totalCount?: NumberReader;
  readonly lastRecord?: PathReader;
}

/** One page of a list: `root` is the scope's `page`; `url`, when there is one, is the whole address to ask. */
export interface Page {
  readonly root: PageRoot;
  readonly url?: string;
  readonly state: CursorState;
}
export interface PageRoot {
  readonly limit?: number;
  readonly cursor?: unknown;
  readonly number?: number;
  readonly offset?: number;
  readonly from?: number;
  readonly to?: number;
  readonly state?: unknown;
}
export type StartedPage = { readonly ok: true; readonly page: Page } | { readonly ok: false; readonly message: string };

/** Page size of record ranges whose manifest names none: a range cannot be open. */
const defaultRange = 100;

/** Throws a TypeError for a path or pattern that the linter refuses. */
export function compilePagination(spec: Pagination | undefined): CompiledPagination {
  const chosen: Pagination = spec ?? { type: 'none' };
  const read = <K extends string, P extends Parameters<typeof compileReader>[0]>(key: K, path: P | undefined) =>
    (path === undefined ? {} : { [key]: compileReader(path) }) as { [key in K]?: AnswerReader };
  switch (chosen.type) {
    case 'none':
    case 'link_header':
      return { spec: chosen };
    case 'cursor':
      return { spec: chosen, ...read('next', chosen.next), ...read('more', chosen.more), ...(chosen.next_from_last === undefined ? {} : { lastRecord: compilePath(chosen.next_from_last) }) };
    case 'page':
      return { spec: chosen, ...read('more', chosen.more), ...read('total', chosen.total), ...read('totalPages', chosen.total_pages) };
    case 'offset':
      return { spec: chosen, ...read('more', chosen.more), ...read('total', chosen.total), ...read('next', chosen.next) };
    case 'next_url':
      return { spec: chosen, ...read('next', chosen.next), ...read('more', chosen.more) };
    case 'record_range':
      return { spec: chosen, totalCount: compileNumber({ header: chosen.total_header ?? 'content-range', pattern: chosen.total_pattern ?? '/(\\d+)\\s*$' }) };
    case 'relay':
      return { spec: chosen, ...read('next', chosen.page_info) };
    case 'expression':
      return { spec: chosen, next: compileAnswerExpression(chosen.next) };
  }
}

/**
 * The page a call asks for. `operation` names connector, resource and method: a cursor of another is refused.
 * `origins` are those that may receive credentials; a cursor whose address left them is refused as changed.
 */
export function startPage(
  pagination: CompiledPagination,
  asked: { readonly limit?: number | undefined; readonly cursor?: string | undefined },
  context: { readonly operation: string; readonly origins: readonly string[] },
): StartedPage {
  const { spec } = pagination;
  if (spec.type === 'none') {
    if (asked.cursor !== undefined) return refused('This list has one page only; call it without a cursor.');
    return { ok: true, page: { root: asked.limit === undefined ? {} : { limit: asked.limit }, state: { count: 0 } } };
  }
  const limit = spec.limit === undefined ? asked.limit : Math.min(asked.limit ?? spec.limit.default, spec.limit.max);
  if (asked.cursor === undefined) return { ok: true, page: pageAt(spec, { count: 0 }, limit) };
  const read = readCursor(context.operation, asked.cursor);
  if (!read.ok) return refused(read.message);
  if (read.state.url !== undefined && !isOwnAddress(read.state.url, context.origins)) return refused('The cursor was changed on its way. Pass next_cursor of the page before unchanged, or none to begin.');
  return { ok: true, page: pageAt(spec, read.state, limit) };
}

function pageAt(spec: Exclude<Pagination, { type: 'none' }>, state: CursorState, limit: number | undefined): Page {
  const sized = limit === undefined ? {} : { limit };
  switch (spec.type) {
    case 'cursor':
    case 'relay':
      return { root: { ...sized, ...(state.cursor === undefined ? {} : { cursor: state.cursor }) }, state };
    case 'expression':
      return { root: { ...sized, ...(state.cursor === undefined ? {} : { state: state.cursor }) }, state };
    case 'link_header':
    case 'next_url':
      return { root: sized, state, ...(state.url === undefined ? {} : { url: state.url }) };
    case 'page': {
      const size = pageSize(spec.start ?? 1, state, limit);
      return { root: { ...(size.limit === undefined ? {} : { limit: size.limit }), number: size.number }, state };
    }
    case 'offset':
      return { root: { ...sized, offset: state.position ?? spec.start ?? 0 }, state };
    case 'record_range': {
      const from = state.position ?? 0;
      const span = limit ?? defaultRange;
      return { root: { limit: span, from, to: from + span - 1 }, state };
    }
  }
}

/** Pages are counted in the size they began with; another size is taken up only where a page of it begins. */
function pageSize(start: number, state: CursorState, limit: number | undefined): { number: number; limit: number | undefined } {
  const number = state.position ?? start;
  if (state.limit === undefined || limit === undefined || limit === state.limit) return { number, limit: state.limit ?? limit };
  const before = (number - start) * state.limit;
  return before % limit === 0 ? { number: start + before / limit, limit } : { number, limit: state.limit };
}

/** Whether an address may be asked with the account's credentials. */
export function isOwnAddress(address: string, origins: readonly string[]): boolean {
  const url = URL.parse(address);
  return url !== null && url.username === '' && url.password === '' && origins.includes(url.origin);
}

function refused(message: string): StartedPage {
  return { ok: false, message };
}
