/** One run of set-up over an account whose lease is held: the order of its parts, and what each leaves in the database. */
import { obtainGrant, withCaptures } from '@evenkeel/core/accounts/connect-steps.ts';
import { refreshOf } from '@evenkeel/core/accounts/refresh-rules.ts';
import { runStep, runValidation } from '@evenkeel/core/accounts/step.ts';
import { renewFrom, type GrantFailure, type TokenSet } from '@evenkeel/core/accounts/token.ts';
import type { Captures } from '@evenkeel/core/accounts/token-response.ts';
import type { CompiledScheme, Connector } from '@evenkeel/core/connectors/connector.ts';
import type { Scope } from '@evenkeel/core/connectors/values/scope.ts';
import { transaction, type Pool } from '../../database/pool.ts';
import type { Log } from '../../log.ts';
import { announceAccount, lockAccount, type AccountRow, type JsonObject } from '../account-store.ts';
import { storable } from '../captures.ts';
import { deleteCredential, openCredential, putCredential, readCredential, swapCredential, type Credential, type CredentialRow, type Slot } from '../credential-store.ts';
import type { AccountHooks } from '../account-hooks.ts';
import type { Refresher } from '../refreshing/refresher.ts';
import { timesOf } from './taking-credentials.ts';
import { moveAccount } from '../transitions.ts';
import type { Vault } from '../vault/vault.ts';
import { identify } from '../vendor-identity.ts';
import { scopeOf, secretsIn, type ConnectorSource, type Vendor } from '../vendor.ts';

export interface SetupParts {
  readonly pool: Pool;
  readonly vault: Vault;
  readonly vendor: Vendor;
  readonly connectors: ConnectorSource;
  readonly refresher: Refresher;
  readonly log: Log;
  readonly now: () => number;
  readonly owner: string;
  /** Undefined where nothing is built on accounts, as in tests of this room. */
  readonly hooks?: AccountHooks | undefined;
  /** This node has changed an account: what it remembers is stale. */
  readonly changed: (accountId: string) => void;
}

export interface SetupFailure {
  readonly failure: GrantFailure;
  readonly event: 'validation_failed' | 'post_install_failed';
  /** The credentials that were tried are new ones of an account that has others. */
  readonly candidate: boolean;
}
export type SetupOutcome = { kind: 'passed'; called: boolean } | ({ kind: 'failed' } & { failure: SetupFailure }) | { kind: 'unfinished'; againMs: number } | { kind: 'overtaken' };

/** What is being set up, as it grows. */
interface Work {
  readonly parts: SetupParts;
  readonly account: AccountRow;
  readonly connector: Connector;
  readonly connectorVersion: number;
  readonly scheme: CompiledScheme;
  slot: Slot;
  version: number;
  credential: Credential;
  row: CredentialRow;
  scope: Scope;
  called: boolean;
}

export async function runSetup(parts: SetupParts, account: AccountRow): Promise<SetupOutcome> {
  const work = await begin(parts, account);
  if ('kind' in work) return work;
  const candidate = work.slot === 'candidate';
  const failed = (event: SetupFailure['event'], failure: GrantFailure): SetupOutcome => ({ kind: 'failed', failure: { event, failure, candidate } });
  const tokens = await obtainTokens(work);
  if (tokens === 'overtaken') return { kind: 'overtaken' };
  if (tokens !== 'ready') return failed('validation_failed', tokens);
  const validated = await validate(work);
  if (validated !== undefined) return failed('validation_failed', validated);
  const identity = await identify(work);
  if (!identity.ok) return failed('validation_failed', identity.failure);
  if (!(await accept(work, identity))) return { kind: 'overtaken' };
  return (await install(work)) ?? { kind: 'passed', called: work.called };
}

async function begin(parts: SetupParts, account: AccountRow): Promise<Work | SetupOutcome> {
  const { pool, vault, connectors, now } = parts;
  const row = (await readCredential(pool, account.id, 'candidate')) ?? (await readCredential(pool, account.id));
  const found = connectors.get(account.connector_id, account.id);
  const connector = found?.connector;
  const scheme = connector?.scheme(row?.scheme_id ?? account.scheme_id);
  if (row === undefined || found === undefined || connector === undefined || scheme === undefined) {
    const message = row === undefined ? 'The account has no credential: connect it again.' : 'The connector or its scheme is not installed any more.';
    return { kind: 'failed', failure: { event: 'validation_failed', candidate: false, failure: { kind: 'configuration', message, step: 'setup', status: null, vendorCode: null, retryAfterS: null } } };
  }
  const credential = openCredential(vault, row);
  const known = { config: row.config ?? account.config, captured: { ...account.captured, ...row.captured } };
  const scope = scopeOf(known, credential, await connectors.app(account.connector_id), now());
  return { parts, account, connector, connectorVersion: found.version, scheme, slot: row.slot, version: row.version, credential, row, scope, called: false };
}

