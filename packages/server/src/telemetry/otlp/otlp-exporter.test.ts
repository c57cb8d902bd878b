/** What a collector is sent: read back by our own reader of spans, and lost without a trace in the callers when it is away. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, test } from 'node:test';
import { externalCall } from '@evenkeel/core/telemetry/external-call.ts';
import { readJsonSpans } from '@evenkeel/core/telemetry/otlp-json.ts';
import { createLog } from '../../log.ts';
import type { CallRecord } from '../call-record.ts';
import { OtlpExporter } from './otlp-exporter.ts';

const received: { path: string; body: unknown; key: string | undefined }[] = [];
const collector = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => void chunks.push(chunk)).on('end', () => {
    received.push({ path: request.url ?? '', body: JSON.parse(Buffer.concat(chunks).toString()), key: request.headers['x-key'] as string | undefined });
    response.end('{}');
  });
});
await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
after(() => collector.close());
const address = collector.address();
const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;

const common = { headers: { 'x-key': 'k' }, log: createLog('silent'), node: 'n', version: '1', spansEveryMs: 3_600_000, metricsEveryMs: 3_600_000 };
const call = (more: Partial<CallRecord> = {}): CallRecord => ({
  atMs: 1_790_000_000_000, requestId: 'req_1', tenantId: 'acme', accountId: 'acc_1', connectorId: 'vendor', connectorVersion: 1, surface: 'proxy', resource: 'contacts', method: 'list', endpoint: 'contacts.list', vendorEndpoint: 'contacts.list',
  category: 'crm', status: 200, outcome: 'success', origin: null, code: null, reason: null, upstreamStatus: 200, upstreamMs: 40, totalMs: 42, sent: { method: 'GET', url: 'https://user:pass@api.example.com:8443/x?api_key=planted' }, requestBytes: 0, responseBytes: 1, ...more,
});

test('spans and durations follow the conventions, and hold neither query nor credentials', async () => {
  const exporter = new OtlpExporter({ ...common, url, metrics: () => [{ name: 'evenkeel_x_seconds', type: 'histogram', help: 'h', samples: [[{ le: '1', a: 'b' }, 2, '_bucket'], [{ le: '+Inf', a: 'b' }, 5, '_bucket'], [{ a: 'b' }, 9, '_sum'], [{ a: 'b' }, 5, '_count']] }] });
  exporter.call(call(), true);
  exporter.call(call({ outcome: 'failure', origin: 'upstream', code: 'upstream_unavailable', upstreamStatus: 503, upstreamMs: 700 }), true);
  exporter.call(call(), false);
  exporter.call(call({ sent: null }), true);
  await exporter.close();
  assert.deepEqual(received.map(({ path, key }) => [path, key]), [['/v1/traces', 'k'], ['/v1/metrics', 'k']]);
  assert.doesNotMatch(JSON.stringify(received), /planted|user:pass/);
  const spans = readJsonSpans(received[0]?.body) ?? [];
  assert.deepEqual(spans.map(({ statusCode, attributes }) => [statusCode, attributes.get('server.address'), attributes.get('server.port'), attributes.get('http.response.status_code'), attributes.get('error.type')]), [[0, 'api.example.com', 8443, 200, undefined], [2, 'api.example.com', 8443, 503, '503']]);
  assert.deepEqual(spans.map((span) => externalCall(span)).map((one) => [one?.connectorId, one?.tenantId, one?.fact.totalUs, one?.fact.code]), [['vendor', 'acme', 42_000, null], ['vendor', 'acme', 42_000, 'upstream_unavailable']]);
  interface Point { count: string; sum: number; bucketCounts: string[]; attributes: { key: string; value: { stringValue?: string; intValue?: string } }[] }
  const sent = received[1]?.body as { resourceMetrics: { scopeMetrics: { metrics: { name: string; unit: string; histogram: { dataPoints: Point[] } }[] }[] }[] } | undefined;
  const [durations, own] = sent?.resourceMetrics[0]?.scopeMetrics[0]?.metrics ?? [];
  assert.deepEqual([durations?.name, durations?.unit], ['http.client.request.duration', 's']);
  assert.deepEqual(durations?.histogram.dataPoints.map(({ count, attributes }) => [count, attributes.map(({ key }) => key).join()]), [['2', 'http.request.method,server.address,http.response.status_code,evenkeel.connector'], ['1', 'http.request.method,server.address,http.response.status_code,error.type,evenkeel.connector']]);
  assert.deepEqual(own?.histogram.dataPoints.map(({ bucketCounts, count, sum }) => [bucketCounts, count, sum]), [[['2', '3'], '5', 9]]);
});

test('a span continues the trace of whoever called, and begins one where there is none to continue', async () => {
  received.length = 0;
  const exporter = new OtlpExporter({ ...common, url, metrics: () => [] });
  exporter.call(call({ traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' }), true);
  exporter.call(call({ traceparent: 'forged' }), true);
  await exporter.close();
  const sent = received[0]?.body as { resourceSpans: { scopeSpans: { spans: { traceId: string; spanId: string; parentSpanId?: string }[] }[] }[] } | undefined;
  const [continued, begun] = sent?.resourceSpans[0]?.scopeSpans[0]?.spans ?? [];
  assert.deepEqual([continued?.traceId, continued?.parentSpanId], ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7']);
  assert.match(begun?.traceId ?? '', /^[0-9a-f]{32}$/);
  assert.equal(begun?.parentSpanId, undefined);
});

test('a collector that is away costs nothing but what was to be sent', async () => {
  const exporter = new OtlpExporter({ ...common, url: 'http://127.0.0.1:9', metrics: () => [] });
  exporter.call(call(), true);
  await exporter.close();
});
