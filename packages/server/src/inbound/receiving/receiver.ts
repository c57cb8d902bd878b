/**
 * One webhook from its first byte to its answer: find the address, read the body, let core decide, commit, answer.
 * What is answered with success is committed. Whatever fails on our side is a 503 with Retry-After: vendors send again
 * after a 5xx, and give up, or switch the subscription off, after a 4xx.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { InboundRequest } from '@evenkeel/core/inbound/inbound-request.ts';
import type { InboundReply, Received } from '@evenkeel/core/inbound/receive.ts';
import type { RefusalReason } from '@evenkeel/core/inbound/refusal.ts';
import type { VerificationPort } from '@evenkeel/core/inbound/verification-port.ts';
import { transaction, type Pool } from '../../database/pool.ts';
import { newId } from '../../identifier.ts';
import type { Vault } from '../../accounts/vault/vault.ts';
import { announceAccount } from '../../accounts/account-store.ts';
import { mergeCaptures } from '../../accounts/captures.ts';
import { problemOf } from '../../http/problem.ts';
import type { Log } from '../../log.ts';
import type { Observer } from '../../telemetry/observation.ts';
import { laneOf, type NewRequest } from '../request-store.ts';
import type { AddressDirectory, FoundAddress, OpenAddress } from './address-directory.ts';
import { addAddressSecrets } from './address-store.ts';
import type { GroupWriter } from './group-writer.ts';
import { writeHeaderLines } from './header-lines.ts';
import { readRawBody } from './raw-body.ts';
import type { RefusalLog } from './refusal-log.ts';
import type { VendorKeys } from './vendor-keys.ts';

export interface ReceiverParts {
  readonly pool: Pool;
  readonly vault: Vault;
  readonly directory: AddressDirectory;
  readonly writer: GroupWriter<NewRequest>;
  readonly keys: VendorKeys;
  readonly crypto: VerificationPort;
  readonly refusals: RefusalLog;
  readonly observer: Observer;
  readonly log: Log;
  readonly now: () => number;
  /** A request is committed: workers of this node need not wait for their next look. */
  readonly stored: () => void;
}

interface Exchange {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  readonly connectorId: string;
  readonly token: string;
  readonly requestId: string;
}

const bodyWithinMs = 30_000;
const lingerMs = 1_000;
/** A key asked for, and one more that its answer made necessary. */
const maxKeyFetches = 2;

export class Receiver {
  readonly #parts: ReceiverParts;

  constructor(parts: ReceiverParts) {
    this.#parts = parts;
  }

  /** Answers on the exchange's response. Never rejects. */
  async take(exchange: Exchange): Promise<void> {
    const { response, requestId } = exchange;
    try {
      const found = this.#parts.directory.remembered(exchange.connectorId, exchange.token) ?? (await this.#parts.directory.find(exchange.connectorId, exchange.token));
      if (found.kind === 'open') await this.#receive(exchange, found.open);
      else answerUnknown(exchange, found.kind);
    } catch (error) {
      this.#parts.log.error({ err: error, requestId }, 'inbound: a request could not be taken, its sender is asked to send it again');
      if (!response.headersSent) answerProblem(response, requestId, 503, 'The request could not be stored at the moment. Send it again.');
    }
  }

