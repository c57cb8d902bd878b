/**
 * Drivers: generators that yield the next request and take its reply. Core decides what is asked and what an answer
 * means; whoever drives performs, with whatever network, timeouts and limits it has.
 */
import type { OutgoingRequest } from '../connectors/connector.ts';
import type { UpstreamAnswer } from '../connectors/answers/upstream-answer.ts';

export interface StepRequest {
  /** `token`, `introspection`, `validation`, or the id of a step of the manifest. */
  readonly step: string;
  readonly request: OutgoingRequest;
}

/**
 * `ok: false`: no answer that could be read came, `message` says why. `unsent`: nothing went out. `refused`: the address
 * may not be called, so that trying again cannot help.
 */
export type StepReply = { readonly ok: true; readonly answer: UpstreamAnswer } | { readonly ok: false; readonly message: string; readonly unsent?: boolean; readonly refused?: boolean };

export type Driver<Outcome> = AsyncGenerator<StepRequest, Outcome, StepReply>;

/** Drives to the outcome with `perform` answering each request in turn. A throw of `perform` ends the driver. */
export async function drive<Outcome>(driver: Driver<Outcome>, perform: (request: StepRequest) => Promise<StepReply>): Promise<Outcome> {
  let next = await driver.next();
  while (next.done !== true) next = await driver.next(await perform(next.value));
  return next.value;
}
