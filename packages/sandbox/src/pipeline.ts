/** The way of one request: read, find the vendor and the route, let faults act, answer, finish, log, write. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from './clock.ts';
import { json, type Call, type Reply } from './exchange.ts';
import { delay, replacement, reshape, wireBody } from './fault-effects.ts';
import type { ActiveFault, FaultTable } from './faults.ts';
import type { Random } from './random.ts';
import type { RequestLog } from './request-log.ts';
import { matchRoute, type RouteKind } from './route.ts';
import type { Vendor } from './vendor.ts';

export interface PipelineDeps {
  readonly clock: Clock;
  readonly faults: FaultTable;
  readonly log: RequestLog;
  readonly random: Random;
  vendors(): readonly Vendor[];
  control(call: Call): Reply;
}

const maxBodyBytes = 32 * 1024 * 1024;

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= maxBodyBytes) chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function readCall(request: IncomingMessage, raw: Buffer): Call {
  const target = request.url ?? '/';
  const cut = target.indexOf('?');
  const path = cut < 0 ? target : target.slice(0, cut);
  const [, first = ''] = path.split('/');
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
  const isControl = first === '_sandbox';
  return {
    method: request.method ?? 'GET',
    host: isControl ? '' : first.toLowerCase(),
    role: '',
    hostParams: {},
    path: isControl ? path : path.slice(first.length + 1) || '/',
    query: new URLSearchParams(cut < 0 ? '' : target.slice(cut + 1)),
    headers,
    raw,
    params: {},
  };
}

function place(vendors: readonly Vendor[], call: Call): { vendor: Vendor; call: Call } | null {
  for (const vendor of vendors) {
    for (const [role, pattern] of Object.entries(vendor.hosts)) {
      const match = pattern.exec(call.host);
      if (match !== null) return { vendor, call: { ...call, role, hostParams: { ...match.groups } } };
    }
  }
  return null;
}

interface Outcome {
  readonly reply: Reply | 'hang' | 'reset';
  readonly faults: readonly ActiveFault[];
  readonly vendor: Vendor | null;
  readonly kind: RouteKind | 'unknown';
  readonly account: string | null;
}

async function answer(deps: PipelineDeps, arrived: Call, signal: AbortSignal): Promise<Outcome> {
  const placed = place(deps.vendors(), arrived);
  if (placed === null) return { reply: json(404, { error: `No simulated vendor has the host "${arrived.host}".` }), faults: [], vendor: null, kind: 'unknown', account: null };
  const { vendor } = placed;
  const method = placed.call.method === 'HEAD' ? 'GET' : placed.call.method;
  const match = matchRoute(vendor.routes, method, placed.call.role, placed.call.path);
  const call: Call = match.found ? { ...placed.call, params: match.params } : placed.call;
  const kind: RouteKind = match.found ? match.route.kind : 'api';
  const identity = vendor.identify(call);
  const faults = deps.faults.hit(vendor.id, call, kind, identity);
  const outcome = (reply: Outcome['reply']): Outcome => ({ reply, faults, vendor, kind: match.found ? kind : 'unknown', account: identity?.account ?? null });
  await delay(faults, deps.random, signal);
  if (faults.some((fault) => fault.kind === 'hang')) return outcome('hang');
  if (faults.some((fault) => fault.kind === 'connection_reset')) return outcome('reset');
  const failed = replacement(vendor, call, kind, identity, faults, deps.clock.now());
  if (failed !== null) return outcome(vendor.finish(call, failed));
  if (!match.found) return outcome(vendor.finish(call, vendor.failure(match.otherMethods.length > 0 ? 'method_not_allowed' : 'not_found', call, {})));
  return outcome(vendor.finish(call, reshape(await match.route.handle(call), faults)));
}

function write(response: ServerResponse, request: IncomingMessage, outcome: Outcome): void {
  const { reply, faults } = outcome;
  if (reply === 'hang') return; // The socket stays open, silent, until the caller or close() ends it.
  if (reply === 'reset') {
    request.socket.resetAndDestroy();
    return;
  }
  const { bytes, cutAt } = wireBody(reply, faults);
  const type = reply.json === undefined ? {} : { 'content-type': 'application/json;charset=utf-8' };
  const length = reply.status === 204 || reply.status === 304 ? {} : { 'content-length': String(bytes.length) };
  response.writeHead(reply.status, { ...type, ...reply.headers, ...length });
  if (cutAt === null || request.method === 'HEAD') {
    response.end(request.method === 'HEAD' ? undefined : bytes);
    return;
  }
  response.write(bytes.subarray(0, cutAt), () => request.socket.destroy());
}

/** Answers one request of the sandbox's port; a bug in a vendor becomes a 500 that says so. */
export async function serve(deps: PipelineDeps, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const started = performance.now();
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const call = readCall(request, await readBody(request));
  if (call.path.startsWith('/_sandbox')) {
    write(response, request, { reply: deps.control(call), faults: [], vendor: null, kind: 'unknown', account: null });
    return;
  }
  const outcome = await answer(deps, call, gone.signal).catch((error: unknown): Outcome => {
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { reply: json(500, { error: 'The sandbox itself failed; this is a bug of packages/sandbox.', detail }), faults: [], vendor: null, kind: 'unknown', account: null };
  });
  const grantType = outcome.kind === 'token' ? /grant_type"?[=:]\s*"?([\w%:.-]+)/.exec(call.raw.toString('latin1'))?.[1] : undefined;
  deps.log.add({
    at: deps.clock.now(),
    vendor: outcome.vendor?.id ?? 'unknown',
    kind: outcome.kind,
    method: call.method,
    host: call.host,
    path: call.query.size === 0 ? call.path : `${call.path}?${call.query}`,
    status: typeof outcome.reply === 'string' ? null : outcome.reply.status,
    account: outcome.account,
    grant_type: grantType === undefined ? null : decodeURIComponent(grantType),
    faults: outcome.faults.map((fault) => fault.kind),
    ms: Math.round((performance.now() - started) * 1000) / 1000,
  });
  write(response, request, outcome);
}
