/** What the gateway hands to telemetry about one call. */
import type { CallOutcome, CallSurface } from '@evenkeel/contract/api/calls.ts';
import type { ErrorCode, Origin } from '@evenkeel/contract/errors.ts';
import type { Masker } from '@evenkeel/core/telemetry/masking.ts';

export interface CallRecord {
  /** When the call arrived, milliseconds since the epoch. */
  atMs: number;
  requestId: string;
  tenantId: string | null;
  accountId: string | null;
  connectorId: string | null;
  connectorVersion: number | null;
  surface: CallSurface;
  resource: string | null;
  method: string;
  /** What it is counted under: of a fixed set, never a caller's own words; null when the call asked for nothing known. */
  endpoint: string | null;
  vendorEndpoint: string | null;
  category: string | null;
  status: number;
  outcome: CallOutcome;
  origin: Origin | null;
  code: ErrorCode | null;
  reason: string | null;
  upstreamStatus: number | null;
  /** Milliseconds; kept as microseconds. */
  upstreamMs: number;
  totalMs: number;
  /** The last request that went out; null when none did. */
  sent: { readonly method: string; readonly url: string } | null;
  requestBytes: number;
  responseBytes: number;
  /** The caller's header (W3C Trace Context), as it came. */
  traceparent?: string | undefined;
}

/** A body as evidence: its first bytes, copied, so that the whole is not kept alive. */
export interface BodyExcerpt {
  head: Uint8Array;
  bytes: number;
}

/** Raw material of evidence; masked and bounded when it is written, off the path of the call. */
export interface RawEvidence {
  masker: Masker;
  request: { method: string; url: string; headers: Readonly<Record<string, string>>; body: BodyExcerpt | null } | null;
  response: { status: number; headers: Readonly<Record<string, string | readonly string[] | undefined>>; body: BodyExcerpt | null } | null;
  attempts: number;
  failure: { kind: string; phase: string; code: string; message: string } | null;
}

/** Where calls are recorded. Never waits, never throws. */
export interface CallRecorder {
  /**
   * Counts the call, and keeps it when it failed or is drawn as a sample. `evidence` is asked only for what is kept, at
   * once, and must copy what it needs. `body` gives the vendor's whole answer where its shape may be sampled.
   */
  record(call: CallRecord, evidence: () => RawEvidence | null, body?: () => Uint8Array | null): void;
}

/** Bytes of a body that are looked at for evidence; more than is shown, so that masking does not cut a secret in two. */
const excerptBytes = 16 * 1024;

export function excerpt(body: string | Uint8Array | null, bytes?: number): BodyExcerpt | null {
  if (body === null || body.length === 0) return null;
  const head = typeof body === 'string' ? Buffer.from(body.slice(0, excerptBytes)) : Uint8Array.from(body.subarray(0, excerptBytes));
  return { head, bytes: bytes ?? (typeof body === 'string' ? Buffer.byteLength(body) : body.length) };
}