/** Logs in where that was not done yet, or renews a token that has ended since. What comes is stored before it is used. */
async function obtainTokens(work: Work): Promise<'ready' | 'overtaken' | GrantFailure> {
  const { parts, scheme, row } = work;
  if (!work.credential.obtained) return logIn(work);
  const times = { grantedAtMs: (row.refreshed_at ?? row.granted_at).getTime(), expiresAtMs: row.expires_at?.getTime() ?? null, refresh: refreshOf(scheme.source) };
  if (parts.now() < renewFrom(times)) return 'ready';
  const failure = (kind: GrantFailure['kind'], message: string): GrantFailure => ({ kind, message, step: 'token', status: null, vendorCode: null, retryAfterS: null });
  if (work.slot === 'candidate') return failure('rejected', 'The sign-in ended before it could be tried. Connect again.');
  const renewal = await parts.refresher.renew(work.account.id, work.version, { actor: 'system:setup' });
  switch (renewal.kind) {
    case 'renewed':
      return reload(work);
    case 'fixed':
      return 'ready';
    case 'rejected':
      return failure('terminal', renewal.message);
    case 'failed':
      return { ...failure('transient', renewal.message), retryAfterS: renewal.retryAfterS };
  }
}

async function reload(work: Work): Promise<'ready' | 'overtaken'> {
  const { parts, account } = work;
  const row = await readCredential(parts.pool, account.id);
  if (row === undefined) return 'overtaken';
  work.row = row;
  work.version = row.version;
  work.credential = openCredential(parts.vault, row);
  work.scope = { ...work.scope, token: work.credential.token, secret: work.credential.secret };
  return 'ready';
}

async function logIn(work: Work): Promise<'ready' | 'overtaken' | GrantFailure> {
  const { parts, scheme, account } = work;
  const secrets = secretsIn(work.scope);
  const outcome = await parts.vendor.run(obtainGrant(scheme.source, { type: 'stored' }, work.scope, parts.vendor.tools(work.connector, scheme, secrets)), secrets, AbortSignal.timeout(60_000));
  if (!outcome.ok) return outcome.failure;
  const { grant } = outcome;
  const credential: Credential = { token: grant.token, secret: { ...work.credential.secret, ...grant.secret }, obtained: true };
  const times = timesOf(scheme, credential, grant.expiresAtMs, parts.now());
  if (!(await swapCredential(parts.pool, parts.vault, { accountId: account.id, slot: work.slot, version: work.version, credential, times }))) return 'overtaken';
  work.row = { ...work.row, granted_at: new Date(times.grantedAtMs), expires_at: grant.expiresAtMs === null ? null : new Date(grant.expiresAtMs) };
  work.version += 1;
  work.credential = credential;
  work.scope = withCaptures({ ...work.scope, token: grant.token }, grant);
  return 'ready';
}

async function validate(work: Work): Promise<GrantFailure | undefined> {
  const { parts, connector, scheme } = work;
  const { validation } = connector.manifest;
  if (validation === undefined) return undefined;
  const secrets = secretsIn(work.scope);
  const outcome = await parts.vendor.run(runValidation(validation, work.scope, parts.vendor.tools(connector, scheme, secrets)), secrets, AbortSignal.timeout(60_000));
  if (!outcome.ok) return outcome.failure;
  work.called = true;
  work.scope = withCaptures(work.scope, outcome.captures);
  return undefined;
}

/** Writes what validation learned; new credentials of a working account take the place of the old ones here. */
async function accept(work: Work, identity: { externalId: string | null; label: string | null }): Promise<boolean> {
  const { parts, account, scheme, scope } = work;
  return transaction(parts.pool, async (client) => {
    const locked = await lockAccount(client, account.id);
    if (locked === undefined || locked.setup_fence !== account.setup_fence) return false;
    const credential: Credential = { ...work.credential, token: await wholeToken(work, client), secret: asObject(scope.secret) };
    const written = timesOf(scheme, credential, expiryOf(credential), work.row.granted_at.getTime());
    if (work.slot === 'candidate') {
      await deleteCredential(client, account.id, 'candidate');
      await putCredential(client, parts.vault, { accountId: account.id, slot: 'current', credential, times: written });
      work.slot = 'current';
      work.version = (await readCredential(client, account.id))?.version ?? 0;
      await client.query(`update accounts set config = $2, scheme_id = $3, setup_done = '{}', missing_scopes = '{}', regranted = state = 'needs_reauth' where id = $1`, [account.id, scope.config, scheme.id]);
      account.setup_done = [];
    } else if (JSON.stringify(credential.secret) !== JSON.stringify(work.credential.secret)) {
      if (!(await swapCredential(client, parts.vault, { accountId: account.id, slot: 'current', version: work.version, credential, times: written }))) return false;
      work.version += 1;
    }
    work.credential = credential;
    await client.query('update accounts set captured = $2, external_id = coalesce($3, external_id), label = coalesce($4, label), updated_at = now() where id = $1', [
      account.id,
      storable(asObject(scope.captured)),
      identity.externalId,
      identity.label,
    ]);
    if (work.called) await reactivate(client, account);
    await announceAccount(client, account.id);
    return true;
  });
}

