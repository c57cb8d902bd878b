/**
 * The flow behind the connect pages: show, submit, leave for the vendor, come back. The session's token is what
 * authenticates a request, so there is nothing for a forged cross-site form to ride on; the OAuth state binds the way
 * back to the session and to the browser that left.
 */
import { obtainGrant } from '@evenkeel/core/accounts/connect-steps.ts';
import { buildAuthorizationRequest, processAuthorizationResponse } from '@evenkeel/core/accounts/oauth.ts';
import type { CompiledScheme, Connector } from '@evenkeel/core/connectors/connector.ts';
import { momentOf, type Scope } from '@evenkeel/core/connectors/values/scope.ts';
import type { Pool } from '../../database/pool.ts';
import type { HostMap } from '../../upstream/host-map.ts';
import { findAccount, requestSetup, type AccountRow, type JsonObject } from '../account-store.ts';
import { fieldsOf, readSubmission } from './connect-form.ts';
import { connectedPage, failurePage, formPage, gonePages, progressPage, retryPage, takenPage, type Page } from './connect-pages.ts';
import { createState, findSession, findState, hashToken, newToken, noteOnSession, useState, type SessionRow } from './connect-session-store.ts';
import type { Setup } from './setup.ts';
import { takeCredentials, type Given } from './taking-credentials.ts';
import type { Vault } from '../vault/vault.ts';
import { isManifestFault, secretsIn, type ConnectorSource, type Vendor } from '../vendor.ts';

export interface ConnectFlowParts {
  readonly pool: Pool;
  readonly vault: Vault;
  readonly vendor: Vendor;
  readonly connectors: ConnectorSource;
  readonly setup: Setup;
  readonly hostMap: HostMap;
  readonly publicUrl: string;
  readonly now: () => number;
  readonly changed: (accountId: string) => void;
}

/** What the HTTP side does: show a page, or lead elsewhere; `browser` is then the cookie to set. */
export type Step = { readonly page: Page; readonly formTarget?: string } | { readonly redirect: string; readonly browser?: string };

/** So long a submission waits for set-up to end, that a fast one needs no progress page. */
const courtesyMs = 1_500;

interface Visit {
  readonly session: SessionRow;
  readonly connector: Connector;
  readonly scheme: CompiledScheme;
  readonly token: string;
}

export class ConnectFlow {
  readonly #parts: ConnectFlowParts;

  constructor(parts: ConnectFlowParts) {
    this.#parts = parts;
  }

  async show(token: string): Promise<Step> {
    const visit = await this.#visit(token);
    if ('page' in visit) return visit;
    const { session, connector } = visit;
    if (session.status === 'open') return this.#form(visit, session.fields, new Map(), session.notice);
    const account = session.account_id === null ? undefined : await findAccount(this.#parts.pool, session.account_id, null);
    if (account === undefined) return { page: gonePages.deleted };
    return { page: outcomePage(connector.manifest.name, account, session.return_url, token) };
  }

  async submit(token: string, form: URLSearchParams, browser: string | undefined): Promise<Step> {
    const visit = await this.#visit(token);
    if ('page' in visit) return visit;
    const { session, scheme } = visit;
    if (session.status !== 'open') return { redirect: pageOf(token) };
    const submission = readSubmission(fieldsOf(scheme), form);
    if (!submission.ok) return this.#form(visit, submission.kept, submission.faults, null);
    if (scheme.source.type === 'oauth2_code') return this.#leave(visit, submission.config, submission.secret, browser ?? newToken());
    await this.#take(visit, { config: submission.config, secret: submission.secret });
    return { redirect: pageOf(token) };
  }

  /** The button under a post-install failure. */
  async retry(token: string): Promise<Step> {
    const visit = await this.#visit(token);
    if ('page' in visit) return visit;
    const { pool } = this.#parts;
    const account = visit.session.account_id === null ? undefined : await findAccount(pool, visit.session.account_id, null);
    if (account?.state === 'post_install_error' && account.setup_due_at === null) {
      await requestSetup(pool, account.id);
      await this.#settle(account.id);
    }
    return { redirect: pageOf(token) };
  }

  async #leave({ session, connector, scheme, token }: Visit, config: JsonObject, secret: JsonObject, browser: string): Promise<Step> {
    const { pool, vault, connectors, vendor, hostMap, publicUrl, now } = this.#parts;
    if (scheme.source.type !== 'oauth2_code') throw new Error('only a code grant leaves for the vendor');
    const [state, codeVerifier] = [newToken(), newToken()];
    const redirectUri = `${publicUrl}/oauth/callback`;
    const scope: Scope = { config, secret, captured: {}, app: await connectors.app(connector.id), now: momentOf(now()), connect: { redirect_uri: redirectUri, session_id: session.id } };
    let address: string;
    try {
      address = await buildAuthorizationRequest(scheme.source, scope, { redirectUri, state, codeVerifier, crypto: vendor.crypto });
    } catch (error) {
      if (!isManifestFault(error)) throw error;
      return { page: failurePage(409, 'This cannot be connected now', error.message, 'Tell whoever sent the link; it can be used again when this is corrected.') };
    }
    const hash = hashToken(state);
    const sealed = vault.sealJson({ purpose: 'oauth_state', subject: hash.toString('hex') }, { codeVerifier, secret, token });
    await createState(pool, { hash, sessionId: session.id, browserHash: hashToken(browser), sealed, config, redirectUri });
    return { redirect: hostMap.apply(address), browser };
  }

