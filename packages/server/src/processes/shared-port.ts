/**
 * A port that processes of a node share by SO_REUSEPORT. Every process of the same user may join in: without a look
 * beforehand, a second installation on the port would get a part of the first one's calls, and nobody would be told.
 */
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Rejects with EADDRINUSE when anything listens there. */
export async function requireFree({ port, host }: { readonly port: number; readonly host: string }): Promise<void> {
  const probe = createServer().listen({ port, host });
  await once(probe, 'listening');
  probe.close();
  await once(probe, 'close');
}
