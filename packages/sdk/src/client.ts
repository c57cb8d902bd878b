/**
 * The client of the Evenkeel API. Every failed call throws an EvenkeelError; passthrough alone hands out answers as
 * they are. Calls wait and repeat by the rules of fetchWithBackoff unless told otherwise.
 */
import { Accounts } from './accounts.ts';
import { Alerts } from './alerts.ts';
import { Overrides } from './overrides.ts';
import { Apps, Connectors, ConnectSessions } from './connectors.ts';
import { Calls } from './calls.ts';
import { Objectives } from './objectives.ts';
import { Deliveries, Endpoints } from './endpoints.ts';
import { Passthrough, Proxy } from './proxy.ts';
import { Inbound } from './inbound.ts';
import { Transport, type ClientOptions } from './transport.ts';
import { Unified } from './unified.ts';
import { Vault } from './vault.ts';

export class Evenkeel {
  readonly connectors: Connectors;
  readonly apps: Apps;
  readonly overrides: Overrides;
  readonly connectSessions: ConnectSessions;
  readonly accounts: Accounts;
  readonly calls: Calls;
  readonly inbound: Inbound;
  readonly alerts: Alerts;
  readonly endpoints: Endpoints;
  readonly deliveries: Deliveries;
  readonly vault: Vault;
  readonly objectives: Objectives;
  readonly #transport: Transport;

  /** Throws a TypeError for an address or a key that cannot be right; sends nothing yet. */
  constructor(options: ClientOptions) {
    this.#transport = new Transport(options);
    this.connectors = new Connectors(this.#transport);
    this.apps = new Apps(this.#transport);
    this.overrides = new Overrides(this.#transport);
    this.connectSessions = new ConnectSessions(this.#transport);
    this.accounts = new Accounts(this.#transport);
    this.calls = new Calls(this.#transport);
    this.inbound = new Inbound(this.#transport);
    this.alerts = new Alerts(this.#transport);
    this.endpoints = new Endpoints(this.#transport);
    this.deliveries = new Deliveries(this.#transport);
    this.vault = new Vault(this.#transport);
    this.objectives = new Objectives(this.#transport);
  }

  /** Records of one account's vendor, through the connector's resources. */
  proxy(account: string): Proxy {
    return new Proxy(this.#transport, account);
  }

  /** Records of one account in the unified models. */
  unified(account: string): Unified {
    return new Unified(this.#transport, account);
  }

  /** The vendor's own API with the account's credential. */
  passthrough(account: string): Passthrough {
    return new Passthrough(this.#transport, account);
  }
}
