/**
 * The product's side of the demo: an endpoint on this machine that takes Evenkeel's webhooks, believes what is signed, and
 * shows the newest on a page. Its receiver is what a team would write, in small.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Evenkeel } from '@evenkeel/sdk/client.ts';
import { verifyWebhook } from '@evenkeel/sdk/webhooks.ts';
import { readBody } from '../request-body.ts';

export interface Receiver {
  readonly url: string;
  /** Whatever was believed, newest first. */
  readonly received: readonly ReceivedEvent[];
  close(): Promise<void>;
}
export interface ReceivedEvent {
  readonly id: string;
  readonly type: string;
  readonly at: string;
  readonly data: unknown;
}

const kept = 100;
const maxBytes = 1024 * 1024;

/** Listens, and is an endpoint of the installation: events of every tenant come here. */
export async function startReceiver(client: Evenkeel, port: number, signal: AbortSignal): Promise<Receiver> {
  const received: ReceivedEvent[] = [];
  let secrets: string[] = [];
  const server = createServer((request, response) => void answer(request, response, received, () => secrets));
  await listen(server, port);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks`;
  try {
    secrets = [await secretOf(client, url, signal)];
  } catch (error) {
    server.close();
    throw error;
  }
  return {
    url,
    received,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', () => resolve());
  });
}

/** A secret is shown once: an endpoint of an earlier demo gets a new one. */
async function secretOf(client: Evenkeel, url: string, signal: AbortSignal): Promise<string> {
  for await (const endpoint of client.endpoints.list({}, { signal })) {
    if (endpoint.url !== url) continue;
    if (endpoint.disabled_at !== null) await client.endpoints.update(endpoint.id, { enabled: true }, { signal });
    return (await client.endpoints.rotateSecret(endpoint.id, {}, { signal })).secret.value;
  }
  return (await client.endpoints.create({ url, event_types: ['*'], description: 'The demo\'s own receiver' }, { signal })).secret.value;
}

async function answer(request: IncomingMessage, response: ServerResponse, received: ReceivedEvent[], secrets: () => readonly string[]): Promise<void> {
  if (request.method !== 'POST') {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ received: received.length, newest: received }, null, 2));
    return;
  }
  try {
    const body = await readBody(request, maxBytes);
    if (body === undefined) throw new Error(`The body is longer than ${maxBytes} bytes.`);
    const event = await verifyWebhook(body, request.headers, secrets());
    received.unshift({ id: event.id, type: event.type, at: new Date().toISOString(), data: event.data });
    received.splice(kept);
    response.writeHead(204).end();
  } catch (error) {
    response.writeHead(400, { 'content-type': 'text/plain' }).end(error instanceof Error ? error.message : 'It cannot be read.');
  }
}
