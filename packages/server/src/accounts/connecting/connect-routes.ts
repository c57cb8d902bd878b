/**
 * The hosted connect pages and the OAuth callback over HTTP. A connect token is a credential: it never reaches a log,
 * an audit entry or a referrer, and no page is cached, framed or allowed a script.
 */
import type { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import Type from 'typebox';
import { route, type Route, type RouteRequest } from '../../http/route.ts';
import type { Log } from '../../log.ts';
import type { ConnectFlow, Step } from './connect-flow.ts';
import { failurePage, renderPage } from './connect-pages.ts';

const cookieName = 'evenkeel_connect';
const longestForm = 256 * 1024;
/** A form is sent by a browser in one go; whoever dribbles it only holds a connection. */
const slowestFormMs = 30_000;

const params = Type.Object({ token: Type.String({ maxLength: 200 }) });
const shape = { params, response: { 200: null } } as const;
const common = { tag: 'connecting', access: 'open', audit: { none: 'kept by the room itself' } } as const;

export function connectRoutes({ flow, publicUrl, log }: { flow: ConnectFlow; publicUrl: string; log: Log }): Route[] {
  const secure = publicUrl.startsWith('https:');
  const answer = async (request: Pick<RouteRequest, 'reply' | 'requestId'>, act: () => Promise<Step>): Promise<FastifyReply> => {
    try {
      return send(request.reply, await act(), secure);
    } catch (error) {
      log.error({ err: error, requestId: request.requestId }, 'accounts: a connect page failed inside');
      return send(request.reply, { page: failurePage(500, 'Something failed here', 'The failure is ours, and nothing you entered was lost to anybody.', `Try again. If it stays, tell whoever sent the link this number: ${request.requestId}`) }, secure);
    }
  };
  return [
    route({
      ...common,
      method: 'GET',
      path: '/connect/:token',
      summary: 'Page on which the owner of an account connects it',
      schema: shape,
      handle: (request) => answer(request, () => flow.show(request.params.token)),
    }),
    route({
      ...common,
      method: 'POST',
      path: '/connect/:token',
      summary: 'Submission of the connect page',
      schema: shape,
      rawBody: true,
      handle: (request) =>
        answer(request, async () => {
          const form = await readForm(request.raw.raw);
          if (form === undefined) return { page: failurePage(413, 'That is too much', 'The form holds more than it can.', 'Go back and shorten what you entered.') };
          return flow.submit(request.params.token, form, browserOf(request));
        }),
    }),
    route({
      ...common,
      method: 'POST',
      path: '/connect/:token/retry',
      summary: 'Runs failed post-install steps again',
      schema: shape,
      rawBody: true,
      handle: (request) => answer(request, () => flow.retry(request.params.token)),
    }),
    route({
      ...common,
      method: 'GET',
      path: '/oauth/callback',
      summary: 'Where vendors send the browser back to',
      schema: { query: Type.Object({}, { additionalProperties: true }), response: { 200: null } },
      // A state counts once: whoever only asks for headers must not use it up.
      handle: (request) => (request.raw.method === 'HEAD' ? request.reply.code(200).send() : answer(request, () => flow.callback(textsOf(request.query), browserOf(request)))),
    }),
  ];
}

function send(reply: FastifyReply, step: Step, secure: boolean): FastifyReply {
  reply.header('cache-control', 'no-store').header('referrer-policy', 'no-referrer').header('x-content-type-options', 'nosniff').header('x-frame-options', 'DENY');
  if ('redirect' in step) {
    if (step.browser !== undefined) reply.header('set-cookie', `${cookieName}=${step.browser}; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`);
    return reply.code(303).header('location', step.redirect).send();
  }
  const target = step.formTarget === undefined ? '' : ` ${step.formTarget}`;
  return reply
    .code(step.page.status)
    .header('content-security-policy', `default-src 'none'; style-src 'self'; form-action 'self'${target}; base-uri 'none'; frame-ancestors 'none'`)
    .type('text/html; charset=utf-8')
    .send(renderPage(step.page));
}

async function readForm(stream: Readable): Promise<URLSearchParams | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  const timer = setTimeout(() => stream.destroy(), slowestFormMs);
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > longestForm) return undefined;
      chunks.push(chunk);
    }
  } finally {
    clearTimeout(timer);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
}

/** The first value of each parameter: a repeated one must not smuggle a second reading, nor a text the database cannot hold. */
function textsOf(query: object): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(query) as [string, unknown][]) {
    const first: unknown = Array.isArray(value) ? value[0] : value;
    if (typeof first === 'string' && name !== '__proto__') texts[name] = first.replaceAll('\0', '').toWellFormed();
  }
  return texts;
}

function browserOf({ raw }: Pick<RouteRequest, 'raw'>): string | undefined {
  const pair = (raw.headers.cookie ?? '').split(/;\s*/).find((part) => part.startsWith(`${cookieName}=`));
  const value = pair?.slice(cookieName.length + 1);
  return value !== undefined && /^[A-Za-z0-9_-]{43}$/.test(value) ? value : undefined;
}
