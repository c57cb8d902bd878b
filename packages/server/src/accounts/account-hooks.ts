/**
 * What other rooms do at turns of an account's life. The accounts room is built before them, so they are filled in
 * later; whoever comes to a turn before that waits.
 */
import type { GrantFailure } from '@evenkeel/core/accounts/token.ts';
import type { CompiledScheme, Connector } from '@evenkeel/core/connectors/connector.ts';
import type { Scope } from '@evenkeel/core/connectors/values/scope.ts';
import type { Queryable } from '../database/pool.ts';

export interface InstalledAccount {
  readonly id: string;
  readonly tenantId: string;
  readonly connectorId: string;
  readonly connectorVersion: number;
  readonly connector: Connector;
  readonly scheme: CompiledScheme;
  readonly scope: Scope;
}

export type Installed =
  | { readonly ok: true }
  | { readonly ok: false; readonly failure: GrantFailure }
  /** Nothing failed, and not all is done: set-up is to run again, after so long. */
  | { readonly ok: false; readonly unfinished: { readonly againMs: number } };

export interface AccountHooks {
  /** After the post-install steps of the manifest; a failure is one of post-install. May run twice, and goes on where it was. */
  install(account: InstalledAccount): Promise<Installed>;
  /** Before the grant is taken back: the account's credential still works, as far as it did. Never rejects. */
  removing(account: { readonly id: string; readonly tenantId: string }): Promise<void>;
  /** In the transaction that deletes the account. */
  removed(client: Queryable, account: { readonly id: string; readonly connectorId: string }): Promise<void>;
  /** That transaction is committed. What this node remembers of the account is dropped here: news of its own deed would reach it later than the answer reaches the caller. */
  gone(account: { readonly id: string }): Promise<void>;
}

export class LateHooks implements AccountHooks {
  readonly #hooks = Promise.withResolvers<AccountHooks>();

  fill(hooks: AccountHooks): void {
    this.#hooks.resolve(hooks);
  }

  async install(account: InstalledAccount): ReturnType<AccountHooks['install']> {
    return (await this.#hooks.promise).install(account);
  }

  async removing(account: { readonly id: string; readonly tenantId: string }): Promise<void> {
    return (await this.#hooks.promise).removing(account);
  }

  async removed(client: Queryable, account: { readonly id: string; readonly connectorId: string }): Promise<void> {
    return (await this.#hooks.promise).removed(client, account);
  }

  async gone(account: { readonly id: string }): Promise<void> {
    return (await this.#hooks.promise).gone(account);
  }
}
