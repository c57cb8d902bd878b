/** Who calls: a bearer key, looked up, its scope held against the route's. */
import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify';
import type { KeyScope } from '@evenkeel/contract/api/access.ts';
import { allows, type Caller, type KeyLookup } from '../access/keys.ts';
import { isDatabaseOutage } from '../database/pool.ts';
import { Refusal } from './problem.ts';

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller | null;
    auditId: number | null;
  }
}

const bearer = /^Bearer +([\x21-\x7e]{1,512})$/i;

/** Told of a request that was refused because its key could not be looked up; `caller` is who held the key last, if it is remembered. */
export type Unadmitted = (request: FastifyRequest, caller: Caller | undefined, failure: { readonly status: number; readonly tookMs: number }) => void;

/** A hook that lets pass who holds `scope`. A key known in memory costs no promise. */
export function requireScope(keys: KeyLookup, scope: KeyScope, unadmitted?: Unadmitted) {
  const admit = (request: FastifyRequest, caller: Caller | undefined): Refusal | undefined => {
    if (caller === undefined) return new Refusal('unauthorized', 'This API key is unknown, expired or revoked. Use a key that GET /v1/api-keys lists as valid.');
    if (!allows(caller.scope, scope)) {
      return new Refusal('forbidden', `This key has the scope ${caller.scope}; the operation needs ${scope}. Use a key with that scope.`);
    }
    request.caller = caller;
    return undefined;
  };
  return (request: FastifyRequest, _reply: FastifyReply, done: HookHandlerDoneFunction): void => {
    const header = request.headers.authorization;
    // What is remembered has passed the pattern below once.
    const remembered = header?.startsWith('Bearer ') === true ? keys.remembered(header.slice(7)) : undefined;
    if (remembered !== undefined) {
      done(admit(request, remembered));
      return;
    }
    const key = header === undefined ? undefined : bearer.exec(header)?.[1];
    if (key === undefined) {
      done(new Refusal('unauthorized', 'No API key. Send the header "Authorization: Bearer <key>".'));
      return;
    }
    const startedAt = performance.now();
    keys.find(key).then(
      (caller) => done(admit(request, caller)),
      (error: unknown) => {
        unadmitted?.(request, keys.lastKnown(key), { status: isDatabaseOutage(error) ? 503 : 500, tookMs: performance.now() - startedAt });
        done(error instanceof Error ? error : new Error(String(error)));
      },
    );
  };
}
