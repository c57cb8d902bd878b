/**
 * A route as data: path, who may, what it leaves in the audit log, its schemas and its act. A route that leaves one
 * out does not compile. Handlers parse (by schema), authorise what the scope cannot, act and reply.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type Type from 'typebox';
import type { KeyScope } from '@evenkeel/contract/api/access.ts';
import type { Caller } from '../access/keys.ts';
import type { Unadmitted } from './authentication.ts';

export interface RouteSchema {
  readonly params?: Type.TObject;
  readonly query?: Type.TObject;
  readonly body?: Type.TSchema;
  /** Status → schema of the answer; `null` for an empty or streamed one. */
  readonly response: Readonly<Record<number, Type.TSchema | null>>;
}

type Part<Schema, Key extends keyof RouteSchema> = Schema extends { readonly [K in Key]: infer Found extends Type.TSchema } ? Type.Static<Found> : undefined;

/** What a handler may give back: the body of one of its answers, or the reply it has sent itself. */
type Answer<Schema extends RouteSchema> =
  | { [Status in keyof Schema['response']]: Schema['response'][Status] extends Type.TSchema ? Type.Static<Schema['response'][Status]> : undefined }[keyof Schema['response']]
  | FastifyReply;

export interface RouteRequest<Schema extends RouteSchema = RouteSchema> {
  readonly params: Part<Schema, 'params'>;
  readonly query: Part<Schema, 'query'>;
  readonly body: Part<Schema, 'body'>;
  readonly requestId: string;
  readonly raw: FastifyRequest;
  readonly reply: FastifyReply;
}

interface RouteBase<Schema extends RouteSchema> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | readonly string[];
  readonly path: string;
  readonly summary: string;
  readonly tag: string;
  readonly schema: Schema;
  /** Largest body in bytes; default 1 MiB. */
  readonly bodyLimit?: number;
  /** The body arrives as the unread stream `raw.raw`, whatever its type. */
  readonly rawBody?: true;
  /** The handler writes its whole answer on `reply.raw`, the header evenkeel-request-id included. */
  readonly answersRaw?: true;
  /** Told when the key of a request could not be looked up, through a failure of ours: for what is counted against us. */
  readonly unadmitted?: Unadmitted;
}

/** `audit`: the action's name, such as `account.retry`, or why the route needs none. */
export type Audit = { readonly action: string } | { readonly none: 'reads only' | 'kept as a call record' | 'kept by the room itself' };

export type KeyedRoute<Schema extends RouteSchema = RouteSchema> = RouteBase<Schema> & {
  readonly access: KeyScope;
  readonly audit: Audit;
  readonly handle: (request: RouteRequest<Schema> & { readonly caller: Caller }) => Answer<Schema> | Promise<Answer<Schema>>;
};

/** Open to everyone: pages, callbacks, probes. What authenticates the request is the handler's affair. */
export type OpenRoute<Schema extends RouteSchema = RouteSchema> = RouteBase<Schema> & {
  readonly access: 'open';
  readonly audit: Audit;
  readonly handle: (request: RouteRequest<Schema>) => Answer<Schema> | Promise<Answer<Schema>>;
};

/** A route with its types folded away, as the table of routes holds it. */
export type Route = Omit<KeyedRoute, 'access' | 'handle'> & {
  readonly access: KeyScope | 'open';
  readonly handle: (request: { params: never; query: never; body: never; requestId: string; raw: FastifyRequest; reply: FastifyReply; caller: never }) => unknown;
};

/** Checks a definition against its own schemas; returns it for the table of routes. */
export function route<const Schema extends RouteSchema>(definition: KeyedRoute<Schema>): Route;
export function route<const Schema extends RouteSchema>(definition: OpenRoute<Schema>): Route;
export function route(definition: object): Route {
  return definition as Route;
}
