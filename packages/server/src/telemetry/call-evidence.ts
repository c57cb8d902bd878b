/** From the raw material of a call to what is stored: bounded, readable, secrets masked. */
import type { CallEvidence, EvidenceBody } from '@evenkeel/contract/api/calls.ts';
import { maskHeaders, type Masker } from '@evenkeel/core/telemetry/masking.ts';
import type { BodyExcerpt, RawEvidence } from './call-record.ts';

/** Characters of a body that are stored. */
const maxShown = 4096;
const decoder = new TextDecoder('utf-8', { fatal: true });

export function writeEvidence(raw: RawEvidence): CallEvidence {
  const { masker, request, response } = raw;
  return {
    request: request && { line: masker(`${request.method} ${request.url.slice(0, 4096)}`), headers: maskHeaders(request.headers, masker), body: showBody(request.body, masker) },
    response: response && { status: response.status, headers: maskHeaders(response.headers, masker), body: showBody(response.body, masker) },
    attempts: raw.attempts,
    failure: raw.failure && { ...raw.failure, message: masker(raw.failure.message) },
  };
}

function showBody(body: BodyExcerpt | null, masker: Masker): EvidenceBody | null {
  if (body === null) return null;
  const text = readText(body.head);
  if (text === null) {
    const head = body.head.subarray(0, 512);
    return { text: masker(Buffer.from(head).toString('base64')), bytes: body.bytes, binary: true, truncated: body.bytes > head.length };
  }
  const masked = masker(text);
  return { text: masked.slice(0, maxShown), bytes: body.bytes, binary: false, truncated: masked.length > maxShown || body.bytes > body.head.length };
}

/** PostgreSQL's jsonb takes no NUL, and a cut can go through a character. */
function readText(head: Uint8Array): string | null {
  for (let cut = 0; cut < 4; cut += 1) {
    try {
      const text = decoder.decode(head.subarray(0, head.length - cut));
      return text.includes('\u0000') ? null : text;
    } catch {
      // One byte less may end at a whole character.
    }
  }
  return null;
}
