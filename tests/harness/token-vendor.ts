/**
 * A vendor with a token endpoint and an API on loopback, whose refresh tokens behave as a manifest can declare: they
 * stay, rotate with the old one good until the new one is used, or work once, reuse ending the whole family. It keeps
 * count of everything and fails on demand, also after it has acted on a request.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Refresh } from '@evenkeel/contract/manifest/auth.ts';
import { atEnd } from './database.ts';

export type Rotation = NonNullable<Refresh['rotation']>;

/** What happens to the next token request. `unheard`: the connection ends before it was acted on; `lost`: after. */
export type TokenFault = 'unheard' | 'lost' | 'garbage' | { readonly status: number; readonly retryAfterS?: number } | { readonly status: number; readonly text: string };

interface Family {
  readonly account: string;
  /** Accepted refresh tokens; the last one is the newest. */
  accepted: string[];
  readonly spent: Set<string>;
  access: Map<string, number>;
  revoked: boolean;
  issued: number;
  /** The newest refresh token whose answer went out whole. */
  delivered: string;
  /** An answer with a newer one was lost. */
  lost: boolean;
  /** Access tokens of lost answers. */
  readonly unheardOf: Set<string>;
}

export interface TokenVendor {
  readonly url: string;
  readonly manifest: object;
  /** A grant as consent would give it. */
  grant(account: string): { access_token: string; refresh_token: string };
  revoke(account: string): void;
  /** Ends the newest access token before its time. */
  endEarly(account: string): void;
  /** Applied to each token request until it answers undefined. */
  fault: ((account: string, request: number) => TokenFault | undefined) | undefined;
  /** Changes what a successful token request is answered with. */
  alter: ((body: object) => object) | undefined;
  /** Called when a token request has come and before it is acted on. */
  pause: (() => Promise<void>) | undefined;
  expiresInS: number;
  latencyMs: number;
  /** Moved along with the clock of the nodes. */
  nowMs: () => number;
  readonly seen: {
    /** Accounts of the token requests, in order. */
    readonly requests: string[];
    /** Times that a spent refresh token came again. */
    reuses: number;
    /** Of each: whether an answer had been lost before, and how long the newest delivered access token had to live. */
    readonly reuseCases: { readonly afterLoss: boolean; readonly leftMs: number }[];
    concurrent: number;
    maxConcurrent: number;
    exchanges: number;
  };
  /** The newest refresh token whose answer went out, whether the grant is over, and whether a newer answer was lost. */
  truth(account: string): { readonly delivered: string; readonly revoked: boolean; readonly lost: boolean };
  /** Whether the vendor accepts this access token now. */
  accepts(accessToken: string): boolean;
}

