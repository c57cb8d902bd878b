/**
 * The body a caller sends through the passthrough: held when it is small (so that the call can be repeated after a
 * renewed credential, and signed), streamed with back-pressure otherwise.
 */
import type { IncomingMessage } from 'node:http';
import { PassThrough, type Readable } from 'node:stream';

export type CallerBody =
  | { readonly kind: 'none' }
  | { readonly kind: 'held'; readonly bytes: Uint8Array }
  | { readonly kind: 'streamed'; readonly stream: Readable; readonly contentLength: string | undefined }
  | { readonly kind: 'too_large' }
  /** In a transfer coding other than chunked: passed on, its bytes would be taken for the body itself. */
  | { readonly kind: 'coded' }
  /** The caller stopped in the middle. */
  | { readonly kind: 'broken' };

const heldBytes = 256 * 1024;
/** Of a body that has to be signed as a whole. */
const signedBytes = 16 * 1024 * 1024;
/** How long the rest of a body that nobody wants is read past, before the connection is cut. */
const lingerMs = 30_000;

export async function takeBody(message: IncomingMessage, options: { signed: boolean }): Promise<CallerBody> {
  const length = message.headers['content-length'];
  if (length === '0' || (length === undefined && message.headers['transfer-encoding'] === undefined)) return { kind: 'none' };
  const coding = message.headers['transfer-encoding'];
  if (coding !== undefined && coding.trim().toLowerCase() !== 'chunked') {
    leave(message);
    return { kind: 'coded' };
  }
  const limit = options.signed ? signedBytes : heldBytes;
  if (length !== undefined && Number(length) > limit) {
    if (!options.signed) return streamed(message, length);
    leave(message);
    return { kind: 'too_large' };
  }
  if (length === undefined && !options.signed) return streamed(message, undefined);
  return hold(message, limit);
}

/** A stream of its own: if the vendor's connection ends, the caller's must survive to take the answer. */
function streamed(message: IncomingMessage, contentLength: string | undefined): CallerBody {
  const stream = new PassThrough();
  message.once('error', (error) => stream.destroy(error));
  message.once('close', () => {
    if (!message.complete) stream.destroy(new Error('The caller ended its request before it was whole.'));
  });
  stream.once('close', () => leave(message));
  return { kind: 'streamed', stream: message.pipe(stream), contentLength };
}

/** The rest is of no use, yet many callers read an answer only after they have sent it all: it is read past, for a while. */
function leave(message: IncomingMessage): void {
  if (message.complete || message.destroyed) return;
  message.unpipe();
  message.resume();
  const cut = setTimeout(() => message.destroy(), lingerMs).unref();
  message.once('close', () => clearTimeout(cut));
}

async function hold(message: IncomingMessage, limit: number): Promise<CallerBody> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    // Destroyed, the message would take the connection with it, and the answer.
    for await (const chunk of message.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > limit) {
        leave(message);
        return { kind: 'too_large' };
      }
      chunks.push(chunk);
    }
  } catch {
    return { kind: 'broken' };
  }
  return { kind: 'held', bytes: Buffer.concat(chunks) };
}
