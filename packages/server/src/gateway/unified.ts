/**
 * Calls on unified models: open the account, find its mapping, let the proxied call that serves it be carried by the
 * gateway, and answer with records of the model. A write whose answer is not the record is followed by one read.
 */
import type { ServerResponse } from 'node:http';
import type { Connector } from '@evenkeel/core/connectors/connector.ts';
import type { CompiledMapping } from '@evenkeel/core/connectors/mapping/mapping.ts';
import type { CallAnswer } from '@evenkeel/core/gateway/answer.ts';
import type { ProxyCall } from '@evenkeel/core/gateway/call.ts';
import { failureOf, type CallFailure } from '@evenkeel/core/gateway/failure.ts';
import { answerUnified, planUnified, type UnifiedAnswer, type UnifiedPlan } from '@evenkeel/core/gateway/unified.ts';
import type { UnifiedCall } from '@evenkeel/core/gateway/unified-query.ts';
import type { AccountAccess } from '../accounts/account-access.ts';
import type { AccountCaller, OpenAccount } from '../accounts/open-account.ts';
import { CallInProgress } from './call-in-progress.ts';
import { failed, notOpened, type Gateway, type Result, type Unread } from './gateway.ts';

/** Where the mapping of an account's calls comes from: the connector's own with every layer of overrides on it. */
export interface EffectiveMappings {
  /** Throws when the layers do not fit together. */
  mappingFor(connector: Connector, model: string, owner: { readonly tenantId: string; readonly accountId: string }): CompiledMapping | undefined;
}

export interface UnifiedParts {
  readonly gateway: Gateway;
  readonly accounts: AccountAccess;
  readonly mappings: EffectiveMappings;
  readonly now: () => number;
}
interface Exchange {
  readonly requestId: string;
  readonly response: ServerResponse;
  readonly accountId: string | undefined;
  readonly caller: AccountCaller;
  /** Made by Evenkeel for itself. */
  readonly background?: boolean;
}
type Answered = Extract<CallAnswer, { ok: true }>;

export class UnifiedGateway {
  readonly #parts: UnifiedParts;

  constructor(parts: UnifiedParts) {
    this.#parts = parts;
  }

  /** Answers on the response and records every vendor call made. Never rejects. */
  async carry(call: UnifiedCall, exchange: Exchange): Promise<void> {
    const { gateway, accounts } = this.#parts;
    const unplanned = this.#begin({ surface: 'proxy', unified: call.model, unifiedMethod: call.method, httpMethod: call.method, resource: call.model, query: {}, headers: call.headers }, exchange);
    const { accountId, caller } = exchange;
    if (accountId === undefined || accountId === '') return gateway.answer(unplanned, await gateway.perform(unplanned, accountId, caller, null));
    try {
      const opening = await accounts.open(accountId, caller);
      if (!opening.ok) {
        unplanned.unopened = opening.failure.owner ?? null;
        return await gateway.answer(unplanned, notOpened(opening.failure));
      }
      const { opened } = opening;
      unplanned.opened = opened;
      const planning = await this.#plan(opened, call);
      if (!planning.ok) return await gateway.answer(unplanned, failed(planning.failure));
      await this.#perform(planning.plan, opened, exchange);
    } catch (error) {
      if (unplanned.opened === null) unplanned.unopened ??= gateway.ownerOf(accountId, caller);
      await gateway.answer(unplanned, gateway.unexpected(unplanned, error));
    }
  }

  /** Records a call whose key could not be looked up. */
  notAdmitted(call: Omit<Unread, 'surface'>, caller: AccountCaller | undefined, failure: { readonly status: number; readonly tookMs: number }): void {
    this.#parts.gateway.notAdmitted({ ...call, surface: 'unified' }, caller, failure);
  }

  async #plan(opened: OpenAccount, call: UnifiedCall): Promise<Awaited<ReturnType<typeof planUnified>>> {
    let mapping: CompiledMapping | undefined;
    try {
      mapping = this.#parts.mappings.mappingFor(opened.connector, call.model, { tenantId: opened.tenantId, accountId: opened.id });
    } catch (error) {
      const detail = `The mapping of ${call.model} for ${opened.connector.manifest.name} with its overrides is faulty: ${error instanceof Error ? error.message : ''} Mend or remove the override.`;
      return { ok: false, failure: failureOf({ kind: 'call', code: 'mapping_failed', reason: 'mapping-override', detail }) };
    }
    return planUnified(opened.connector, mapping, call, opened.scope, this.#parts.now());
  }

