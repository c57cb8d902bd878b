/**
 * The HTTP boundary: Fastify with our routes, one way in (authentication, validation, audit) and one way out
 * (problems, request ids). It knows no room; routes come as a table.
 */
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest, type RouteHandlerMethod } from 'fastify';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { ErrorObject } from 'ajv';
import { Problem } from '@evenkeel/contract/errors.ts';
import { beginAudit, completeAudit } from '../access/audit.ts';
import type { KeyLookup } from '../access/keys.ts';
import { isDatabaseOutage, type Queryable } from '../database/pool.ts';
import { newId } from '../identifier.ts';
import type { Log } from '../log.ts';
import { requireScope } from './authentication.ts';
import { settleObjectShapes } from './object-shapes.ts';
import { completeDocument, type ApiDocument } from './openapi-document.ts';
import { refuseBroken, refuseExpectation } from './broken-request.ts';
import { problemOf, Refusal } from './problem.ts';
import type { Route } from './route.ts';
import { createValidatorCompiler, validationRefusal } from './validation.ts';

export interface ApplicationDependencies {
  readonly database: Queryable;
  readonly keys: KeyLookup;
  readonly log: Log;
  readonly version: string;
  readonly routes: readonly Route[];
  /** How long requests under way may take to end once closing has begun; default 10 s. */
  readonly closeGraceMs?: number;
  /** How long a body that is read whole may take to arrive; default 60 s. */
  readonly arrivalMs?: number;
}

/** Ready to listen, or to be injected into; `close()` ends it after the requests under way. */
export async function createApplication(dependencies: ApplicationDependencies): Promise<FastifyInstance> {
  settleObjectShapes();
  const app = fastify({
    logger: false,
    genReqId: () => newId('req'),
    rewriteUrl: ({ url = '/' }) => originForm(url),
    bodyLimit: 1_048_576,
    forceCloseConnections: 'idle',
    // A slow sender of headers holds a socket no longer than this; bodies have bounds by route, since some are streams.
    requestTimeout: 0,
    http: { headersTimeout: 20_000, keepAliveTimeout: 65_000 },
    routerOptions: { maxParamLength: 2_000, ignoreTrailingSlash: false },
    ajv: { customOptions: {} },
    clientErrorHandler: (error, socket) => refuseBroken(error, socket),
    // What the router itself refuses: an address that cannot be decoded, a segment that is too long.
    frameworkErrors: (error, request, reply) => sendError(error, request, reply, dependencies.log),
  });
  for (const { method } of dependencies.routes) for (const one of typeof method === 'string' ? [] : method) if (!app.supportedMethods.includes(one)) app.addHttpMethod(one, { hasBody: true });
  app.server.on('checkExpectation', refuseExpectation);
  // Requests under way may end; a client that never finishes sending must not keep the process alive.
  app.addHook('preClose', (done) => {
    setTimeout(() => app.server.closeAllConnections(), dependencies.closeGraceMs ?? 10_000).unref();
    done();
  });
  app.decorateRequest('caller', null);
  app.decorateRequest('auditId', null);
  app.setValidatorCompiler(createValidatorCompiler());
  app.setErrorHandler((error: FastifyError | Refusal, request, reply) => sendError(error, request, reply, dependencies.log));
  app.setNotFoundHandler((request, reply) => {
    sendProblem(reply, request, new Refusal('not_found', `There is nothing at ${request.method} ${request.url.split('?')[0] ?? ''}. /docs lists every path.`));
  });
  await addDocumentation(app, dependencies);
  const parsed = dependencies.routes.filter(({ rawBody }) => rawBody !== true);
  const raw = dependencies.routes.filter(({ rawBody }) => rawBody === true);
  await app.register(async (scope) => {
    for (const one of parsed) addRoute(scope, one, dependencies);
  });
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
    for (const one of raw) addRoute(scope, one, dependencies);
  });
  await app.ready();
  return app;
}

const described: ReadonlySet<string> = new Set(['GET', 'PUT', 'POST', 'DELETE', 'OPTIONS', 'HEAD', 'PATCH']);

