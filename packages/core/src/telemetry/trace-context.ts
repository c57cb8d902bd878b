/** The header `traceparent` of W3C Trace Context, level 1, section 3.2: which trace a call belongs to. */

export interface TraceParent {
  /** 32 lower-case hexadecimal digits. */
  readonly traceId: string;
  /** 16 of them: the span that the call was made in. */
  readonly spanId: string;
}

/** Version, trace, parent, flags; versions after 00 may have more behind a dash. */
const form = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/;

/** Null when there is none, or one that the specification says to ignore: the call then begins a trace of its own. */
export function readTraceParent(header: string | undefined): TraceParent | null {
  const [, version, traceId, spanId, more] = form.exec(header ?? '') ?? [];
  if (version === undefined || traceId === undefined || spanId === undefined || version === 'ff') return null;
  if (version === '00' && more !== undefined) return null;
  return /[^0]/.test(traceId) && /[^0]/.test(spanId) ? { traceId, spanId } : null;
}
