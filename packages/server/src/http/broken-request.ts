/** What is refused before it is a request: bytes that are no HTTP, or an expectation nobody here can meet (RFC 9110 section 10.1.1). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Problem } from '@evenkeel/contract/errors.ts';
import { newId } from '../identifier.ts';
import { problemOf } from './problem.ts';

interface Broken {
  readonly status: number;
  readonly phrase: string;
  readonly detail: string;
}

const known: Readonly<Record<string, Broken>> = {
  HPE_HEADER_OVERFLOW: { status: 431, phrase: 'Request Header Fields Too Large', detail: 'The headers of the request are larger than 16 KiB. Send fewer or shorter ones.' },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { status: 413, phrase: 'Content Too Large', detail: 'The chunks of the body carry more extensions than are taken. Send none.' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, phrase: 'Request Timeout', detail: 'The request did not arrive in time. Send it again.' },
};
const malformed: Broken = { status: 400, phrase: 'Bad Request', detail: 'The request is not well-formed HTTP (RFC 9112): its method, its headers or where its body ends. The connection was closed.' };

/** Answers on the bare socket and closes it: nothing after such bytes can be trusted to be a request. */
export function refuseBroken(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy(error);
    return;
  }
  const { status, phrase, detail } = known[error.code ?? ''] ?? malformed;
  const problem = refusal(status, detail);
  const body = JSON.stringify(problem);
  socket.end(`HTTP/1.1 ${status} ${phrase}\r\nevenkeel-request-id: ${problem.request_id}\r\ncontent-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`);
}

export function refuseExpectation(_request: IncomingMessage, response: ServerResponse): void {
  const problem = refusal(417, 'The header Expect asks for something else than 100-continue. Leave it out.');
  response.writeHead(417, { 'evenkeel-request-id': problem.request_id, 'content-type': 'application/problem+json', connection: 'close' }).end(JSON.stringify(problem));
}

function refusal(status: number, detail: string): Problem {
  return problemOf('invalid_request', detail, newId('req'), { status });
}
