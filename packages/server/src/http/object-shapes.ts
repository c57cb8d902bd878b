/**
 * V8 decides after the first seven objects of a constructor how many properties its objects hold in themselves, and goes by
 * the shapes that are still in use then. A server that is started, answers a few probes and rests has collected those: its
 * requests, answers and sockets then hold nothing in themselves, and with their many properties by symbol become
 * dictionaries, for as long as the process lives: 5 to 8 of 36 µs a call (docs/decisions/0008).
 */
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';

/** More than V8 looks at. */
const looked = 16;

/** Makes as many of each as are looked at while all of them are held. Before the first request is taken. */
export function settleObjectShapes(): void {
  const held: ServerResponse[] = [];
  while (held.length < looked) held.push(new ServerResponse(new IncomingMessage(new Socket())));
}
