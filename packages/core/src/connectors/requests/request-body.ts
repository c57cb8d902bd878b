/** Bodies of the manifest compiled: JSON, forms, multipart, XML, raw text, bytes and GraphQL. */
import type { Body } from '@evenkeel/contract/manifest/request.ts';
import type { Value } from '@evenkeel/contract/manifest/value.ts';
import { fromBase64 } from '../values/bytes.ts';
import { writeMultipart, type Part } from './multipart.ts';
import { pairsOf, writeForm, type PairStyle } from './query-string.ts';
import { callerFailure } from './request-failure.ts';
import { toTextOrAbsent } from '../values/template.ts';
import { compileMap, compileValue, type CompiledValue } from '../values/value.ts';
import { writeXml } from './xml-writing.ts';

export interface WrittenBody {
  readonly contentType: string | undefined;
  readonly body: string | Uint8Array | null;
}
/** Values to evaluate first, and what writes the body out of them, in the same order. */
export interface CompiledBody {
  readonly values: readonly CompiledValue[];
  /** Throws a RequestFailure for values that the format cannot carry. */
  write(values: readonly unknown[]): WrittenBody;
}

const none: WrittenBody = { contentType: undefined, body: null };

export function compileBody(body: Body): CompiledBody {
  switch (body.type) {
    case 'json':
      return one(body.value, (value) => ({ contentType: body.content_type ?? 'application/json', body: JSON.stringify(value) }));
    case 'form':
      return compileForm(body);
    case 'multipart':
      return compileMultipart(body.parts);
    case 'xml':
      return compileXml(body);
    case 'raw':
      return one(body.value, (value) => ({ contentType: body.content_type, body: toTextOrAbsent(value) ?? null }));
    case 'binary':
      return { values: [compileValue(body.value), compileValue(body.content_type)], write: ([value, contentType]) => binary(value, contentType) };
    case 'graphql':
      return compileGraphql(body);
  }
}

function one(value: Value, write: (value: unknown) => WrittenBody): CompiledBody {
  return { values: [compileValue(value)], write: ([written]) => (written === undefined ? none : write(written)) };
}

function compileForm(body: Extract<Body, { type: 'form' }>): CompiledBody {
  const nesting = body.nesting ?? 'flat';
  const style: PairStyle = { nesting, arrays: body.arrays ?? (nesting === 'flat' ? 'repeat' : 'indices') };
  return one(body.value, (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw callerFailure('A form body must be an object of names and values.');
    const pairs = Object.entries(value).flatMap(([name, member]) => pairsOf(name, member, style));
    return { contentType: 'application/x-www-form-urlencoded', body: writeForm(pairs) };
  });
}

function compileMultipart(parts: Extract<Body, { type: 'multipart' }>['parts']): CompiledBody {
  const values = parts.flatMap((part) => [part.value, part.filename ?? null, part.content_type ?? null]).map((value) => compileValue(value));
  return {
    values,
    write(evaluated) {
      const written = parts.flatMap(({ name, encoding }, index): Part[] => {
        const value = evaluated[index * 3];
        if (value === undefined || value === null) return [];
        return [{ name, content: partContent(name, value, encoding ?? 'text'), filename: toTextOrAbsent(evaluated[index * 3 + 1]), contentType: toTextOrAbsent(evaluated[index * 3 + 2]) }];
      });
      return writeMultipart(written);
    },
  };
}

function partContent(name: string, value: unknown, encoding: 'text' | 'base64' | 'json'): string | Uint8Array {
  if (encoding === 'json') return JSON.stringify(value);
  if (encoding === 'base64') return decoded(value, `The part "${name.slice(0, 80)}"`);
  return toTextOrAbsent(value) ?? '';
}

function compileXml(body: Extract<Body, { type: 'xml' }>): CompiledBody {
  const attributes = compileMap(body.attributes);
  return {
    values: [compileValue(body.value), ...attributes.map(([, value]) => value)],
    write([value, ...attributeValues]) {
      if (value === undefined) return none;
      const named = Object.fromEntries(attributes.map(([name], index) => [name, attributeValues[index]]));
      return { contentType: 'application/xml; charset=utf-8', body: writeXml(body.root, named, value) };
    },
  };
}

function compileGraphql(body: Extract<Body, { type: 'graphql' }>): CompiledBody {
  const operation = body.operation_name === undefined ? {} : { operationName: body.operation_name };
  return {
    values: [compileValue(body.variables ?? {})],
    write: ([variables]) => ({ contentType: 'application/json', body: JSON.stringify({ query: body.query, variables: variables ?? {}, ...operation }) }),
  };
}

function binary(value: unknown, contentType: unknown): WrittenBody {
  if (value === undefined || value === null) return none;
  return { contentType: toTextOrAbsent(contentType) ?? 'application/octet-stream', body: decoded(value, 'The body') };
}

function decoded(value: unknown, what: string): Uint8Array {
  const bytes = typeof value === 'string' ? fromBase64(value) : undefined;
  if (bytes === undefined) throw callerFailure(`${what} must be base64 text.`);
  return bytes;
}
