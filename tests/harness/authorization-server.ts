/**
 * A real OAuth 2.0 and OpenID Connect server on loopback (the package oidc-provider): PKCE demanded, refresh tokens
 * rotated, their reuse revoking the grant. Its pages agree at once, as an owner would. Requests to the token endpoint
 * are counted, and it can be told to fail.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after } from 'node:test';

interface Interaction {
  readonly prompt: { readonly name: string };
  readonly params: { readonly client_id: string };
}
interface Grant {
  addOIDCScope(scope: string): void;
  save(): Promise<string>;
}
interface Provider {
  callback(): (request: IncomingMessage, response: ServerResponse) => void;
  interactionDetails(request: IncomingMessage, response: ServerResponse): Promise<Interaction>;
  interactionFinished(request: IncomingMessage, response: ServerResponse, result: object, options: { mergeWithLastSubmission: boolean }): Promise<void>;
  readonly Grant: new (properties: { accountId: string; clientId: string }) => Grant;
  on(event: string, listener: (...given: { message?: string; error_description?: string }[]) => void): void;
}

export interface AuthorizationServer {
  readonly url: string;
  /** Requests to the token endpoint so far. */
  readonly tokenRequests: () => number;
  /** Who signs in from now on. */
  signInAs(accountId: string): void;
  /** The owner declines from now on (or agrees again). */
  decline(declines: boolean): void;
  /** Status that the token endpoint answers with instead of working; null to work. */
  failTokens(status: number | null): void;
  /** Errors the server reported, such as reuse of a refresh token. */
  readonly errors: readonly string[];
}

export const testClient = { client_id: 'evenkeel-test', client_secret: 'planted-app-secret-0123456789' } as const;

export async function startAuthorizationServer(redirectUri: string, options: { accessTokenS?: number } = {}): Promise<AuthorizationServer> {
  const errors: string[] = [];
  let count = 0;
  let failing: number | null = null;
  let account = 'owner-1';
  let declines = false;
  let handle: (request: IncomingMessage, response: ServerResponse) => void = () => undefined;
  const server = createServer((request, response) => {
    if (request.method === 'POST' && request.url === '/token') {
      count += 1;
      if (failing !== null) {
        response.writeHead(failing, { 'content-type': 'application/json' }).end('{"error":"temporarily_unavailable"}');
        return;
      }
    }
    handle(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = await createProvider(url, redirectUri, options.accessTokenS ?? 3600);
  for (const event of ['grant.error', 'server_error', 'authorization.error']) provider.on(event, (...given) => errors.push(given.map((one) => one.error_description ?? one.message ?? '').join(' ')));
  const serve = provider.callback();
  handle = (request, response) => {
    if (request.url?.startsWith('/interaction/') !== true) return serve(request, response);
    void interact(provider, request, response, { account, declines });
  };
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url,
    tokenRequests: () => count,
    signInAs: (accountId) => void (account = accountId),
    decline: (value) => void (declines = value),
    failTokens: (status) => void (failing = status),
    errors,
  };
}

async function createProvider(url: string, redirectUri: string, accessTokenS: number): Promise<Provider> {
  const name: string = 'oidc-provider';
  const warn = console.warn;
  // It warns about keys meant for development, which these are.
  console.warn = () => undefined;
  try {
    const { default: Provider } = (await import(name)) as { default: new (issuer: string, configuration: object) => Provider };
    return new Provider(url, {
      clients: [{ ...testClient, redirect_uris: [redirectUri], grant_types: ['authorization_code', 'refresh_token'], token_endpoint_auth_method: 'client_secret_post' }],
      cookies: { keys: ['test'] },
      pkce: { required: () => true },
      rotateRefreshToken: true,
      issueRefreshToken: () => Promise.resolve(true),
      features: { devInteractions: { enabled: false }, revocation: { enabled: true }, introspection: { enabled: true } },
      interactions: { url: (_context: unknown, interaction: { uid: string }) => `/interaction/${interaction.uid}` },
      findAccount: (_context: unknown, id: string) => ({ accountId: id, claims: () => Promise.resolve({ sub: id }) }),
      ttl: { AccessToken: accessTokenS, RefreshToken: 86_400, Grant: 86_400, Session: 86_400, Interaction: 600, IdToken: 600, AuthorizationCode: 60 },
    });
  } finally {
    console.warn = warn;
  }
}

async function interact(provider: Provider, request: IncomingMessage, response: ServerResponse, owner: { account: string; declines: boolean }): Promise<void> {
  const { prompt, params } = await provider.interactionDetails(request, response);
  if (owner.declines) {
    await provider.interactionFinished(request, response, { error: 'access_denied', error_description: 'The owner said no' }, { mergeWithLastSubmission: false });
    return;
  }
  if (prompt.name === 'login') {
    await provider.interactionFinished(request, response, { login: { accountId: owner.account } }, { mergeWithLastSubmission: false });
    return;
  }
  const grant = new provider.Grant({ accountId: owner.account, clientId: params.client_id });
  grant.addOIDCScope('openid offline_access');
  await provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
}
