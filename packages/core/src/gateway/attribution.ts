/**
 * Who has to act on a failed call: the caller, the owner of the account, Evenkeel, or the vendor. Decided from the
 * evidence of that one call, and kept with a reason that a person and a query can both read.
 */
import { errorRegistry, type ErrorCode, type Origin } from '@evenkeel/contract/errors.ts';
import type { BodyFailure } from '../connectors/answers/body.ts';
import type { RequestProblem } from '../connectors/connector.ts';
import type { PageFaultReason } from '../connectors/paging/next-page.ts';
import type { RecordFailure } from '../connectors/answers/response.ts';
import type { UpstreamFault } from '../connectors/answers/verdict.ts';

export type TransportFailure = 'timeout' | 'connect' | 'reset' | 'blocked' | 'too_large' | 'aborted' | 'invalid';
export type TransportPhase = 'request' | 'connect' | 'headers' | 'body';

/** What is known of a failed call; `vendor` is the connector's name, for people. */
export type Evidence =
  /** The API cannot serve the call as asked: no such operation, a bad limit, cursor or id. */
  | { readonly kind: 'call'; readonly code: ErrorCode; readonly reason: string; readonly detail: string }
  /** The account is not in a state to be called. */
  | { readonly kind: 'account'; readonly code: ErrorCode; readonly detail: string }
  /** The request could not be built from the manifest, the account and the call. */
  | { readonly kind: 'build'; readonly problem: RequestProblem }
  /** No whole answer came. `waitedMs` is time spent here before the request went out. */
  | { readonly kind: 'transport'; readonly vendor: string; readonly failure: TransportFailure; readonly phase: TransportPhase; readonly elapsedMs: number; readonly waitedMs?: number; readonly redirected?: boolean }
  /** The vendor answered with a failure. */
  | { readonly kind: 'verdict'; readonly vendor: string; readonly fault: UpstreamFault }
  /** The vendor refused the credential also after it was renewed; the probe says whether it still works elsewhere. */
  | { readonly kind: 'credential'; readonly vendor: string; readonly fault: UpstreamFault; readonly probe: 'dead' | 'alive' }
  /** A redirect led to a host that got no credential, and refused the call. */
  | { readonly kind: 'stranger'; readonly vendor: string; readonly host: string; readonly status: number }
  /** A success whose body cannot be read. */
  | { readonly kind: 'body'; readonly vendor: string; readonly failure: BodyFailure; readonly detail: string }
  | { readonly kind: 'record'; readonly vendor: string; readonly failure: RecordFailure }
  | { readonly kind: 'page'; readonly vendor: string; readonly reason: PageFaultReason; readonly message: string }
  /** An exception nobody expected. */
  | { readonly kind: 'bug' };

export interface Attribution {
  readonly origin: Origin;
  /** Null when nobody is left to read an answer: the caller hung up. */
  readonly code: ErrorCode | null;
  /** `<kind>:<what>`, e.g. `transport:timeout-headers`, `status:503`, `errors[2]`: bounded in number, fit for grouping. */
  readonly reason: string;
  /** For the caller: what happened, to what, what to do next. No credential in it. */
  readonly detail: string;
}

/** Total and pure. */
export function attribute(evidence: Evidence): Attribution {
  switch (evidence.kind) {
    case 'call':
      return usual(evidence.code, `call:${evidence.reason}`, evidence.detail);
    case 'account':
      return usual(evidence.code, `account:${evidence.code}`, evidence.detail);
    case 'build':
      return { origin: evidence.problem.origin, code: evidence.problem.code, reason: `build:${evidence.problem.origin}`, detail: evidence.problem.message };
    case 'transport':
      return ofTransport(evidence);
    case 'verdict':
      return ofVerdict(evidence.vendor, evidence.fault);
    case 'credential':
      return ofCredential(evidence.vendor, evidence.fault, evidence.probe);
    case 'stranger':
      return usual('upstream_invalid_response', 'redirect:refused', `${evidence.vendor} redirected to ${evidence.host}, which answered ${evidence.status}. It got no credential, because it is no origin of the connector; add it to http.origins if it may have it.`);
    case 'body':
      return usual('upstream_invalid_response', `body:${evidence.failure}`, `${evidence.vendor} answered with a body that cannot be read: ${evidence.detail}. Try again; if it lasts, ask the vendor.`);
    case 'record':
      return { origin: evidence.failure.origin, code: evidence.failure.code, reason: evidence.failure.reason, detail: `${evidence.vendor}: ${evidence.failure.message}` };
    case 'page':
      return usual('upstream_invalid_response', `page:${evidence.reason}`, `${evidence.vendor}: ${evidence.message}`);
    case 'bug':
      return usual('internal', 'bug', 'Evenkeel failed on this call. Report the request id.');
  }
}

