/**
 * The life of an account as a pure, total function of (state × event). The contract's edges and the edges that real
 * life adds stand in one table, each of the latter with its reason. What is not an edge leaves the state alone
 * (`unchanged`) or contradicts it (`refused`); nothing here performs or stores anything.
 */
import type { AccountEventType, AccountState } from '@evenkeel/contract/accounts.ts';

/** What happened to an account. Flags state what the deciding needs and only the shell can know. */
export type AccountEvent =
  /** A callback brought a grant, or a form brought credentials: for a new account, or in place of old ones. */
  | { type: 'credentials_submitted' }
  /** Validation and every post-install step passed. `called`: at least one vendor call was made and succeeded. */
  | { type: 'setup_passed'; called: boolean }
  | { type: 'validation_failed' }
  | { type: 'post_install_failed' }
  /** A refresh was terminally rejected, or access proved to be revoked. */
  | { type: 'grant_rejected' }
  /** A vendor call succeeded. `regranted`: with credentials given after the refusal that led to needs_reauth. */
  | { type: 'call_succeeded'; regranted: boolean }
  | { type: 'retry_requested' }
  | { type: 'deleted' };
export type AccountEventName = AccountEvent['type'];

/** Why an account moved; stored with every transition. */
export type TransitionCause = Exclude<AccountEventName, 'retry_requested'>;

export type Decision =
  | { kind: 'moved'; to: AccountState; cause: TransitionCause; emits: AccountEventType }
  | { kind: 'deleted'; cause: 'deleted'; emits: 'integrated_account:deleted' }
  | { kind: 'unchanged'; reason: string }
  | { kind: 'refused'; reason: string };

/** One edge of the diagram. `origin` tells the contract's edges from those real life adds; the latter state a reason. */
export interface Edge {
  readonly from: AccountState | null;
  readonly on: AccountEventName;
  readonly to: AccountState;
  readonly emits: AccountEventType;
  readonly origin: 'contract' | 'real life';
  readonly reason: string;
}

const edge = (from: Edge['from'], on: AccountEventName, to: AccountState, emits: AccountEventType, origin: Edge['origin'], reason: string): Edge => ({ from, on, to, emits, origin, reason });

/** Every edge but deletion, which leads out of each state. Documentation and tests read this table too. */
export const accountEdges: readonly Edge[] = [
  edge(null, 'credentials_submitted', 'connecting', 'integrated_account:connecting', 'contract', 'The callback succeeded or credentials were submitted.'),
  edge('connecting', 'setup_passed', 'active', 'integrated_account:active', 'contract', 'Validation and post-install steps passed.'),
  edge('connecting', 'validation_failed', 'validation_error', 'integrated_account:validation_error', 'contract', 'The validation call failed.'),
  edge('connecting', 'post_install_failed', 'post_install_error', 'integrated_account:post_install_error', 'contract', 'A post-install step failed.'),
  edge('active', 'grant_rejected', 'needs_reauth', 'integrated_account:needs_reauth', 'contract', 'The refresh was terminally rejected or access was revoked.'),
  edge('needs_reauth', 'call_succeeded', 'active', 'integrated_account:reactivated', 'contract', 'The first call after re-authorisation succeeded.'),
  edge('validation_error', 'setup_passed', 'active', 'integrated_account:active', 'contract', 'The customer fixed the cause and retried.'),
  edge('post_install_error', 'setup_passed', 'active', 'integrated_account:active', 'contract', 'A retry succeeded.'),

  edge('needs_reauth', 'setup_passed', 'active', 'integrated_account:reactivated', 'real life', 'The validation call made after re-authorisation is itself the first successful call.'),
  edge('connecting', 'grant_rejected', 'validation_error', 'integrated_account:validation_error', 'real life', 'The grant died before the account ever worked: the customer is still at the page and sees the message there.'),
  edge('validation_error', 'post_install_failed', 'post_install_error', 'integrated_account:post_install_error', 'real life', 'A retry passed validation and failed in the next step.'),
  edge('post_install_error', 'validation_failed', 'validation_error', 'integrated_account:validation_error', 'real life', 'A retry starts from validation, which has begun to fail since.'),
  edge('validation_error', 'grant_rejected', 'needs_reauth', 'integrated_account:needs_reauth', 'real life', 'Credentials revoked while in an error state: no retry can succeed, the owner has to connect again.'),
  edge('post_install_error', 'grant_rejected', 'needs_reauth', 'integrated_account:needs_reauth', 'real life', 'Credentials revoked while in an error state: no retry can succeed, the owner has to connect again.'),
  edge('active', 'post_install_failed', 'post_install_error', 'integrated_account:post_install_error', 'real life', 'Re-authorisation replaced the installation and its required set-up fails: events would be missing in silence.'),
];

const edgeOf = new Map(accountEdges.map((candidate) => [`${candidate.from ?? ''} ${candidate.on}`, candidate]));

/**
 * Decides what an event does to an account in a state; `null` is an account that does not exist (yet, or any more).
 * Total: every pair has an answer. A `moved` carries exactly one outgoing event type; `refused` is for requests that
 * contradict the state and says what to do instead.
 */
export function transition(state: AccountState | null, event: AccountEvent): Decision {
  if (event.type === 'deleted') return state === null ? absent : { kind: 'deleted', cause: 'deleted', emits: 'integrated_account:deleted' };
  if (event.type === 'retry_requested') return decideRetry(state);
  const found = edgeOf.get(`${state ?? ''} ${event.type}`);
  if (found === undefined) return state === null ? absent : { kind: 'unchanged', reason: whyUnchanged(state, event) };
  if (state === 'needs_reauth') {
    if (event.type === 'call_succeeded' && !event.regranted) return { kind: 'unchanged', reason: 'The call was made with the credentials that were refused, before new ones came.' };
    if (event.type === 'setup_passed' && !event.called) return { kind: 'unchanged', reason: 'Nothing was called yet: the first successful call makes the account active.' };
  }
  return { kind: 'moved', to: found.to, cause: event.type, emits: found.emits };
}

const absent: Decision = { kind: 'refused', reason: 'The account does not exist.' };

function decideRetry(state: AccountState | null): Decision {
  switch (state) {
    case null:
      return absent;
    case 'connecting':
      return { kind: 'unchanged', reason: 'Connecting is still going on; it is continued.' };
    case 'validation_error':
    case 'post_install_error':
      return { kind: 'unchanged', reason: 'The steps run again; their outcome moves the account.' };
    case 'active':
      return { kind: 'refused', reason: 'The account is active: there is nothing to retry.' };
    case 'needs_reauth':
      return { kind: 'refused', reason: 'The grant is gone: the owner has to connect again, a retry cannot help.' };
  }
}

function whyUnchanged(state: AccountState, event: AccountEvent): string {
  switch (event.type) {
    case 'credentials_submitted':
      return 'New credentials are tried first; the outcome moves the account.';
    case 'setup_passed':
    case 'call_succeeded':
      return state === 'active' ? 'The account is active already.' : 'A single successful call does not replace the set-up that is still owed.';
    case 'validation_failed':
      return state === 'validation_error' ? 'Validation fails as before.' : 'The new credentials are not taken; the ones in use stay.';
    case 'post_install_failed':
      return state === 'post_install_error' ? 'Post-install fails as before.' : 'The account waits for re-authorisation already.';
    case 'grant_rejected':
      return 'The account waits for re-authorisation already.';
    case 'retry_requested':
    case 'deleted':
      return 'Decided elsewhere.';
  }
}
