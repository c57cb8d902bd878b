/** What tests of the upstream client say again and again. */
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { createUpstreamClient, type UpstreamClient, type UpstreamClientOptions, type UpstreamRequest } from '@evenkeel/server/upstream/client.ts';
import { UpstreamError, type UpstreamErrorKind } from '@evenkeel/server/upstream/failure.ts';

export const get = (url: string, more: Partial<UpstreamRequest> = {}): UpstreamRequest => ({ method: 'GET', url, headers: {}, body: null, timeoutMs: 5_000, ...more });

const clients: UpstreamClient[] = [];
after(() => Promise.all(clients.map((client) => client.close())));

/** A client that may call this machine, closed when the file's tests have ended. */
export function loopbackClient(options: UpstreamClientOptions = {}): UpstreamClient {
  const made = createUpstreamClient({ allowPrivate: ['127.0.0.0/8'], ...options });
  clients.push(made);
  return made;
}

/** The UpstreamError of this kind that the work must fail with. */
export async function failsWith(kind: UpstreamErrorKind, work: () => Promise<unknown>, name = ''): Promise<UpstreamError> {
  try {
    await work();
  } catch (error) {
    assert.ok(error instanceof UpstreamError, String(error));
    assert.equal(error.kind, kind, `${name} ${error.code}: ${error.message}`);
    return error;
  }
  return assert.fail(`expected ${kind}`);
}

/** A body without an end. */
export function* endless(): Generator<Buffer> {
  for (;;) yield Buffer.alloc(16_384, 'x');
}
