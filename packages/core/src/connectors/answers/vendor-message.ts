/** The vendor's own words and its request id, wherever it keeps them. */
import type { Manifest } from '@evenkeel/contract/manifest/manifest.ts';
import { compileReader, readLeniently, type AnswerReader } from './answer-source.ts';
import { compilePath } from '../values/path.ts';
import { cleanMessage } from './redaction.ts';
import type { UpstreamAnswer } from './upstream-answer.ts';

/** One line for people, empty when the vendor said nothing readable. */
export type MessageReader = (answer: UpstreamAnswer, secrets: readonly string[]) => Promise<string>;

/** Where messages stand by RFC 9457, RFC 6749, GraphQL, JSON:API and plain habit; tried after the manifest's own paths. */
const usual: readonly AnswerReader[] = [
  'message',
  'error.message',
  'error_description',
  'errors[0].message',
  'errors[0].detail',
  'detail',
  'error_message',
  'errors[0]',
  'error.description',
  'error',
  '[0].message',
  'title',
  'reason',
].map((path) => compileReader(path));

export function compileMessage(paths: Manifest['error_message']): MessageReader {
  const readers = [...(paths ?? []).map((path) => compileReader(path)), ...usual];
  return async (answer, secrets) => {
    for (const reader of readers) {
      const found = textIn(await readLeniently(reader, answer));
      const message = found === undefined ? '' : cleanMessage(found, secrets);
      if (message !== '') return message;
    }
    return typeof answer.body === 'string' ? cleanMessage(ofPlainText(answer.body), secrets) : '';
  };
}

function textIn(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  if (!Array.isArray(value)) return undefined;
  const texts = value.slice(0, 5).filter((member) => typeof member === 'string');
  return texts.length === 0 ? undefined : texts.join('; ');
}

/** Of a page of markup only the title is worth showing. */
function ofPlainText(text: string): string {
  if (!/^\s*</.test(text)) return text;
  return /<title[^>]*>([^<]{1,500})<\/title>/i.exec(text.slice(0, 20_000))?.[1] ?? '';
}

/** Header names in common use, tried after the manifest's. */
const usualHeaders = ['x-request-id', 'request-id', 'x-correlation-id', 'x-amzn-requestid', 'x-trace-id', 'cf-ray'];
const bodyId = compilePath('request_id');

export function compileRequestId(source: Manifest['request_id']): (answer: UpstreamAnswer) => Promise<string | undefined> {
  const headers = [...(source?.header === undefined ? [] : [source.header.toLowerCase()]), ...usualHeaders];
  const body = source?.body === undefined ? undefined : compileReader(source.body);
  return async (answer) => {
    const stated = body === undefined ? undefined : identifierOf(await readLeniently(body, answer));
    if (stated !== undefined) return stated;
    for (const name of headers) {
      const found = Object.hasOwn(answer.headers, name) ? identifierOf(answer.headers[name]) : undefined;
      if (found !== undefined) return found;
    }
    return identifierOf(bodyId(answer.body));
  };
}

function identifierOf(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'string') return undefined;
  const clean = value.replaceAll(/[^\x21-\x7e]/g, '').slice(0, 200);
  return clean === '' ? undefined : clean;
}
