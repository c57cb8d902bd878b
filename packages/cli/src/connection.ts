/** The client of the server that a command talks to: flags first, then the environment. */
import { Evenkeel } from '@evenkeel/sdk/client.ts';
import type { Invocation } from './command.ts';
import { UsageError } from './command.ts';

/** Throws UsageError when there is no key or the address is none. Answers are waited for 30 s at most, retries included. */
export function connect({ values, environment }: Invocation): Evenkeel {
  const baseUrl = textOf(values['url']) ?? textOf(environment['EVENKEEL_URL']) ?? 'http://127.0.0.1:4400';
  const apiKey = textOf(values['api-key']) ?? textOf(environment['EVENKEEL_API_KEY']);
  if (apiKey === undefined) throw new UsageError('no API key: set EVENKEEL_API_KEY, or pass --api-key.');
  try {
    return new Evenkeel({ baseUrl, apiKey, breaker: false, backoff: { maxRetries: 2, maxTotalMs: 30_000 } });
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message.replace(/^baseUrl/, 'EVENKEEL_URL or --url').replace(/^apiKey/, 'the API key'));
    throw error;
  }
}

/** The text of an option or a variable; undefined when it is absent or blank. */
export function textOf(value: string | boolean | undefined): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}
