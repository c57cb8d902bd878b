/**
 * One attempt: signed at the moment it is sent, by every secret that is good at that moment, over the very bytes that go
 * out. Redirects are not followed; the answer has to be whole in time; its first bytes are kept.
 */
import { createHmac, sign, type KeyObject } from 'node:crypto';
import { judgeAnswer, type AttemptResult } from '@evenkeel/core/outbound/attempt-result.ts';
import { signatureHeaders, signedPrefix } from '@evenkeel/core/outbound/signature.ts';
import type { Cancellation, UpstreamClient, UpstreamReply } from '../../upstream/client.ts';
import { UpstreamError } from '../../upstream/failure.ts';
import type { SigningKey } from '../endpoint-secrets.ts';
import type { StoredEvent } from './queue.ts';

/** Bytes of an answer that are kept. */
export const keptBytes = 4096;

export interface Message {
  readonly event: StoredEvent;
  /** The envelope as it goes out. */
  readonly body: Buffer;
}

/** `data` is the payload's own text, so that what was written is what is sent. */
export function messageOf(event: StoredEvent): Message {
  const head = JSON.stringify({ id: event.id, type: event.type, tenant_id: event.tenant_id, account_id: event.account_id, timestamp: event.created_at.toISOString() });
  return { event, body: Buffer.from(`${head.slice(0, -1)},"data":${event.payload}}`) };
}

export interface Target {
  readonly url: string;
  readonly timeoutMs: number;
  readonly keys: readonly SigningKey[];
  readonly headers: Readonly<Record<string, string>>;
}

export interface Answered {
  readonly result: AttemptResult;
  readonly durationUs: number;
  readonly body: Uint8Array | null;
  readonly truncated: boolean;
  readonly contentType: string | null;
}

export interface Attempt {
  readonly deliveryId: string;
  readonly number: number;
  readonly isTest: boolean;
  readonly nowMs: number;
}

/** Null when it was cancelled from here: then nothing is known about it. */
export async function send(upstream: UpstreamClient, target: Target, message: Message, attempt: Attempt, cancellation: Cancellation): Promise<Answered | null> {
  const startedAt = performance.now();
  const answered = (result: AttemptResult, rest: Partial<Answered> = {}): Answered => ({ body: null, truncated: false, contentType: null, ...rest, result, durationUs: Math.round((performance.now() - startedAt) * 1000) });
  const timestampS = Math.floor(attempt.nowMs / 1000);
  const signatures = signaturesOf(target.keys, message, timestampS, attempt.nowMs);
  if (signatures.length === 0) return answered({ kind: 'failure', error: 'invalid', status: null, message: 'The endpoint has no secret that is good now: rotate its secret.' });
  const headers = {
    'user-agent': 'Evenkeel/0.1',
    accept: '*/*',
    ...target.headers,
    'content-type': 'application/json',
    ...signatureHeaders(message.event.id, timestampS, signatures),
    'evenkeel-delivery': attempt.deliveryId,
    'evenkeel-attempt': String(attempt.number),
    ...(attempt.isTest ? { 'evenkeel-test': 'true' } : {}),
  };
  try {
    const reply = await upstream.send({ method: 'POST', url: target.url, headers, body: message.body, timeoutMs: target.timeoutMs }, { redirects: 'none', cancellation, streamTimeoutMs: target.timeoutMs });
    const { body, truncated } = await firstBytes(reply);
    return answered(judgeAnswer(reply.status, textOf(reply.headers['retry-after'])), { body, truncated, contentType: textOf(reply.headers['content-type'])?.slice(0, 200) ?? null });
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error;
    if (error.kind === 'aborted') return null;
    return answered({ kind: 'failure', error: error.kind === 'too_large' ? 'invalid' : error.kind, status: null, message: error.message.replace('EVENKEEL_ALLOW_PRIVATE ', 'EVENKEEL_ALLOW_PRIVATE_ENDPOINTS ') });
  }
}

function signaturesOf(keys: readonly SigningKey[], { event, body }: Message, timestampS: number, nowMs: number) {
  const prefix = signedPrefix(event.id, timestampS);
  return keys
    .filter(({ expiresAtMs }) => expiresAtMs === null || expiresAtMs > nowMs)
    .map(({ kind, key }) => ({
      kind,
      base64: kind === 'hmac' ? createHmac('sha256', key as Buffer).update(prefix).update(body).digest('base64') : sign(null, Buffer.concat([Buffer.from(prefix), body]), key as KeyObject).toString('base64'),
    }));
}

/** The body up to the bound; what is beyond is not downloaded. A body that does not end in time fails the attempt. */
async function firstBytes(reply: UpstreamReply): Promise<{ body: Uint8Array; truncated: boolean }> {
  const { whole } = reply;
  if (whole !== null) return { body: whole.subarray(0, keptBytes), truncated: whole.length > keptBytes };
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of reply.body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    // Leaving the loop destroys the stream, and with it the connection.
    if (bytes > keptBytes) break;
  }
  return { body: Buffer.concat(chunks).subarray(0, keptBytes), truncated: bytes > keptBytes };
}

const textOf = (value: string | string[] | undefined): string | undefined => (typeof value === 'string' ? value : value?.[0]);
