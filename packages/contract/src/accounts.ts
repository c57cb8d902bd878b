/** The account's states, the causes that move it, and what the outside sees of an account. */
import Type from 'typebox';

export const accountStates = ['connecting', 'active', 'needs_reauth', 'validation_error', 'post_install_error'] as const;
export type AccountState = (typeof accountStates)[number];
export const AccountState = Type.Unsafe<AccountState>({ type: 'string', enum: [...accountStates] });

/** Events of an account, in the order of the life of one; each transition sends exactly one. */
export const accountEventTypes = [
  'integrated_account:connecting',
  'integrated_account:active',
  'integrated_account:needs_reauth',
  'integrated_account:reactivated',
  'integrated_account:validation_error',
  'integrated_account:post_install_error',
  'integrated_account:deleted',
] as const;
export type AccountEventType = (typeof accountEventTypes)[number];
