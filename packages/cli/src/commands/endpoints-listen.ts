/** `evenkeel endpoints listen`: a receiver on this machine that verifies what comes and prints it. */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { verifyWebhook } from '@evenkeel/sdk/webhooks.ts';
import { jsonOption, UsageError, type Command, type Invocation } from '../command.ts';
import { textOf } from '../connection.ts';
import { exitCodes } from '../exit-code.ts';
import { readBody } from '../request-body.ts';
import { printable } from '../table.ts';

const maxBytes = 8 * 1024 * 1024;

export const endpointsListen: Command = {
  words: ['endpoints', 'listen'],
  summary: 'Receive webhooks on this machine, verify them, and print each on a line.',
  operands: '',
  arity: [0, 0],
  options: {
    secret: { type: 'string', value: '<whsec_…|whpk_…>', description: 'What the endpoint was given; default EVENKEEL_WEBHOOK_SECRET. Without one nothing is verified.' },
    port: { type: 'string', value: '<n>', description: 'Port on 127.0.0.1; default 4480.' },
    ...jsonOption,
  },
  details: ['Answers 200 to what it could verify and 400 to anything else. Ends with Ctrl-C.', 'The server needs EVENKEEL_ALLOW_PRIVATE_ENDPOINTS=127.0.0.0/8 to send here.'],
  async run(invocation) {
    const { values, environment, out, signal } = invocation;
    const secret = textOf(values['secret']) ?? textOf(environment['EVENKEEL_WEBHOOK_SECRET']);
    const server = createServer((request, response) => {
      receive(request, secret, invocation).then(
        (status) => response.writeHead(status).end(),
        () => response.destroy(),
      );
    });
    server.listen(portOf(values['port']), '127.0.0.1');
    await once(server, 'listening');
    out.note(`Listening on http://127.0.0.1:${(server.address() as AddressInfo).port}${secret === undefined ? ', without a secret: nothing is verified' : ''}`);
    if (!signal.aborted) await once(signal, 'abort');
    server.closeAllConnections();
    server.close();
    return exitCodes.ok.code;
  },
};

async function receive(request: IncomingMessage, secret: string | undefined, { values, out }: Invocation): Promise<number> {
  const body = await readBody(request, maxBytes);
  if (body === undefined) return 413;
  try {
    const event = secret === undefined ? (JSON.parse(body.toString('utf8')) as { id?: string; type?: string }) : await verifyWebhook(body, request.headers, secret);
    out.line(values['json'] === true ? JSON.stringify(event) : `${secret === undefined ? 'unverified' : 'verified  '}  ${printable(String(event.type))}  ${printable(String(event.id))}  attempt ${printable(String(request.headers['evenkeel-attempt'] ?? '–'))}`);
    return 200;
  } catch (error) {
    out.note(`Refused: ${error instanceof Error ? error.message : String(error)}`);
    return 400;
  }
}

function portOf(value: Invocation['values'][string]): number {
  const text = textOf(value) ?? '4480';
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw new UsageError(`--port must be a number up to 65535, not "${text}".`);
  return Number(text);
}
