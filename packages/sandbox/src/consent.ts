/**
 * The vendor's authorisation page: checks client and redirect URI before it trusts the redirect (RFC 6749 section
 * 4.1.2.1), shows the scopes in a plain server-rendered form, and goes back with a code or with access_denied.
 */
import { text, type Call, type Reply } from './exchange.ts';
import type { Grants } from './grants.ts';
import type { Handler } from './route.ts';

export interface ConsentAccount {
  readonly id: string;
  readonly name: string;
}
export type ScopeReading = { ok: true; scopes: string[]; extra?: Record<string, string> } | { ok: false; error: string; description: string };
export interface ConsentOptions {
  /** As shown on the page, e.g. "HubSpot (sandbox)". */
  readonly vendorName: string;
  readonly clientId: string;
  readonly accounts: readonly [ConsentAccount, ...ConsentAccount[]];
  readonly grants: Grants;
  /** Whether the vendor verifies PKCE. */
  readonly pkce: boolean;
  redirectAllowed(uri: string): boolean;
  readScopes(query: URLSearchParams): ScopeReading;
  /** Further callback parameters, e.g. a data centre. */
  callback?(call: Call, account: string): Record<string, string>;
  /** Description sent with access_denied. */
  readonly deniedDescription?: string;
}

const escapeHtml = (value: string): string => value.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

function page(status: number, title: string, body: string): Reply {
  const style = 'body{font:16px/1.5 system-ui;max-width:34rem;margin:4rem auto;padding:0 1rem}button,select{font:inherit;padding:.5rem 1rem;margin-right:.5rem}li{margin:.2rem 0}';
  const html = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title><style>${style}</style></head><body>${body}</body></html>`;
  return text(status, html, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
}

export const problemPage = (title: string, detail: string): Reply => page(400, title, `<h1>${escapeHtml(title)}</h1><p>${escapeHtml(detail)}</p>`);

function redirect(uri: string, params: Record<string, string | null>): Reply {
  const target = new URL(uri);
  for (const [name, value] of Object.entries(params)) if (value !== null) target.searchParams.set(name, value);
  return { status: 302, headers: { location: target.href, 'cache-control': 'no-store' } };
}

type Checked = { ok: true; redirectUri: string; scopes: string[]; extra: Record<string, string>; challenge: { method: 'S256' | 'plain'; value: string } | null } | { ok: false; reply: Reply };

function check(options: ConsentOptions, call: Call): Checked {
  const { query } = call;
  if (query.get('client_id') !== options.clientId) return { ok: false, reply: problemPage('Unknown application', 'The client_id belongs to no application of this sandbox. See sandboxApps.') };
  const redirectUri = query.get('redirect_uri') ?? '';
  if (!options.redirectAllowed(redirectUri)) return { ok: false, reply: problemPage('Redirect URI mismatch', `The redirect_uri "${redirectUri}" is not registered with the application.`) };
  const state = query.get('state');
  const fail = (error: string, description: string): Checked => ({ ok: false, reply: redirect(redirectUri, { error, error_description: description, state }) });
  const responseType = query.get('response_type');
  if (responseType !== null && responseType !== 'code') return fail('unsupported_response_type', 'Only response_type=code is offered.');
  const scopes = options.readScopes(query);
  if (!scopes.ok) return fail(scopes.error, scopes.description);
  const value = options.pkce ? query.get('code_challenge') : null;
  const method = query.get('code_challenge_method') ?? 'plain';
  if (value !== null && method !== 'S256' && method !== 'plain') return fail('invalid_request', 'code_challenge_method must be S256 or plain.');
  return { ok: true, redirectUri, scopes: scopes.scopes, extra: scopes.extra ?? {}, challenge: value === null ? null : { method: method === 'S256' ? 'S256' : 'plain', value } };
}

/** GET shows the form, POST takes `decision` (approve or deny) and `account`; the query stays on the URL. */
export function consentHandlers(options: ConsentOptions): { show: Handler; decide: Handler } {
  return {
    show(call) {
      const checked = check(options, call);
      if (!checked.ok) return checked.reply;
      const scopes = checked.scopes.map((scope) => `<li><code>${escapeHtml(scope)}</code></li>`).join('');
      const accounts = options.accounts.map((account) => `<option value="${escapeHtml(account.id)}">${escapeHtml(account.name)} (${escapeHtml(account.id)})</option>`).join('');
      const form = `<form method="post"><p><label>Account <select name="account">${accounts}</select></label></p><p><button name="decision" value="approve">Approve</button><button name="decision" value="deny">Deny</button></p></form>`;
      return page(200, `Connect to ${options.vendorName}`, `<h1>${escapeHtml(options.vendorName)}</h1><p>An application asks for access to your account:</p><ul>${scopes}</ul>${form}`);
    },
    decide(call) {
      const checked = check(options, call);
      if (!checked.ok) return checked.reply;
      const form = new URLSearchParams(call.raw.toString('utf8'));
      const state = call.query.get('state');
      if (form.get('decision') !== 'approve') return redirect(checked.redirectUri, { error: 'access_denied', error_description: options.deniedDescription ?? 'The user denied access.', state });
      const wanted = form.get('account') ?? options.accounts[0].id;
      const account = options.accounts.find((candidate) => candidate.id === wanted);
      if (account === undefined) return problemPage('Unknown account', `The sandbox has no account "${wanted}".`);
      const code = options.grants.issueCode({ account: account.id, clientId: options.clientId, scopes: checked.scopes, redirectUri: checked.redirectUri, challenge: checked.challenge, extra: checked.extra });
      return redirect(checked.redirectUri, { code, state, ...options.callback?.(call, account.id) });
    },
  };
}
