/**
 * The same spans from the binary form (Protocol Buffers, opentelemetry-proto trace/v1): a reader of the few fields that
 * counting needs, which passes over all others. Field numbers are those of the .proto files.
 */
import type { AttributeValue, Span } from './otlp-json.ts';

type Field =
  | { readonly number: number; readonly type: 'varint' | 'fixed64'; readonly value: bigint }
  | { readonly number: number; readonly type: 'bytes'; readonly value: Uint8Array }
  | { readonly number: number; readonly type: 'fixed32' };

/** Null when the bytes are no message. */
export function readProtobufSpans(bytes: Uint8Array): Span[] | null {
  try {
    return messages(bytes, 1).flatMap((resourceSpans) => {
      const common = messages(resourceSpans, 1).flatMap((resource) => attributesOf(resource, 1));
      return messages(resourceSpans, 2).flatMap((scope) => messages(scope, 2).map((span) => spanOf(span, common)));
    });
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function spanOf(bytes: Uint8Array, common: readonly [string, AttributeValue][]): Span {
  let [kind, startMs, endMs, statusCode] = [0, Number.NaN, Number.NaN, 0];
  for (const field of fieldsOf(bytes)) {
    if (field.type === 'varint' && field.number === 6) kind = Number(field.value);
    else if (field.type === 'fixed64' && field.number === 7) startMs = Number(field.value / 1000n) / 1000;
    else if (field.type === 'fixed64' && field.number === 8) endMs = Number(field.value / 1000n) / 1000;
    else if (field.type === 'bytes' && field.number === 15) for (const status of fieldsOf(field.value)) if (status.type === 'varint' && status.number === 3) statusCode = Number(status.value);
  }
  return { kind, startMs, endMs, statusCode, attributes: new Map([...common, ...attributesOf(bytes, 9)]) };
}

function attributesOf(message: Uint8Array, number: number): [string, AttributeValue][] {
  return messages(message, number).flatMap((pair): [string, AttributeValue][] => {
    const [key] = messages(pair, 1);
    const [any] = messages(pair, 2);
    if (key === undefined || any === undefined) return [];
    for (const field of fieldsOf(any)) {
      const value = valueOf(field);
      if (value !== undefined) return [[text(key), value]];
    }
    return [];
  });
}

/** Of AnyValue: string 1, bool 2, int 3, double 4. */
function valueOf(field: Field): AttributeValue | undefined {
  if (field.type === 'bytes' && field.number === 1) return text(field.value);
  if (field.type === 'varint' && field.number === 2) return field.value !== 0n;
  if (field.type === 'varint' && field.number === 3) return Number(BigInt.asIntN(64, field.value));
  if (field.type === 'fixed64' && field.number === 4) return new Float64Array(new BigUint64Array([field.value]).buffer)[0];
  return undefined;
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

function messages(bytes: Uint8Array, number: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (const field of fieldsOf(bytes)) if (field.type === 'bytes' && field.number === number) found.push(field.value);
  return found;
}

/** Throws RangeError on bytes that are no message. */
function* fieldsOf(bytes: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at];
      if (byte === undefined) break;
      at += 1;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
    throw new RangeError('a number does not end');
  };
  const take = (length: number): Uint8Array => {
    if (at + length > bytes.length) throw new RangeError('a field is longer than its message');
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const number = tag >>> 3;
    if (number === 0) throw new RangeError('a field has no number');
    switch (tag & 7) {
      case 0:
        yield { number, type: 'varint', value: varint() };
        break;
      case 1:
        yield { number, type: 'fixed64', value: take(8).reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n) };
        break;
      case 2:
        yield { number, type: 'bytes', value: take(Number(varint())) };
        break;
      case 5:
        take(4);
        yield { number, type: 'fixed32' };
        break;
      default:
        throw new RangeError('a field is of no known type');
    }
  }
}
