/** The outbound room of the client: endpoints, their deliveries, and sending again. */
import type { Delivery, DeliveryDetail, DeliveryQuery, Endpoint, EndpointCreated, EndpointQuery, EndpointRequest, EndpointStatistics, EndpointStatisticsQuery, EndpointTestRequest, EndpointUpdate, RecoverRequest, Resend, ResendRequest, RotateSecretRequest, SecretRotated } from './generated/contract.ts';
import { Listing, type Page } from './listing.ts';
import type { CallOptions, Transport } from './transport.ts';

export class Endpoints {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  list(query: EndpointQuery = {}, options: CallOptions = {}): Listing<Endpoint> {
    return new Listing((cursor) => this.#transport.call<Page<Endpoint>>({ ...options, method: 'GET', path: ['endpoints'], query: { ...query, cursor: cursor ?? query.cursor } }));
  }

  get(id: string, options: CallOptions = {}): Promise<Endpoint> {
    return this.#transport.call({ ...options, method: 'GET', path: ['endpoints', id] });
  }

  /** The secret in the answer is shown this once. */
  create(endpoint: EndpointRequest, options: CallOptions = {}): Promise<EndpointCreated> {
    return this.#transport.call({ ...options, method: 'POST', path: ['endpoints'], body: endpoint });
  }

  update(id: string, changes: EndpointUpdate, options: CallOptions = {}): Promise<Endpoint> {
    return this.#transport.call({ ...options, method: 'PATCH', path: ['endpoints', id], body: changes });
  }

  delete(id: string, options: CallOptions = {}): Promise<null> {
    return this.#transport.call({ ...options, method: 'DELETE', path: ['endpoints', id] });
  }

  rotateSecret(id: string, how: RotateSecretRequest = {}, options: CallOptions = {}): Promise<SecretRotated> {
    return this.#transport.call({ ...options, method: 'POST', path: ['endpoints', id, 'rotate-secret'], body: how });
  }

  statistics(id: string, query: EndpointStatisticsQuery = {}, options: CallOptions = {}): Promise<EndpointStatistics> {
    return this.#transport.call({ ...options, method: 'GET', path: ['endpoints', id, 'statistics'], query });
  }

  /** Sends an example event now. */
  test(id: string, test: EndpointTestRequest = {}, options: CallOptions = {}): Promise<Delivery> {
    return this.#transport.call({ ...options, method: 'POST', path: ['endpoints', id, 'test'], body: test });
  }

  /** Sends everything it has missed since a moment. */
  recover(id: string, what: RecoverRequest, options: CallOptions = {}): Promise<Resend> {
    return this.#transport.call({ ...options, method: 'POST', path: ['endpoints', id, 'recover'], body: what });
  }

  /** Sends deliveries of a time again. */
  resend(id: string, what: ResendRequest, options: CallOptions = {}): Promise<Resend> {
    return this.#transport.call({ ...options, method: 'POST', path: ['endpoints', id, 'resend'], body: what });
  }

  /** How far recovering or resending has come. */
  getResend(id: string, resend: string, options: CallOptions = {}): Promise<Resend> {
    return this.#transport.call({ ...options, method: 'GET', path: ['endpoints', id, 'resends', resend] });
  }

  /** Queues no more of it; what it has queued stays. */
  cancelResend(id: string, resend: string, options: CallOptions = {}): Promise<Resend> {
    return this.#transport.call({ ...options, method: 'POST', path: ['endpoints', id, 'resends', resend, 'cancel'] });
  }
}

export class Deliveries {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  list(query: DeliveryQuery = {}, options: CallOptions = {}): Listing<Delivery> {
    return new Listing((cursor) => this.#transport.call<Page<Delivery>>({ ...options, method: 'GET', path: ['deliveries'], query: { ...query, cursor: cursor ?? query.cursor } }));
  }

  /** With its attempts and what is sent. */
  get(id: string, options: CallOptions = {}): Promise<DeliveryDetail> {
    return this.#transport.call({ ...options, method: 'GET', path: ['deliveries', id] });
  }

  /** Sends it now, in place of the planned attempt. */
  retry(id: string, options: CallOptions = {}): Promise<Delivery> {
    return this.#transport.call({ ...options, method: 'POST', path: ['deliveries', id, 'retry'] });
  }

  cancel(id: string, options: CallOptions = {}): Promise<Delivery> {
    return this.#transport.call({ ...options, method: 'POST', path: ['deliveries', id, 'cancel'] });
  }
}
