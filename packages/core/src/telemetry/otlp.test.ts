/** Spans from outside: both forms read the same, and each status has its origin. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { externalCall } from './external-call.ts';
import { readJsonSpans, type AttributeValue, type Span } from './otlp-json.ts';
import { readProtobufSpans } from './otlp-protobuf.ts';

const span = (attributes: Record<string, AttributeValue>, more: Partial<Span> = {}): Span => ({ kind: 3, startMs: 1_000, endMs: 1_250, statusCode: 0, attributes: new Map(Object.entries({ 'http.request.method': 'GET', 'server.address': 'api.example.com', 'url.template': '/contacts/{id}', ...attributes })), ...more });
const outcome = (one: Span): string => {
  const { outcome: what, origin, code } = externalCall(one)?.fact ?? {};
  return `${what} ${origin} ${code}`;
};

test('JSON is read, with attributes of the resource under those of the span', () => {
  const body = {
    resourceSpans: [
      {
        resource: { attributes: [{ key: 'evenkeel.connector', value: { stringValue: 'crm-x' } }, { key: 'peer.service', value: { stringValue: 'a' } }] },
        scopeSpans: [
          {
            spans: [
              {
                kind: 3,
                startTimeUnixNano: '1790000000000000000',
                endTimeUnixNano: '1790000000250000000',
                status: { code: 2 },
                attributes: [{ key: 'http.response.status_code', value: { intValue: '503' } }, { key: 'peer.service', value: { stringValue: 'b' } }, { key: 'ok', value: { boolValue: true } }, { key: 'list', value: { arrayValue: {} } }],
              },
            ],
          },
        ],
      },
    ],
  };
  const [read] = readJsonSpans(body) ?? [];
  assert.deepEqual([read?.kind, read?.startMs, read?.endMs, read?.statusCode], [3, 1_790_000_000_000, 1_790_000_000_250, 2]);
  assert.deepEqual(Object.fromEntries(read?.attributes ?? []), { 'evenkeel.connector': 'crm-x', 'peer.service': 'b', 'http.response.status_code': 503, ok: true });
  for (const odd of [null, 1, [], 'x', { resourceSpans: 1 }]) assert.equal(readJsonSpans(odd), null);
  assert.deepEqual(readJsonSpans({}), []);
});

test('protobuf is read the same', () => {
  const text = (value: string): number[] => [...new TextEncoder().encode(value)];
  const field = (number: number, bytes: number[]): number[] => [number * 8 + 2, bytes.length, ...bytes];
  const fixed64 = (number: number, value: bigint): number[] => [number * 8 + 1, ...new Uint8Array(new BigUint64Array([value]).buffer)];
  const attribute = (key: string, any: number[]): number[] => [...field(1, text(key)), ...field(2, any)];
  const one = [
    ...field(1, [1, 2]),
    ...[6 * 8, 3],
    ...fixed64(7, 1_790_000_000_000_000_000n),
    ...fixed64(8, 1_790_000_000_250_000_000n),
    ...field(9, attribute('http.response.status_code', [3 * 8, 0xf7, 0x03])),
    ...field(9, attribute('ok', [2 * 8, 1])),
    ...field(9, attribute('part', [4 * 8 + 1, ...new Uint8Array(new Float64Array([0.5]).buffer)])),
    ...field(15, [...field(2, text('boom')), 3 * 8, 2]),
  ];
  const long = (number: number, content: number[]): number[] => [number * 8 + 2, (content.length % 128) + 128, Math.floor(content.length / 128), ...content];
  const whole = new Uint8Array(long(1, [...field(1, field(1, attribute('evenkeel.connector', field(1, text('crm-x'))))), ...long(2, long(2, one))]));
  const [read] = readProtobufSpans(whole) ?? [];
  assert.deepEqual([read?.kind, read?.startMs, read?.endMs, read?.statusCode], [3, 1_790_000_000_000, 1_790_000_000_250, 2]);
  assert.deepEqual(Object.fromEntries(read?.attributes ?? []), { 'evenkeel.connector': 'crm-x', 'http.response.status_code': 503, ok: true, part: 0.5 });
  assert.equal(readProtobufSpans(whole.subarray(0, whole.length - 3)), null);
});

test('no bytes make the readers throw', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void readProtobufSpans(bytes)));
  fc.assert(fc.property(fc.jsonValue(), (value) => void readJsonSpans(value)));
});

test('who has to act follows from the status', () => {
  const status = (code: number): string => outcome(span({ 'http.response.status_code': code }));
  assert.equal(status(204), 'success null null');
  assert.equal(status(302), 'success null null');
  assert.equal(status(503), 'failure upstream upstream_unavailable');
  assert.equal(status(429), 'failure upstream rate_limited');
  assert.equal(status(401), 'failure account reauth_required');
  assert.equal(status(403), 'failure account forbidden');
  assert.equal(status(422), 'failure caller invalid_request');
  assert.equal(outcome(span({ 'error.type': 'ConnectTimeoutError' }, { statusCode: 2 })), 'failure upstream upstream_timeout');
  assert.equal(outcome(span({ 'error.type': 'AbortError' }, { statusCode: 2 })), 'aborted null null');
  assert.equal(outcome(span({ 'http.status_code': 500 })), 'failure upstream upstream_unavailable', 'the former name of the attribute');
});

test('only calls over HTTP are counted, under names that are bounded', () => {
  assert.equal(externalCall(span({}, { kind: 2 })), null);
  assert.equal(externalCall(span({}, { endMs: 999 })), null);
  assert.equal(externalCall(span({}, { endMs: Number.NaN })), null);
  const found = externalCall(span({ 'evenkeel.connector': 'crm-x', 'evenkeel.tenant_id': 'acme', 'url.full': 'https://api.example.com/contacts/17' }));
  assert.deepEqual([found?.connectorId, found?.tenantId, found?.accountId, found?.endpoint, found?.fact.totalUs], ['crm-x', 'acme', null, 'GET /contacts/{id}', 250_000]);
  const bare = externalCall({ ...span({}), attributes: new Map<string, AttributeValue>([['http.request.method', 'POST'], ['server.address', 'x'.repeat(80)]]) });
  assert.deepEqual([bare?.endpoint, bare?.connectorId.length], ['POST', 63]);
});