  /** The vendor sent the browser back. Every refusal says what happened and what to do. */
  async callback(query: Readonly<Record<string, string>>, browser: string | undefined): Promise<Step> {
    const { pool, vault } = this.#parts;
    const hash = hashToken(query['state'] ?? '');
    const state = await findState(pool, hash);
    if (state === undefined) return { page: failurePage(400, 'This sign-in is not known', 'The vendor came back with a sign-in that was not begun here.', 'Open your connect link and begin again.') };
    if (state.used) return { page: failurePage(409, 'This sign-in was used already', 'The vendor came back a second time with the same sign-in.', 'Open your connect link to see what became of it.') };
    if (state.expired) return { page: failurePage(410, 'This sign-in took too long', 'A sign-in has to be finished within fifteen minutes.', 'Open your connect link and begin again.') };
    if (browser === undefined || !hashToken(browser).equals(state.browser_hash)) {
      return { page: failurePage(400, 'This sign-in began in another browser', 'To keep others from connecting their account in your name, a sign-in has to end in the browser it began in, with cookies allowed.', 'Open your connect link in this browser and begin again.') };
    }
    if (!(await useState(pool, hash))) return { page: failurePage(409, 'This sign-in was used already', 'The vendor came back a second time with the same sign-in.', 'Open your connect link to see what became of it.') };
    const kept = vault.openJson({ purpose: 'oauth_state', subject: hash.toString('hex') }, state.sealed) as { codeVerifier: string; secret: JsonObject; token: string };
    const visit = await this.#visit(kept.token);
    if ('page' in visit) return visit;
    if (visit.session.status !== 'open') return { redirect: pageOf(kept.token) };
    const answered = processAuthorizationResponse(query);
    if (!answered.ok) return this.#comeBack(visit, answered.message);
    const { code } = answered;
    return this.#exchange(visit, { code, callback: query, config: state.config, redirectUri: state.redirect_uri, ...kept });
  }

  async #exchange(visit: Visit, back: { code: string; callback: object; config: JsonObject; secret: JsonObject; redirectUri: string; codeVerifier: string }): Promise<Step> {
    const { vendor, connectors, now } = this.#parts;
    const { session, connector, scheme, token } = visit;
    const { code, callback, config, secret, redirectUri, codeVerifier } = back;
    const scope: Scope = { config, secret, captured: {}, callback, app: await connectors.app(connector.id), now: momentOf(now()), connect: { redirect_uri: redirectUri, session_id: session.id } };
    const secrets = [...secretsIn(scope), code, codeVerifier];
    const outcome = await vendor.run(obtainGrant(scheme.source, { type: 'code', code, redirectUri, codeVerifier }, scope, vendor.tools(connector, scheme, secrets)), secrets, AbortSignal.timeout(60_000));
    if (!outcome.ok) return this.#comeBack(visit, `The sign-in could not be completed: ${outcome.failure.message}`);
    await this.#take(visit, { config, secret, grant: outcome.grant });
    return { redirect: pageOf(token) };
  }

  async #comeBack({ session, token }: Visit, notice: string): Promise<Step> {
    await noteOnSession(this.#parts.pool, session.id, notice);
    return { redirect: pageOf(token) };
  }

  async #take({ session, scheme }: Visit, given: Given): Promise<void> {
    const taken = await takeCredentials(this.#parts, session, scheme, given);
    // Used or gone meanwhile: the page tells.
    if (taken.ok) await this.#settle(taken.accountId);
  }

  async #settle(accountId: string): Promise<void> {
    this.#parts.changed(accountId);
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, courtesyMs);
    await Promise.race([this.#parts.setup.run(accountId), promise]);
    clearTimeout(timer);
    resolve();
  }

  async #visit(token: string): Promise<Visit | { page: Page }> {
    const found = await findSession(this.#parts.pool, token);
    if (found === undefined) return { page: gonePages.unknown };
    const { session } = found;
    if (found.expired) return { page: gonePages.expired };
    const connector = this.#parts.connectors.get(session.connector_id, session.account_id ?? undefined)?.connector;
    const scheme = connector?.scheme(session.scheme_id);
    if (connector === undefined || scheme === undefined) return { page: gonePages.connectorGone };
    return { session, connector, scheme, token };
  }

  async #form({ session, connector, scheme, token }: Visit, values: JsonObject, faults: ReadonlyMap<string, string>, notice: string | null): Promise<Step> {
    const account = session.account_id === null ? undefined : await findAccount(this.#parts.pool, session.account_id, null);
    if (session.account_id !== null && account === undefined) return { page: gonePages.deleted };
    const { source } = scheme;
    const page = formPage({
      vendor: connector.manifest.name,
      action: pageOf(token),
      fields: fieldsOf(scheme),
      values: { ...account?.config, ...values },
      faults,
      notice,
      leavesForVendor: source.type === 'oauth2_code',
      reauthorises: session.reauthorises,
    });
    return source.type === 'oauth2_code' ? { page, formTarget: this.#targetOf(source.authorize_url) } : { page };
  }

  /** Where the form leads on: browsers check a redirect after a form against the policy of the form's page. */
  #targetOf(authorizeUrl: string): string {
    const origin = /^(https?:\/\/[^/?#{}]+)(?:[/?#]|$)/.exec(authorizeUrl)?.[1];
    return origin === undefined ? 'https:' : new URL(this.#parts.hostMap.apply(`${origin}/`)).origin;
  }
}

const pageOf = (token: string): string => `/connect/${encodeURIComponent(token)}`;

function outcomePage(vendor: string, account: AccountRow, returnUrl: string | null, token: string): Page {
  if (account.setup_due_at !== null) return progressPage(vendor);
  switch (account.state) {
    case 'active':
      return connectedPage(vendor, account.label, returnUrl);
    case 'needs_reauth':
      return takenPage(vendor, returnUrl);
    case 'post_install_error':
      return retryPage(vendor, account.message, `${pageOf(token)}/retry`);
    case 'connecting':
    case 'validation_error':
      return progressPage(vendor);
  }
}
