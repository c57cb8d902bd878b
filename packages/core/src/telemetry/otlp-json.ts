/**
 * Spans of an OTLP/HTTP trace export (opentelemetry-proto 1.x, ExportTraceServiceRequest) in its JSON form: only what
 * counting needs. Unknown members are ignored, as the specification asks of receivers.
 */

export type AttributeValue = string | number | boolean;

export interface Span {
  /** SPAN_KIND_CLIENT is 3. */
  readonly kind: number;
  /** Nanoseconds since the epoch would not fit a double: milliseconds, with fractions. */
  readonly startMs: number;
  readonly endMs: number;
  /** STATUS_CODE_ERROR is 2. */
  readonly statusCode: number;
  /** Those of the resource, overridden by the span's own. */
  readonly attributes: ReadonlyMap<string, AttributeValue>;
}

type Json = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
const listOf = (value: unknown): Json[] => (Array.isArray(value) ? value.filter(isObject) : []);

/** Null when it is no trace export at all. */
export function readJsonSpans(body: unknown): Span[] | null {
  if (!isObject(body) || (body['resourceSpans'] !== undefined && !Array.isArray(body['resourceSpans']))) return null;
  return listOf(body['resourceSpans']).flatMap((resourceSpans) => {
    const common = isObject(resourceSpans['resource']) ? attributesOf(resourceSpans['resource']['attributes']) : [];
    return listOf(resourceSpans['scopeSpans']).flatMap((scope) => listOf(scope['spans']).map((span) => spanOf(span, common)));
  });
}

function spanOf(span: Json, common: readonly [string, AttributeValue][]): Span {
  const { kind, startTimeUnixNano, endTimeUnixNano, status, attributes } = span;
  return {
    kind: kind === 'SPAN_KIND_CLIENT' ? 3 : Number(kind ?? 0),
    startMs: millisecondsOf(startTimeUnixNano),
    endMs: millisecondsOf(endTimeUnixNano),
    statusCode: isObject(status) ? (status['code'] === 'STATUS_CODE_ERROR' ? 2 : Number(status['code'] ?? 0)) : 0,
    attributes: new Map([...common, ...attributesOf(attributes)]),
  };
}

/** A 64-bit number comes as a string. NaN for what is none. */
function millisecondsOf(nanoseconds: unknown): number {
  const text = typeof nanoseconds === 'string' ? nanoseconds : typeof nanoseconds === 'number' ? String(Math.round(nanoseconds)) : '';
  return /^\d{1,20}$/.test(text) ? Number(BigInt(text) / 1000n) / 1000 : Number.NaN;
}

function attributesOf(list: unknown): [string, AttributeValue][] {
  return listOf(list).flatMap(({ key, value }): [string, AttributeValue][] => {
    if (typeof key !== 'string' || !isObject(value)) return [];
    const { stringValue, intValue, doubleValue, boolValue } = value;
    if (typeof stringValue === 'string') return [[key, stringValue]];
    if (typeof intValue === 'string' || typeof intValue === 'number') return [[key, Number(intValue)]];
    if (typeof doubleValue === 'number') return [[key, doubleValue]];
    return typeof boolValue === 'boolean' ? [[key, boolValue]] : [];
  });
}
