/**
 * Questions and answers between the processes of a node, over the channel that Node opens to a process it forks. Both ends
 * ask and answer. Messages that are neither pass by: the start of a process has its own.
 */
import type { Metric } from '../telemetry/metrics/exposition.ts';

/** What can be asked, and what the answer is. */
export interface Questions {
  /** What the process that is asked tells of itself. */
  readonly metrics: readonly Metric[];
  /** What all processes of the node come to; asked of the first. */
  readonly nodeMetrics: readonly Metric[];
  readonly alive: true;
  /** Why the process that is asked is not ready; empty when it is. */
  readonly faults: readonly string[];
}

export type Answers = { readonly [Name in keyof Questions]?: () => Promise<Questions[Name]> };

type Message =
  | { readonly kind: 'question'; readonly id: number; readonly name: keyof Questions }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly message: string };

/** The end of a channel: a child as its parent holds it, or this process as a child. */
export interface End {
  readonly connected: boolean;
  send?: (message: object, sent: (error: Error | null) => void) => boolean;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  once(event: 'disconnect', listener: () => void): unknown;
}

export class Channel {
  readonly #end: End;
  readonly #answers: Answers;
  readonly #waiting = new Map<number, { readonly resolve: (value: unknown) => void; readonly reject: (error: Error) => void }>();
  #asked = 0;

  constructor(end: End, answers: Answers) {
    this.#end = end;
    this.#answers = answers;
    end.on('message', (message) => void this.#receive(message as Message));
    end.once('disconnect', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the other process has ended'));
    });
  }

  /** Rejects when the other process has ended, failed at the question, or took longer than `withinMs`. */
  async ask<Name extends keyof Questions>(name: Name, withinMs: number): Promise<Questions[Name]> {
    const id = (this.#asked += 1);
    const answered = Promise.withResolvers<unknown>();
    const timer = setTimeout(() => answered.reject(new Error(`the other process did not answer within ${withinMs} ms`)), withinMs);
    this.#waiting.set(id, answered);
    this.#send({ kind: 'question', id, name }, answered.reject);
    try {
      return (await answered.promise) as Questions[Name];
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(id);
    }
  }

  async #receive(message: Message): Promise<void> {
    switch (message.kind) {
      case 'question':
        try {
          const answer = this.#answers[message.name];
          if (answer === undefined) throw new Error(`this process cannot tell its ${message.name}`);
          this.#send({ kind: 'answer', id: message.id, value: await answer() });
        } catch (error) {
          this.#send({ kind: 'failure', id: message.id, message: error instanceof Error ? error.message : String(error) });
        }
        return;
      case 'answer':
        this.#waiting.get(message.id)?.resolve(message.value);
        return;
      case 'failure':
        this.#waiting.get(message.id)?.reject(new Error(message.message));
    }
  }

  #send(message: Message, failed: (error: Error) => void = () => undefined): void {
    if (!this.#end.connected || this.#end.send === undefined) {
      failed(new Error('the other process has ended'));
      return;
    }
    this.#end.send(message, (error) => {
      if (error !== null) failed(error);
    });
  }
}
