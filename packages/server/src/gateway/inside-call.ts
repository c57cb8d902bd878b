/**
 * Calls that Evenkeel makes for itself. They go the way of any caller's, through the same rate limits, records
 * and refusals; the answer is held instead of sent. They are recorded and counted apart, as surface `background`: no
 * tenant's success rate and no objective holds them.
 */
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { ProxyCall } from '@evenkeel/core/gateway/call.ts';
import type { UnifiedCall } from '@evenkeel/core/gateway/unified-query.ts';
import { newId } from '../identifier.ts';
import { CallInProgress } from './call-in-progress.ts';
import type { Gateway } from './gateway.ts';
import type { UnifiedGateway } from './unified.ts';

export interface InsideAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed; undefined when there was none. A problem (RFC 9457) from status 400 on. */
  readonly body: unknown;
}

/** Takes what would have been written to a socket. */
class HeldResponse extends ServerResponse {
  readonly #chunks: Buffer[] = [];
  readonly held = Promise.withResolvers<InsideAnswer>();
  #head: { status: number; headers: Record<string, string> } = { status: 0, headers: {} };

  constructor() {
    super(new IncomingMessage(new Socket()));
  }

  override writeHead(status: number, ...rest: unknown[]): this {
    const given = rest.at(-1);
    const flat = Array.isArray(given) ? (given as unknown[]) : Object.entries((given as object | undefined) ?? {}).flat();
    const headers: Record<string, string> = {};
    for (let index = 0; index < flat.length; index += 2) headers[String(flat[index]).toLowerCase()] = String(flat[index + 1]);
    this.#head = { status, headers };
    return this;
  }

  override end(...rest: unknown[]): this {
    const [chunk, encoding] = rest;
    if (typeof chunk === 'string') this.#chunks.push(Buffer.from(chunk, encoding === 'latin1' ? 'latin1' : 'utf8'));
    else if (chunk instanceof Uint8Array) this.#chunks.push(Buffer.from(chunk));
    const text = Buffer.concat(this.#chunks).toString('utf8');
    this.held.resolve({ ...this.#head, body: text === '' ? undefined : (JSON.parse(text) as unknown) });
    return this;
  }
}

/** Never rejects for what an account or a vendor is like: that is an answer with its problem. */
export async function callInside(unified: UnifiedGateway, account: { readonly id: string; readonly tenantId: string; readonly settingUp?: boolean }, call: UnifiedCall): Promise<InsideAnswer> {
  const response = new HeldResponse();
  await unified.carry(call, { requestId: newId('req'), response, accountId: account.id, caller: { tenantId: account.tenantId, settingUp: account.settingUp === true }, background: true });
  // A call that ended without an answer: nothing else will come.
  response.held.resolve({ status: 502, headers: {}, body: undefined });
  return response.held.promise;
}

/** A call of a connector's own resource, for itself as well. */
export async function callResourceInside(gateway: Gateway, account: { readonly id: string; readonly tenantId: string }, incoming: ProxyCall, nowMs: number): Promise<InsideAnswer> {
  const response = new HeldResponse();
  await gateway.carry(new CallInProgress(incoming, newId('req'), response, nowMs, true), account.id, { tenantId: account.tenantId }, null);
  response.held.resolve({ status: 502, headers: {}, body: undefined });
  return response.held.promise;
}