  async #receive(exchange: Exchange, open: OpenAddress): Promise<void> {
    const { message, response, requestId } = exchange;
    const body = await readRawBody(message, { maxBytes: open.maxBodyBytes, withinMs: bodyWithinMs });
    if (body.kind === 'broken') return void response.destroy();
    if (body.kind === 'too_large') {
      // The rest is let pass for a moment, so that the answer is not lost to a reset; then the connection ends.
      response.setHeader('connection', 'close');
      message.resume();
      setTimeout(() => message.complete || message.destroy(), lingerMs).unref();
      return answerProblem(response, requestId, 413, `The body is larger than the ${open.maxBodyBytes} bytes this connector takes.`);
    }
    const { url = '', method = '' } = message;
    const mark = url.indexOf('?');
    const query = mark === -1 ? '' : url.slice(mark + 1);
    const request: InboundRequest = { method, url: mark === -1 ? open.url : `${open.url}?${query}`, headers: message.headersDistinct, body: body.bytes, receivedAtMs: this.#parts.now() };
    const received = await this.#decide(open, request);
    switch (received.kind) {
      case 'accepted': {
        await this.#parts.writer.store(this.#rowOf(open, request, query, message.rawHeaders, received.verification));
        this.#parts.stored();
        return answer(response, requestId, received.ack);
      }
      case 'reply':
        if (!(await this.#capture(open, received))) return this.#refuse(exchange, open, 401, 'wrong_value');
        return answer(response, requestId, received.reply);
      case 'refused':
        return this.#refuse(exchange, open, received.status, received.reason);
    }
  }

  async #decide(open: OpenAddress, request: InboundRequest): Promise<Exclude<Received, { kind: 'needs_key' }>> {
    const { crypto, keys } = this.#parts;
    const scopes = open.scopes(request.receivedAtMs);
    const env = { crypto, keys: keys.known(open.address.connectorId) };
    for (let fetched = 0; ; fetched += 1) {
      const received = open.rules.receive(request, scopes, env);
      if (received.kind !== 'needs_key') return received;
      if (fetched === maxKeyFetches) return { kind: 'refused', status: 401, reason: 'unknown_key' };
      if (!(await keys.fetch(open.address, open.connector, received.need, scopes[0] ?? {}))) return { kind: 'refused', status: 503, reason: 'too_many_keys' };
    }
  }

  #rowOf(open: OpenAddress, request: InboundRequest, query: string, rawHeaders: readonly string[], verification: object): NewRequest {
    const { address, tenantId } = open;
    return {
      id: newId('ibr', request.receivedAtMs),
      receivedAtMs: request.receivedAtMs,
      source: 'webhook',
      lane: open.ordered ? laneOf(address.id) : null,
      connectorId: address.connectorId,
      connectorVersion: open.connectorVersion,
      addressId: address.id,
      accountId: address.accountId,
      tenantId,
      method: request.method,
      query,
      headers: writeHeaderLines(rawHeaders),
      body: request.body,
      verification: JSON.stringify(verification),
    };
  }

  /** What a handshake told is kept before it is answered. False when it may be told once only and somebody was first. */
  async #capture(open: OpenAddress, { handshake, captures }: Extract<Received, { kind: 'reply' }>): Promise<boolean> {
    if (captures === null) return true;
    const { pool, vault, directory } = this.#parts;
    const once = open.rules.source.handshake?.find(({ id }) => id === handshake)?.unless_set !== undefined;
    const { address } = open;
    const kept = await transaction(pool, async (client) => {
      if (Object.keys(captures.captured).length > 0 && address.accountId !== null) {
        await mergeCaptures(client, address.accountId, captures.captured);
        await announceAccount(client, address.accountId);
      }
      return Object.keys(captures.secret).length === 0 || addAddressSecrets(client, vault, address.id, captures.secret, once);
    });
    directory.forgetAddress(address.id);
    return kept;
  }

  #refuse({ response, requestId }: Exchange, open: OpenAddress, status: number, reason: RefusalReason): void {
    const { address, tenantId } = open;
    this.#parts.refusals.note({ connector: address.connectorId, addressId: address.id, accountId: address.accountId, reason, requestId });
    if (reason !== 'not_accepted') this.#parts.observer.observe({ kind: 'inbound', surface: 'refused', tenantId, accountId: address.accountId, connectorId: address.connectorId, category: null, endpoint: null, outcome: 'failure', origin: reason === 'key_unavailable' ? 'upstream' : 'caller', code: reason, atMs: this.#parts.now(), totalUs: 0, upstreamUs: 0 });
    answerProblem(response, requestId, status, status === 503 ? 'The key to check this request with cannot be fetched at the moment. Send it again.' : 'The request is not proven to come from the vendor.');
  }
}

function answer(response: ServerResponse, requestId: string, { status, headers, body }: InboundReply): void {
  if (response.destroyed) return;
  response.writeHead(status, { ...headers, 'evenkeel-request-id': requestId, ...(status === 204 ? {} : { 'content-length': Buffer.byteLength(body) }) });
  response.end(status === 204 ? undefined : body);
}

function answerUnknown({ response, requestId, message }: Exchange, kind: Exclude<FoundAddress['kind'], 'open'>): void {
  message.resume();
  if (kind === 'closed') answerProblem(response, requestId, 410, 'The account of this address was deleted: nothing is taken here any more.');
  else answerProblem(response, requestId, 404, 'There is no such inbound address.');
}

function answerProblem(response: ServerResponse, requestId: string, status: number, detail: string): void {
  const code = status === 404 || status === 410 ? 'not_found' : status >= 500 ? 'internal' : status === 401 ? 'unauthorized' : 'invalid_request';
  const text = JSON.stringify(problemOf(code, detail, requestId, { status, ...(status === 503 ? { retry_after: 5 } : {}) }));
  response.writeHead(status, { 'content-type': 'application/problem+json', 'content-length': Buffer.byteLength(text), 'evenkeel-request-id': requestId, ...(status === 503 ? { 'retry-after': '5' } : {}) });
  response.end(text);
}
