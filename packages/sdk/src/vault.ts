/** The master keys that seal credentials: what stands under each, and rotating them. Needs an admin key without a tenant. */
import type { VaultStatus } from './generated/contract.ts';
import type { CallOptions, Transport } from './transport.ts';

export class Vault {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  status(options: CallOptions = {}): Promise<VaultStatus> {
    return this.#transport.call({ ...options, method: 'GET', path: ['vault'] });
  }

  /** Promotes the new key every node was given; refused with `conflict` until all of them know it. Re-encryption goes on by itself. */
  rotate(options: CallOptions = {}): Promise<VaultStatus> {
    return this.#transport.call({ ...options, method: 'POST', path: ['vault', 'rotate'] });
  }
}