/** Some vendors give a refresh token at the first consent only: that of a working account is kept on. */
async function wholeToken({ parts, account, slot, credential }: Work, client: Parameters<typeof moveAccount>[0]): Promise<TokenSet> {
  if (slot !== 'candidate' || account.state !== 'active' || credential.token.access_token === undefined || credential.token.refresh_token !== undefined) return credential.token;
  const row = await readCredential(client, account.id);
  const kept = row === undefined ? undefined : openCredential(parts.vault, row).token.refresh_token;
  return kept === undefined ? credential.token : { ...credential.token, refresh_token: kept };
}

/** A step of set-up that called the vendor is the first success after re-authorisation. */
async function reactivate(client: Parameters<typeof moveAccount>[0], account: AccountRow): Promise<void> {
  if (account.state !== 'needs_reauth') return;
  await moveAccount(client, account.id, { type: 'call_succeeded', regranted: true }, { actor: 'system:setup', evidence: { by: 'setup' } });
  account.state = 'active';
}

async function install(work: Work): Promise<SetupOutcome | undefined> {
  const { parts, account, connector, scheme } = work;
  for (const step of connector.manifest.post_install ?? []) {
    if (account.setup_done.includes(step.id)) continue;
    const secrets = secretsIn(work.scope);
    const outcome = await parts.vendor.run(runStep(step, work.scope, parts.vendor.tools(connector, scheme, secrets)), secrets, AbortSignal.timeout(100_000));
    if (!outcome.ok) return { kind: 'failed', failure: { event: 'post_install_failed', failure: outcome.failure, candidate: false } };
    work.scope = withCaptures(work.scope, outcome.captures);
    work.called ||= outcome.answer !== undefined;
    if (!(await record(work, step.id, outcome.captures, outcome.answer !== undefined))) return { kind: 'overtaken' };
  }
  const installed = await parts.hooks?.install({ id: account.id, tenantId: account.tenant_id, connectorId: account.connector_id, connectorVersion: work.connectorVersion, connector, scheme, scope: work.scope });
  if (installed?.ok === false && 'unfinished' in installed) return { kind: 'unfinished', ...installed.unfinished };
  if (installed?.ok === false) return { kind: 'failed', failure: { event: 'post_install_failed', failure: installed.failure, candidate: false } };
  return nameAfterInstall(work);
}

/** Some vendors tell who it is in a post-install step only. */
async function nameAfterInstall(work: Work): Promise<SetupOutcome | undefined> {
  const { parts, account, connector } = work;
  if ((connector.manifest.post_install ?? []).length === 0) return undefined;
  const identity = await identify(work);
  if (!identity.ok) return { kind: 'failed', failure: { event: 'post_install_failed', failure: identity.failure, candidate: false } };
  await parts.pool.query('update accounts set external_id = coalesce($3, external_id), label = coalesce($4, label) where id = $1 and setup_fence = $2', [
    account.id,
    account.setup_fence,
    identity.externalId,
    identity.label,
  ]);
  return undefined;
}

/** The step is done, and what it captured is kept. The lease is held on for the next one. */
async function record(work: Work, stepId: string, captures: Captures, called: boolean): Promise<boolean> {
  const { parts, account, scheme } = work;
  return transaction(parts.pool, async (client) => {
    const { rowCount } = await client.query(
      `update accounts
       set setup_done = array_append(setup_done, $3), captured = captured || $4, setup_until = clock_timestamp() + interval '2 minutes', updated_at = now()
       where id = $1 and setup_fence = $2 and deleted_at is null`,
      [account.id, account.setup_fence, stepId, storable(captures.captured)],
    );
    if (rowCount !== 1) return false;
    if (Object.keys(captures.secret).length > 0) {
      work.credential = { ...work.credential, secret: { ...work.credential.secret, ...captures.secret } };
      const times = timesOf(scheme, work.credential, expiryOf(work.credential), work.row.granted_at.getTime());
      if (!(await swapCredential(client, parts.vault, { accountId: account.id, slot: 'current', version: work.version, credential: work.credential, times }))) return false;
      work.version += 1;
    }
    if (called) await reactivate(client, account);
    return true;
  });
}

const asObject = (value: unknown): JsonObject => (typeof value === 'object' && value !== null ? (value as JsonObject) : {});
const expiryOf = ({ token }: Credential): number | null => (token.expires_at === undefined ? null : Date.parse(token.expires_at));
