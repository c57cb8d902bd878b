/**
 * Reading an answer: bytes → body by its format, then the records or the record a caller wants. An error answer with an
 * unreadable body stays an answer (its status still speaks); a success that cannot be read is a fault of the vendor.
 */
import type { ErrorCode, Origin } from '@evenkeel/contract/errors.ts';
import type { Response } from '@evenkeel/contract/manifest/response.ts';
import { compileReader, type AnswerReader } from './answer-source.ts';
import { whenThere, type Eventually } from '../values/eventually.ts';
import { parseBody, type BodyFailure, type BodyFormat, type BodyKind } from './body.ts';
import { ExpressionFailure } from '../expressions/expression.ts';
import type { UpstreamAnswer } from './upstream-answer.ts';
import { compileReader as compilePathOrExpression, type CompiledReader } from '../values/value.ts';

export interface CompiledResponse {
  readonly format: BodyFormat;
  readonly records: AnswerReader;
  readonly record: AnswerReader;
  /** A plain path must be there; an expression may yield nothing for an empty list. */
  readonly lenient: boolean;
  /** Whether the record is the whole body, untouched, so that its bytes can be handed on. */
  readonly whole: boolean;
  /** Whether an answer without a body may still tell the record by its headers, as a `Location` does. */
  readonly fromHead: boolean;
  readonly transform: CompiledReader | undefined;
  readonly written: { readonly records: string; readonly record: string };
}

/** Throws a TypeError for a path that the linter refuses. */
export function compileResponse(response: Response | undefined): CompiledResponse {
  const records = response?.records ?? '';
  const record = response?.record ?? '';
  return {
    format: response?.format ?? 'auto',
    records: compileReader(records),
    record: compileReader(record),
    lenient: typeof records !== 'string',
    whole: record === '' && response?.transform === undefined,
    fromHead: typeof record !== 'string',
    transform: response?.transform === undefined ? undefined : compilePathOrExpression({ $expr: response.transform }),
    written: { records: show(records), record: show(record) },
  };
}

export type AnswerReading =
  | { readonly ok: true; readonly answer: UpstreamAnswer; readonly kind: BodyKind; readonly exact: boolean }
  | { readonly ok: false; readonly failure: BodyFailure; readonly detail: string; readonly answer: UpstreamAnswer };

/** Parses the bytes of an answer. `headers` have lower-case names. Never throws. */
export function readAnswer(format: BodyFormat, reply: { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly bytes: Uint8Array }): AnswerReading {
  const { status, headers, bytes } = reply;
  if (status === 204 || status === 304 || bytes.length === 0) return { ok: true, answer: { status, headers, body: undefined }, kind: 'empty', exact: true };
  const failed = status >= 400;
  // The error of a vendor that serves XML or files is as likely JSON: only the content type tells.
  const parsed = parseBody(failed ? 'auto' : format, headers['content-type'], bytes);
  if (parsed.ok) return { ok: true, answer: { status, headers, body: parsed.body }, kind: parsed.kind, exact: parsed.exact };
  const answer = { status, headers, body: parsed.text };
  return failed ? { ok: true, answer, kind: 'text', exact: true } : { ok: false, failure: parsed.reason, detail: parsed.detail, answer };
}

/** What could not be read out of an answer that was judged a success. */
export interface RecordFailure {
  readonly ok: false;
  readonly code: ErrorCode;
  readonly origin: Origin;
  readonly reason: string;
  readonly message: string;
}
export type RecordsReading = { readonly ok: true; readonly records: readonly unknown[]; readonly source: readonly unknown[] } | RecordFailure;
export type RecordReading = { readonly ok: true; readonly record: unknown } | RecordFailure;

/**
 * The records of a list: `source` as the vendor gave them (paging looks at those), `records` after the transform.
 * Null is an empty list. In XML one element is a list of one and none is an empty list.
 */
export function readRecords(response: CompiledResponse, answer: UpstreamAnswer, kind: BodyKind): Eventually<RecordsReading> {
  return whenThere(attempt(response.records, answer), (found) => listIn(response, found, kind));
}

function listIn(response: CompiledResponse, found: Found, kind: BodyKind): Eventually<RecordsReading> {
  if (!found.ok) return found;
  const source = listOf(found.value, response.lenient || kind === 'xml');
  if (source === undefined) {
    const at = response.written.records === '' ? 'The body is not a list' : `There is no list at ${response.written.records}`;
    return unreadable('records:absent', `${at} of the vendor's answer.`);
  }
  return response.transform === undefined ? { ok: true, records: source, source } : transformAll(response.transform, source);
}

function listOf(value: unknown, lenient: boolean): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value as unknown[];
  if (value === null) return [];
  if (!lenient) return undefined;
  return value === undefined || value === '' ? [] : [value];
}

async function transformAll(transform: CompiledReader, source: readonly unknown[]): Promise<RecordsReading> {
  const records: unknown[] = [];
  for (const [index, record] of source.entries()) {
    const made = await transformOne(transform, record, `[${index}]`);
    if (!made.ok) return made;
    records.push(made.record);
  }
  return { ok: true, records, source };
}

/** The record of a get, create, update or action. Null where a record was asked for by id means there is none. */
export function readRecord(response: CompiledResponse, answer: UpstreamAnswer, asked: { readonly byId: boolean }): Eventually<RecordReading> {
  return whenThere(attempt(response.record, answer), (found) => recordIn(response, found, asked.byId));
}

function recordIn(response: CompiledResponse, found: Found, byId: boolean): Eventually<RecordReading> {
  if (!found.ok) return found;
  const { value } = found;
  if (value === null && byId) return { ok: false, code: 'not_found', origin: 'caller', reason: 'record:null', message: 'The vendor has no such record.' };
  if (value === undefined && response.written.record !== '') return unreadable('record:absent', `There is nothing at ${response.written.record} of the vendor's answer.`);
  if (response.transform === undefined || value === undefined || value === null) return { ok: true, record: value };
  return transformOne(response.transform, value, '');
}

type Found = { readonly ok: true; readonly value: unknown } | RecordFailure;

/** A plain path never throws: it reads own properties only. */
function attempt(reader: AnswerReader, answer: UpstreamAnswer): Eventually<Found> {
  const value = reader(answer);
  if (!(value instanceof Promise)) return { ok: true, value };
  return value.then(
    (settled: unknown) => ({ ok: true, value: settled }),
    (thrown: unknown) => mappingFailure(thrown, 'The path to the records'),
  );
}

async function transformOne(transform: CompiledReader, record: unknown, at: string): Promise<RecordReading> {
  try {
    return { ok: true, record: await transform(record) };
  } catch (thrown) {
    return mappingFailure(thrown, `The transform of record${at}`);
  }
}

function mappingFailure(thrown: unknown, what: string): RecordFailure {
  if (!(thrown instanceof ExpressionFailure)) throw thrown;
  return { ok: false, code: 'mapping_failed', origin: 'platform', reason: 'mapping:expression', message: `${what} failed: ${thrown.reason}.` };
}

function unreadable(reason: string, message: string): RecordFailure {
  return { ok: false, code: 'upstream_invalid_response', origin: 'upstream', reason, message };
}

function show(path: string | { $expr: string }): string {
  return typeof path === 'string' ? (path === '' ? '' : `"${path}"`) : 'the expression';
}
