/** A request's body as its bytes came, whatever its type says, within limits of size and time. */
import type { IncomingMessage } from 'node:http';

export type RawBody = { readonly kind: 'whole'; readonly bytes: Buffer } | { readonly kind: 'too_large' } | { readonly kind: 'broken' };

const none: RawBody = { kind: 'whole', bytes: Buffer.alloc(0) };

/** Stops reading at the limit: a body without a stated length is not taken further either. Never rejects. */
export function readRawBody(message: IncomingMessage, limits: { readonly maxBytes: number; readonly withinMs: number }): Promise<RawBody> {
  const stated = message.headers['content-length'];
  if (stated !== undefined && Number(stated) > limits.maxBytes) return Promise.resolve({ kind: 'too_large' });
  if (stated === '0' || (stated === undefined && message.headers['transfer-encoding'] === undefined)) return Promise.resolve(none);
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const timer = setTimeout(() => message.destroy(), limits.withinMs);
    const end = (body: RawBody): void => {
      clearTimeout(timer);
      message.removeAllListeners('data');
      resolve(body);
    };
    message.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > limits.maxBytes) {
        message.pause();
        end({ kind: 'too_large' });
      } else chunks.push(chunk);
    });
    message.once('end', () => end({ kind: 'whole', bytes: chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks) }));
    message.once('error', () => end({ kind: 'broken' }));
    message.once('close', () => end({ kind: 'broken' }));
  });
}
