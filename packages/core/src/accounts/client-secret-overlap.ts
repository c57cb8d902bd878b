/**
 * Rotating an OAuth client's secret: for a time the installation may keep the secret that was replaced. It is tried
 * after the new one was refused as such, never before it and never for another reason, and every use is told.
 */
import type { OutgoingRequest } from '../connectors/connector.ts';
import type { Scope } from '../connectors/values/scope.ts';
import type { GrantFailure } from './token.ts';

/** What `scope.app` holds while the overlap lasts; the end is ISO 8601. */
export const [previousSecretField, previousUntilField] = ['client_secret_previous', 'client_secret_previous_until'] as const;

/** RFC 6749 §5.2, and what vendors say instead. Client authentication comes before the grant is looked at: nothing was used up. */
const clientRefusals = new Set(['invalid_client', 'bad_client_secret', 'incorrect_client_credentials']);

/** Whether the vendor refused the client itself, in a verdict that no outage explains. */
export function isClientRefusal({ kind, vendorCode }: GrantFailure): boolean {
  return kind !== 'transient' && vendorCode !== null && clientRefusals.has(vendorCode);
}

/** The scope with the former secret in place of the new one; undefined when that is not what failed or the overlap is over. */
export function withPreviousSecret(scope: Scope, failure: GrantFailure, nowMs: number): Scope | undefined {
  if (!isClientRefusal(failure)) return undefined;
  const app = (typeof scope.app === 'object' && scope.app !== null ? scope.app : {}) as Readonly<Record<string, unknown>>;
  const [secret, until] = [app[previousSecretField], app[previousUntilField]];
  if (typeof secret !== 'string' || typeof until !== 'string' || !(Date.parse(until) > nowMs)) return undefined;
  return { ...scope, app: { ...app, client_secret: secret } };
}

/** A request that does not carry the app's secret is the same with another, and not worth sending again. */
export function carriesOther(first: OutgoingRequest, second: OutgoingRequest): boolean {
  return first.body !== second.body || first.url !== second.url || JSON.stringify(first.headers) !== JSON.stringify(second.headers);
}