function usual(code: ErrorCode, reason: string, detail: string): Attribution {
  return { origin: errorRegistry[code].origin, code, reason, detail };
}

function ofVerdict(vendor: string, fault: UpstreamFault): Attribution {
  return { origin: fault.origin, code: fault.code, reason: fault.rule, detail: `${vendor} answered ${fault.upstreamStatus}: ${fault.message}` };
}

function ofCredential(vendor: string, fault: UpstreamFault, probe: 'dead' | 'alive'): Attribution {
  if (probe === 'dead') {
    return { origin: 'account', code: 'reauth_required', reason: `credential:dead ${fault.rule}`, detail: `${vendor} no longer accepts the account's authorisation: ${fault.message} Its owner has to connect again.` };
  }
  return {
    origin: 'account',
    code: 'forbidden',
    reason: `credential:alive ${fault.rule}`,
    detail: `${vendor} refuses this operation to the account, whose authorisation works otherwise: ${fault.message}`,
  };
}

function ofTransport(evidence: Extract<Evidence, { kind: 'transport' }>): Attribution {
  const { vendor, failure, phase } = evidence;
  const reason = `transport:${failure}-${phase}`;
  const after = `after ${Math.round(evidence.elapsedMs)} ms`;
  switch (failure) {
    case 'timeout':
      if (phase === 'request') return { origin: 'caller', code: 'invalid_request', reason, detail: `The body stopped arriving before it was whole (${after}); ${vendor} has got a part of it. Send the call again.` };
      // The clock ran out while the call still stood in our own queue: the vendor was never asked.
      if ((evidence.waitedMs ?? 0) > evidence.elapsedMs / 2) return usual('internal', 'transport:timeout-queue', `The call waited here for a free connection to ${vendor} until its time was over. Try again with fewer calls at once.`);
      return usual('upstream_timeout', reason, `${vendor} did not answer in time (${phase}, ${after}). What the call writes may be written all the same: look before sending it again.`);
    case 'connect':
      return usual('upstream_unavailable', reason, `No connection to ${vendor} could be made (${after}). Nothing was sent; try again.`);
    case 'reset':
      return usual(phase === 'body' ? 'upstream_invalid_response' : 'upstream_unavailable', reason, `${vendor} ended the connection before its answer was whole (${after}). What the call writes may be written all the same: look before sending it again.`);
    case 'too_large':
      return usual('upstream_invalid_response', reason, `${vendor} answered with more than is accepted. Ask for a smaller page, or use passthrough, which streams.`);
    case 'invalid':
      if (evidence.redirected === true) return usual('upstream_invalid_response', 'transport:invalid-redirect', `${vendor} redirected to where no call can go.`);
      if (phase === 'request') return usual('internal', reason, `The request to ${vendor} cannot be sent as it was built. Report the request id.`);
      return usual('upstream_invalid_response', reason, `${vendor} answered with something that is no HTTP (${after}).`);
    case 'blocked':
      if (evidence.redirected === true) return usual('upstream_invalid_response', 'transport:blocked-redirect', `${vendor} redirected to an address that is not allowed.`);
      return { origin: 'account', code: 'forbidden', reason, detail: `The address of this ${vendor} account is in a network that is not allowed. Correct the account's settings; an operator can allow ranges with EVENKEEL_ALLOW_PRIVATE.` };
    case 'aborted':
      return { origin: 'caller', code: null, reason: 'transport:aborted', detail: `The caller hung up ${after}; the call to ${vendor} was cancelled.` };
  }
}