  async #perform(plan: UnifiedPlan, opened: OpenAccount, exchange: Exchange): Promise<void> {
    const { gateway } = this.#parts;
    const progress = this.#begin(plan.incoming, exchange);
    const result = await gateway.perform(progress, opened.id, exchange.caller, null);
    if (result.kind === 'failure') return gateway.answer(progress, result);
    if (result.kind === 'stream') {
      result.reply.discard();
      return gateway.answer(progress, unreadable(opened));
    }
    const { answer } = result;
    if (plan.method === 'delete') return gateway.answer(progress, { kind: 'answer', answer: { ...answer, status: 204, body: { kind: 'none' } } });
    const record = valueOf(answer);
    if (plan.rereads) return this.#reread(plan, opened, exchange, progress, record);
    if (record === undefined) return gateway.answer(progress, unreadable(opened));
    return gateway.answer(progress, shaped(answer, await answerUnified(opened.connector, plan, record)));
  }

  /** The write has happened, and is recorded as such; what goes wrong from here on says so. */
  async #reread(plan: UnifiedPlan, opened: OpenAccount, exchange: Exchange, written: CallInProgress, answered: unknown): Promise<void> {
    const { gateway } = this.#parts;
    const id = plan.rereadId(answered);
    if (id === undefined) return gateway.answer(written, failed(afterWrite(opened, plan, undefined, 'its answer does not hold the record\'s id')));
    gateway.record(written, plan.method === 'create' ? 201 : 200);
    const { headers } = plan.incoming;
    const planning = await this.#plan(opened, { model: plan.mapping.model, method: 'get', id, query: plan.asked === undefined ? {} : { fields: [...plan.asked].join(',') }, headers });
    const reading = planning.ok ? this.#begin(planning.plan.incoming, exchange) : written;
    const result: Result = planning.ok ? await gateway.perform(reading, opened.id, exchange.caller, null) : failed(planning.failure);
    if (result.kind !== 'answer') return gateway.answer(reading, failed(afterWrite(opened, plan, id, result.kind === 'failure' ? result.failure.detail : 'the answer cannot be read')));
    const made = await answerUnified(opened.connector, { ...plan, rereads: false }, valueOf(result.answer));
    return gateway.answer(reading, shaped(result.answer, made));
  }

  #begin(incoming: ProxyCall, { requestId, response, background }: Exchange): CallInProgress {
    return new CallInProgress(incoming, requestId, response, this.#parts.now(), background);
  }
}

function shaped(answer: Answered, made: UnifiedAnswer): Result {
  if (!made.ok) return failed(made.failure, answer.headers);
  return { kind: 'answer', answer: { ...answer, status: made.status, body: { kind: 'json', value: made.body } } };
}

/** What a proxied call answered with, as data; undefined for nothing and for what is no JSON. */
function valueOf({ body }: Answered): unknown {
  if (body.kind === 'json') return body.value;
  if (body.kind === 'none') return undefined;
  try {
    return JSON.parse(Buffer.from(body.bytes.buffer, body.bytes.byteOffset, body.bytes.byteLength).toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}

function unreadable({ connector }: OpenAccount): Result {
  const { name } = connector.manifest;
  return failed(failureOf({ kind: 'body', vendor: name, failure: 'malformed', detail: 'it holds no record' }));
}

function afterWrite({ connector }: OpenAccount, plan: UnifiedPlan, id: string | undefined, reason: string): CallFailure {
  const { name } = connector.manifest;
  const detail = `${name} has ${plan.method === 'create' ? 'created' : 'changed'} the ${plan.mapping.model}${id === undefined ? '' : ` ${id}`}, and it could not be read back: ${reason} Do not send the call again; get the record instead.`;
  return failureOf({ kind: 'call', code: 'mapping_failed', reason: 'reread', detail });
}
