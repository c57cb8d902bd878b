/**
 * `POST /v1/telemetry/otlp`: OTLP/HTTP trace exports (JSON and protobuf, also gzipped) of a team's own integrations, so that
 * what Evenkeel does not carry is watched all the same. Answers as the OTLP specification says.
 */
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { Readable } from 'node:stream';
import { readJsonSpans, type Span } from '@evenkeel/core/telemetry/otlp-json.ts';
import { readProtobufSpans } from '@evenkeel/core/telemetry/otlp-protobuf.ts';
import type { Caller } from '../../access/keys.ts';
import { Refusal } from '../../http/problem.ts';
import { route, type Route } from '../../http/route.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ExternalCalls, Intake } from './external-calls.ts';

const maxBytes = 8 * 1024 * 1024;
const unzip = promisify(gunzip);

export function otlpRoutes(calls: ExternalCalls, now: () => number): Route[] {
  const handle = async ({ raw, reply, caller }: { raw: FastifyRequest; reply: FastifyReply; caller: Caller }): Promise<FastifyReply> => {
    const isProtobuf = /^application\/(x-)?protobuf/.test(raw.headers['content-type'] ?? '');
    const bytes = await readBody(raw.raw, raw.headers['content-encoding']);
    const spans = isProtobuf ? readProtobufSpans(bytes) : readJson(bytes);
    if (spans === null) throw new Refusal('invalid_request', `The body is no ${isProtobuf ? 'protobuf' : 'JSON'} ExportTraceServiceRequest. Send traces of OTLP/HTTP; metrics and logs are not taken.`);
    const intake = await calls.take(spans, caller.tenantId, now());
    return isProtobuf ? reply.type('application/x-protobuf').send(Buffer.from(protobufAnswer(intake))) : reply.type('application/json').send(JSON.stringify(jsonAnswer(intake)));
  };
  const common = { method: 'POST', tag: 'monitoring', access: 'write', audit: { none: 'kept by the room itself' }, rawBody: true, schema: { response: { 200: null } }, handle } as const;
  return [
    route({ ...common, path: '/v1/telemetry/otlp', summary: 'Client spans of your own integrations: OTLP/HTTP traces, JSON or protobuf' }),
    // Exporters that are given a base address append this themselves.
    route({ ...common, path: '/v1/telemetry/otlp/v1/traces', summary: 'The same, for exporters that append v1/traces to their endpoint' }),
  ];
}

async function readBody(stream: Readable, encoding: string | undefined): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) throw new Refusal('invalid_request', `The export is larger than ${maxBytes / 1024 / 1024} MiB. Send smaller batches.`);
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  if (encoding === undefined || encoding === 'identity') return bytes;
  if (encoding !== 'gzip') throw new Refusal('invalid_request', 'The content-encoding is neither gzip nor identity.');
  try {
    return await unzip(bytes, { maxOutputLength: maxBytes });
  } catch {
    throw new Refusal('invalid_request', `The body is no gzip, or more than ${maxBytes / 1024 / 1024} MiB unpacked.`);
  }
}

function readJson(bytes: Uint8Array): Span[] | null {
  try {
    return readJsonSpans(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

const refusal = (tooOld: number): string => `${tooOld} spans ended more than 24 hours ago; they are not counted.`;

function jsonAnswer({ tooOld }: Intake): object {
  return tooOld === 0 ? {} : { partialSuccess: { rejectedSpans: String(tooOld), errorMessage: refusal(tooOld) } };
}

/** ExportTraceServiceResponse: partial_success 1 { rejected_spans 1, error_message 2 }. */
function protobufAnswer({ tooOld }: Intake): Uint8Array {
  if (tooOld === 0) return new Uint8Array(0);
  const message = Buffer.from(refusal(tooOld));
  const partial = Buffer.concat([Buffer.from([0x08, ...varint(tooOld), 0x12, ...varint(message.length)]), message]);
  return Buffer.concat([Buffer.from([0x0a, ...varint(partial.length)]), partial]);
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}
