/** A failed call as it is answered and recorded: its attribution and what the vendor had to say. */
import { errorRegistry, type Problem } from '@evenkeel/contract/errors.ts';
import type { UpstreamFault } from '../connectors/answers/verdict.ts';
import { attribute, type Attribution, type Evidence } from './attribution.ts';

export interface CallFailure extends Attribution {
  readonly retryAfterS?: number;
  readonly missingScopes?: readonly string[];
  /** The vendor's answer, bounded and without credentials. */
  readonly upstream?: { readonly status: number; readonly body?: unknown; readonly request_id?: string };
  /** Places of the caller's body or query that are wrong, each with what to do. */
  readonly errors?: NonNullable<Problem['errors']>;
  /** A verdict that the vendor refuses the credential: renew it once, send again, then ask the probe. */
  readonly credentialRefused: boolean;
}

export function failureOf(evidence: Evidence, upstream?: CallFailure['upstream']): CallFailure {
  const fault = evidence.kind === 'verdict' || evidence.kind === 'credential' ? evidence.fault : undefined;
  return {
    ...attribute(evidence),
    credentialRefused: evidence.kind === 'verdict' && evidence.fault.credentialRefused,
    ...(fault?.retryAfterS === undefined ? {} : { retryAfterS: fault.retryAfterS }),
    ...(fault?.missingScopes === undefined ? {} : { missingScopes: fault.missingScopes }),
    ...(upstream === undefined ? {} : { upstream }),
  };
}

/** The failure of a call whose credential was refused again after its renewal. `probe` is what the validation call said. */
export function afterProbe(vendor: string, fault: UpstreamFault, probe: 'dead' | 'alive', upstream?: CallFailure['upstream']): CallFailure {
  return failureOf({ kind: 'credential', vendor, fault, probe }, upstream);
}

/** The RFC 9457 problem of a failure. A caller who hung up would have read `internal`. */
export function problemOf(failure: CallFailure, requestId: string): Problem {
  const code = failure.code ?? 'internal';
  const entry = errorRegistry[code];
  return {
    type: `/docs/errors#${code}`,
    title: entry.title,
    status: entry.status,
    detail: failure.detail,
    code,
    origin: failure.origin,
    retryable: entry.retryable,
    request_id: requestId,
    ...(failure.retryAfterS === undefined ? {} : { retry_after: failure.retryAfterS }),
    ...(failure.missingScopes === undefined ? {} : { missing_scopes: [...failure.missingScopes] }),
    ...(failure.errors === undefined ? {} : { errors: failure.errors }),
    ...(failure.upstream === undefined ? {} : { upstream: failure.upstream }),
  };
}
