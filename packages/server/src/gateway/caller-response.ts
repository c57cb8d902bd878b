/**
 * Answers on their way to the caller, written to the socket's response as they are: no serialisation by schema, no copy
 * of a streamed body. Small bodies go out in one write with their head.
 */
import type { ServerResponse } from 'node:http';
import type { Problem } from '@evenkeel/contract/errors.ts';
import type { AnswerBody } from '@evenkeel/core/gateway/answer.ts';

/** Below this a body is written together with the head; one system call instead of a gathered one. */
const oneWriteBytes = 32 * 1024;

export interface AnswerHead {
  requestId: string;
  upstreamMs: number | null;
  headers: Readonly<Record<string, string>>;
}

/** Bytes or JSON with its length, or an empty answer. A HEAD request gets the head only. */
export function sendAnswer(response: ServerResponse, status: number, head: AnswerHead, body: AnswerBody): void {
  switch (body.kind) {
    case 'none':
      response.writeHead(status, flatten(head, null, status === 204 || status === 304 ? null : 0));
      response.end();
      return;
    case 'json': {
      const text = JSON.stringify(body.value) ?? 'null';
      response.writeHead(status, flatten(head, 'application/json; charset=utf-8', Buffer.byteLength(text)));
      response.end(text);
      return;
    }
    case 'bytes': {
      const bytes = Buffer.from(body.bytes.buffer, body.bytes.byteOffset, body.bytes.byteLength);
      response.writeHead(status, flatten(head, body.contentType ?? 'application/octet-stream', bytes.length));
      // latin1 text is the same bytes; with a string Node joins head and body into a single write.
      if (bytes.length <= oneWriteBytes) response.end(bytes.toString('latin1'), 'latin1');
      else response.end(bytes);
    }
  }
}

export function sendProblem(response: ServerResponse, problem: Problem, head: AnswerHead): void {
  const text = JSON.stringify(problem);
  const retry = problem.retry_after === undefined || head.headers['retry-after'] !== undefined ? {} : { 'retry-after': String(problem.retry_after) };
  response.writeHead(problem.status, flatten({ ...head, headers: { ...head.headers, ...retry } }, 'application/problem+json', Buffer.byteLength(text)));
  response.end(text);
}

/** The head of an answer whose body follows. `contentLength` is the vendor's, when the bytes are passed on as they come; a 204 has none (RFC 9110 section 8.6). */
export function beginStream(response: ServerResponse, status: number, head: AnswerHead, contentLength: string | undefined): void {
  response.writeHead(status, flatten(head, null, contentLength === undefined || status === 204 ? null : Number(contentLength)));
}

function flatten({ requestId, upstreamMs, headers }: AnswerHead, contentType: string | null, contentLength: number | null): string[] {
  const flat = ['evenkeel-request-id', requestId];
  if (upstreamMs !== null) flat.push('evenkeel-upstream-ms', String(Math.round(upstreamMs * 10) / 10));
  if (contentType !== null) flat.push('content-type', contentType);
  if (contentLength !== null) flat.push('content-length', String(contentLength));
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined && !(name === 'content-type' && contentType !== null)) flat.push(name, value);
  }
  return flat;
}