export async function startTokenVendor(options: { id: string; rotation: Rotation; refresh?: object; scheme?: object; manifest?: object }): Promise<TokenVendor> {
  const { id, rotation } = options;
  const families = new Map<string, Family>();
  const byToken = new Map<string, Family>();
  const server = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const vendor: TokenVendor = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    manifest: manifestOf(options),
    fault: undefined,
    alter: undefined,
    pause: undefined,
    expiresInS: 3600,
    latencyMs: 0,
    nowMs: Date.now,
    seen: { requests: [], reuses: 0, reuseCases: [], concurrent: 0, maxConcurrent: 0, exchanges: 0 },
    grant(account) {
      const family: Family = { account, accepted: [], spent: new Set(), access: new Map(), revoked: false, issued: 0, delivered: '', lost: false, unheardOf: new Set() };
      families.set(account, family);
      const given = issue(family);
      family.delivered = given.refresh_token;
      return given;
    },
    revoke: (account) => void (family(account).revoked = true),
    endEarly(account) {
      family(account).access.clear();
    },
    truth: (account) => family(account),
    accepts: (token) => (byToken.get(token)?.access.get(token) ?? 0) > vendor.nowMs() && byToken.get(token)?.revoked === false,
  };
  const family = (account: string): Family => {
    const found = families.get(account);
    if (found === undefined) throw new Error(`the vendor knows no ${account}`);
    return found;
  };

  function issue(to: Family): { access_token: string; refresh_token: string; expires_in: number } {
    to.issued += 1;
    const made = { access_token: `at.${to.account}.${to.issued}.${Math.random()}`, refresh_token: `rt.${to.account}.${to.issued}.${Math.random()}`, expires_in: vendor.expiresInS };
    to.access.set(made.access_token, vendor.nowMs() + vendor.expiresInS * 1000);
    if (rotation === 'none' && to.accepted[0] !== undefined) made.refresh_token = to.accepted[0];
    else to.accepted.push(made.refresh_token);
    byToken.set(made.access_token, to);
    byToken.set(made.refresh_token, to);
    return made;
  }

  function exchange(token: string): { status: number; body: object } {
    const found = byToken.get(token);
    if (found === undefined || found.revoked) return { status: 400, body: { error: 'invalid_grant', error_description: 'unknown or revoked' } };
    if (found.spent.has(token)) {
      vendor.seen.reuses += 1;
      vendor.seen.reuseCases.push({ afterLoss: found.lost, leftMs: Math.max(0, ...[...found.access].filter(([one]) => !found.unheardOf.has(one)).map(([, end]) => end - vendor.nowMs())) });
      found.revoked = true;
      return { status: 400, body: { error: 'invalid_grant', error_description: 'reuse detected' } };
    }
    if (rotation === 'single_use') {
      found.spent.add(token);
      found.accepted = [];
    }
    // The new one is in use: the one before it is over.
    if (rotation === 'rotates') {
      for (const older of found.accepted.slice(0, found.accepted.indexOf(token))) found.spent.add(older);
      found.accepted = found.accepted.filter((one) => !found.spent.has(one));
    }
    return { status: 200, body: issue(found) };
  }

  const tokensOf = (body: object): { access_token?: string; refresh_token?: string } => body;
  function losing(body: object): void {
    const { access_token: access = '' } = tokensOf(body);
    const owner = byToken.get(access);
    owner?.unheardOf.add(access);
    if (owner !== undefined) owner.lost = true;
  }
  function delivering(body: object): void {
    const { access_token: access = '', refresh_token: refresh } = tokensOf(body);
    const owner = byToken.get(access);
    if (owner === undefined || refresh === undefined) return;
    owner.delivered = refresh;
    owner.lost = false;
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += String(chunk);
    const answer = (status: number, body: object, headers: Record<string, string> = {}): void => void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
    const bearer = request.headers.authorization?.replace('Bearer ', '') ?? '';
    if (request.url === '/session') {
      vendor.seen.exchanges += 1;
      const fault = vendor.fault?.(`session ${byToken.get(bearer)?.account ?? ''}`, vendor.seen.exchanges);
      if (typeof fault === 'object') return answer(fault.status, { message: 'down' });
      return answer(200, { session: `session for ${bearer}` });
    }
    if (request.url !== '/token') return vendor.accepts(bearer) ? answer(200, { id: byToken.get(bearer)?.account }) : answer(401, { message: 'expired' });
    const parameters = new URLSearchParams(text);
    const token = parameters.get('refresh_token') ?? '';
    const account = byToken.get(token)?.account ?? parameters.get('client_id') ?? '';
    vendor.seen.requests.push(account);
    vendor.seen.concurrent += 1;
    vendor.seen.maxConcurrent = Math.max(vendor.seen.maxConcurrent, vendor.seen.concurrent);
    try {
      await vendor.pause?.();
      if (vendor.latencyMs > 0) await new Promise((resolve) => setTimeout(resolve, vendor.latencyMs));
      const fault = vendor.fault?.(account, vendor.seen.requests.length);
      if (fault === 'unheard') return void request.socket.destroy();
      if (typeof fault === 'object' && 'text' in fault) return void response.writeHead(fault.status, { 'content-type': 'application/json' }).end(fault.text);
      if (typeof fault === 'object') return answer(fault.status, { error: 'temporarily_unavailable' }, fault.retryAfterS === undefined ? {} : { 'retry-after': String(fault.retryAfterS) });
      const { status, body } = parameters.get('grant_type') === 'refresh_token' ? exchange(token) : { status: 200, body: { access_token: `cc.${account}.${vendor.seen.requests.length}`, expires_in: vendor.expiresInS } };
      if ((fault === 'lost' || fault === 'garbage') && status === 200) losing(body);
      if (fault === 'lost') return void request.socket.destroy();
      if (fault === 'garbage') return void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
      if (status === 200) delivering(body);
      answer(status, status === 200 ? (vendor.alter?.(body) ?? body) : body);
    } finally {
      vendor.seen.concurrent -= 1;
    }
  }

  return vendor;

  function manifestOf({ refresh, scheme, manifest }: typeof options): object {
    return {
      manifest: 1,
      id,
      name: 'Token vendor',
      categories: ['crm'],
      auth: [
        {
          type: 'oauth2_code',
          id: 'oauth',
          authorize_url: `https://${id}.example/auth`,
          token_url: `https://${id}.example/token`,
          apply: { headers: { authorization: 'Bearer {{token.access_token}}' } },
          refresh: { rotation, ...refresh },
          ...scheme,
        },
      ],
      http: { base_url: `https://${id}.example` },
      resources: { things: { get: { method: 'GET', path: '/things/{{input.id}}' } } },
      validation: { request: { method: 'GET', path: '/me' } },
      ...manifest,
    };
  }
}