/** A request line may hold a whole address (RFC 9112, 3.2.2); every room reads path and query only. */
function originForm(url: string): string {
  if (url.startsWith('/')) return url;
  return /^https?:\/\/[^/?#]*(.*)$/i.exec(url)?.[1]?.replace(/^(?!\/)/, '/') ?? url;
}

/** Ends a request whose body does not arrive in time; what is streamed has limits of its own. */
function boundArrival(withinMs: number) {
  return (request: FastifyRequest, _reply: FastifyReply, _payload: unknown, done: (error: null) => void): void => {
    const timer = setTimeout(() => request.raw.complete || request.raw.destroy(), withinMs).unref();
    request.raw.once('end', () => clearTimeout(timer)).once('close', () => clearTimeout(timer));
    done(null);
  };
}

function addRoute(app: FastifyInstance, one: Route, { database, keys, log, arrivalMs = 60_000 }: ApplicationDependencies): void {
  const { params, query, body, response } = one.schema;
  const onRequest = one.access === 'open' ? [] : [requireScope(keys, one.access, one.unadmitted)];
  const action = 'action' in one.audit ? one.audit.action : undefined;
  const handle = one.handle as unknown as (request: object) => unknown;
  // Answers that a room sends itself, and streams, are not serialised by schema.
  const answers = Object.fromEntries(Object.entries(response).filter(([, schema]) => schema !== null));
  const handler: RouteHandlerMethod = (request, reply) => {
    if (one.answersRaw !== true) reply.raw.setHeader('evenkeel-request-id', request.id);
    const result = handle({ params: request.params, query: request.query, body: request.body, requestId: request.id, raw: request, reply, caller: request.caller });
    // A reply is a thenable: handed back, the framework would watch the whole answer for its end.
    return result === reply ? undefined : result;
  };
  app.route({
    method: typeof one.method === 'string' ? one.method : [...one.method],
    url: one.path,
    ...(one.bodyLimit === undefined ? {} : { bodyLimit: one.bodyLimit }),
    schema: {
      summary: one.summary,
      tags: [one.tag],
      // OpenAPI 3.1 has no place for further methods.
      hide: typeof one.method !== 'string' && !one.method.some((method) => described.has(method)),
      ...(one.access === 'open' ? { security: [] } : {}),
      ...(params === undefined ? {} : { params }),
      ...(query === undefined ? {} : { querystring: query }),
      ...(body === undefined ? {} : { body }),
      response: { ...answers, ...(one.access === 'open' ? {} : { '4xx': Problem, '5xx': Problem }) },
    },
    onRequest,
    ...(one.method === 'GET' || one.rawBody === true ? {} : { preParsing: boundArrival(arrivalMs) }),
    ...(action === undefined
      ? {}
      : {
          preHandler: async (request: FastifyRequest) => {
            request.auditId = await beginAudit(database, {
              actor: request.caller?.keyId ?? 'open',
              action,
              tenantId: request.caller?.tenantId ?? null,
              target: request.url.split('?')[0] ?? '',
              requestId: request.id,
            });
          },
          // Before the answer leaves: who was answered can rely on the entry.
          onSend: async (request: FastifyRequest, reply: FastifyReply) => {
            if (request.auditId === null) return;
            await completeAudit(database, request.auditId, reply.statusCode).catch((error: unknown) => {
              log.error({ err: error, requestId: request.id }, 'audit: the status of an act could not be written');
            });
          },
        }),
    handler,
  });
}

function sendError(error: FastifyError | Refusal, request: FastifyRequest, reply: FastifyReply, log: Log): void {
  if (error instanceof Refusal) {
    sendProblem(reply, request, error);
    return;
  }
  if (error.validation !== undefined) {
    sendProblem(reply, request, validationRefusal(error.validationContext ?? 'request', error.validation as unknown as ErrorObject[]));
    return;
  }
  const status = error.statusCode;
  if (status !== undefined && status >= 400 && status < 500) {
    sendProblem(reply, request, new Refusal('invalid_request', clientFault(error), { status }));
    return;
  }
  if (isDatabaseOutage(error)) {
    log.error({ err: error, requestId: request.id }, 'http: the database is not reachable');
    sendProblem(reply, request, new Refusal('internal', 'The database is not reachable at the moment. Try again; after a write, look first whether it took effect.', { status: 503, retry_after: 2 }));
    return;
  }
  log.error({ err: error, requestId: request.id, method: request.method, path: request.url.split('?')[0] }, 'http: a request failed inside');
  sendProblem(reply, request, new Refusal('internal', `Evenkeel failed on this request. Its log tells why under ${request.id}.`));
}

/** Fastify's own refusals in our words where they can say what to do. */
function clientFault(error: FastifyError): string {
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return 'The body is larger than this operation takes.';
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return 'This operation takes application/json. Set the Content-Type header.';
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return 'A segment of the path is longer than any id: 2000 characters.';
    case 'FST_ERR_BAD_URL':
      return 'The path is not well percent-encoded.';
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return 'The body is empty although its Content-Type says JSON.';
    default:
      return error.message;
  }
}

function sendProblem(reply: FastifyReply, request: FastifyRequest, refusal: Refusal): void {
  const problem = problemOf(refusal.code, refusal.message, request.id, refusal.details);
  void reply
    .code(problem.status)
    .header('evenkeel-request-id', request.id)
    .header('content-type', 'application/problem+json')
    .headers(problem.retry_after === undefined ? {} : { 'retry-after': String(problem.retry_after) })
    .serializer(JSON.stringify)
    .send(problem);
}

async function addDocumentation(app: FastifyInstance, { version, routes }: ApplicationDependencies): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Evenkeel', version, description: 'Integration platform: connectors, accounts, one proxy. Errors are RFC 9457 problems.' },
      components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
      security: [{ key: [] }],
    },
    transformObject: (generated) => ('openapiObject' in generated ? completeDocument(generated.openapiObject as ApiDocument, routes) : generated.swaggerObject),
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: true,
    // Without the bar on top, which shows the maker of the page and asks for other documents.
    uiConfig: { layout: 'BaseLayout' },
    // The documentation sets styles on its elements; scripts stay restricted to its own files.
    transformStaticCSP: (policy) => policy.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'"),
  });
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger());
}
