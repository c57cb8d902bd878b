/** What tests of the upstream client say again and again. */
import assert from 'node:assert/strict';
import type { UpstreamRequest } from '@evenkeel/server/upstream/client.ts';
import { UpstreamError, type UpstreamErrorKind } from '@evenkeel/server/upstream/failure.ts';

export const get = (url: string, more: Partial<UpstreamRequest> = {}): UpstreamRequest => ({ method: 'GET', url, headers: {}, body: null, timeoutMs: 5_000, ...more });

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
