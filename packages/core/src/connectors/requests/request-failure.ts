/** How building a request fails inside; `request.ts` turns it into a problem, so it never leaves this room. */
import type { RequestProblem } from '../connector.ts';

export class RequestFailure extends Error {
  override readonly name = 'RequestFailure';
  readonly problem: RequestProblem;

  constructor(problem: RequestProblem) {
    super(problem.message);
    this.problem = problem;
  }
}

/** The caller gave something the request cannot carry. */
export function callerFailure(message: string): RequestFailure {
  return new RequestFailure({ code: 'invalid_request', origin: 'caller', message });
}

/** The manifest or what the account stored does not lead to a request. */
export function platformFailure(message: string): RequestFailure {
  return new RequestFailure({ code: 'internal', origin: 'platform', message });
}

/** Blames whoever fills the root that a placeholder names: the caller for `input` and `page`, the installation otherwise. */
export function failureOf(root: unknown, message: string): RequestFailure {
  return root === 'input' || root === 'page' ? callerFailure(message) : platformFailure(message);
}
