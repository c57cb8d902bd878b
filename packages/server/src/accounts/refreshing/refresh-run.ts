/**
 * One refresh over a credential whose lease is held: ask the vendor, and write what came of it. The new token is stored
 * before the lease ends, and already before anything else follows it. Only a terminal refusal of what is still stored
 * moves the account; nothing transient ever does.
 */
import { randomInt } from 'node:crypto';
import { isRenewable, obtainGrant, type GrantOutcome } from '@evenkeel/core/accounts/connect-steps.ts';
import { decideRefresh, nextAttempt, type RefreshCase } from '@evenkeel/core/accounts/refresh-decision.ts';
import { expiryOf, refreshOf } from '@evenkeel/core/accounts/refresh-rules.ts';
import { carriedExpiry, refreshDue, type Grant, type GrantFailure } from '@evenkeel/core/accounts/token.ts';
import type { CompiledScheme, Connector } from '@evenkeel/core/connectors/connector.ts';
import type { Scope } from '@evenkeel/core/connectors/values/scope.ts';
import { withEnd } from '@evenkeel/core/accounts/token-response.ts';
import { transaction, type Pool } from '../../database/pool.ts';
import { throughOutage } from '../../database/outage.ts';
import type { Log } from '../../log.ts';
import { findAccount, lockAccount, type AccountRow } from '../account-store.ts';
import { mergeCaptures } from '../captures.ts';
import { noteCredentialEvent } from './credential-events.ts';
import { openCredential, type Credential, type CredentialRow, type Times } from '../credential-store.ts';
import type { RefreshReports } from './refresh-report.ts';
import { leaseMs, releaseUnused, storeFailure, storeReceived, storeRefreshed, type Fenced } from './refresh-store.ts';
import { moveAccount } from '../transitions.ts';
import { SealBroken, type Vault } from '../vault/vault.ts';
import { evidenceOf, scopeOf, secretsIn, type ConnectorSource, type Vendor } from '../vendor.ts';

/** The exchange is given up well before the lease ends, and not begun when too little of the lease is left for it. */
const exchangeMs = 30_000;
/** How soon something is tried again that this installation has to put right. */
const brokenRetryMs = 60_000;

export type Renewal =
  | { readonly kind: 'renewed' }
  /** Not the kind of credential that can be renewed. */
  | { readonly kind: 'fixed' }
  | { readonly kind: 'rejected'; readonly message: string }
  /** `blame`: `vendor` counts towards the brake on the connector; `local`: the vendor was not asked. */
  | { readonly kind: 'failed'; readonly message: string; readonly retryAfterS: number | null; readonly status: number | null; readonly blame: 'vendor' | 'local' };

export interface RefreshParts {
  readonly pool: Pool;
  readonly vault: Vault;
  readonly vendor: Vendor;
  readonly connectors: ConnectorSource;
  readonly log: Log;
  readonly now: () => number;
  /** Aborted when this process has to end: what cannot be written until then is given up. */
  readonly ending: AbortSignal;
  readonly reports: RefreshReports;
}

export interface HeldRefresh {
  readonly row: CredentialRow;
  /** Of `performance.now()`, taken before the lease was asked for. */
  readonly claimedAtMs: number;
  readonly actor: string;
  /** The vendor refused the access token just now. */
  readonly tokenFailed: boolean;
}

/** What is being refreshed. */
interface Work extends HeldRefresh {
  readonly parts: RefreshParts;
  readonly fenced: Fenced;
  readonly account: AccountRow;
  readonly connector: Connector;
  readonly scheme: CompiledScheme;
  readonly before: Credential;
  /** Whether the refresh token now stored may have been used already. */
  inDoubt: boolean;
}

export async function runRefresh(parts: RefreshParts, held: HeldRefresh): Promise<Renewal> {
  const { pool, connectors, now } = parts;
  const { row } = held;
  const fenced = { accountId: row.account_id, version: row.version, fence: row.lease_fence };
  const account = await throughOutage(() => findAccount(pool, row.account_id, null), parts.ending);
  if (account === undefined) {
    await releaseUnused(pool, fenced, null);
    return failed('The account is deleted.');
  }
  if (account.state === 'needs_reauth' && !account.regranted) {
    await releaseUnused(pool, fenced, null);
    return { kind: 'rejected', message: account.message ?? 'The vendor no longer accepts this grant.' };
  }
  const found = connectors.get(account.connector_id, account.id);
  const scheme = found?.connector.scheme(account.scheme_id);
  if (found === undefined || scheme === undefined) return unusable(parts, account, fenced, held, `The connector ${account.connector_id} or its scheme "${account.scheme_id}" is not installed.`);
  const before = opened(parts, row);
  if (before === undefined) return unusable(parts, account, fenced, held, 'The stored credential cannot be opened with the master key.');
  if (!isRenewable(scheme.source, before.token)) {
    await releaseUnused(pool, fenced, null);
    return { kind: 'fixed' };
  }
  const work: Work = { ...held, parts, fenced, account, connector: found.connector, scheme, before, inDoubt: row.in_doubt_since !== null };
  const decision = decideRefresh(caseOf(work));
  if (decision.kind === 'hold') return hold(work, decision.untilMs);
  const scope = scopeOf(account, before, await connectors.app(account.connector_id), now());
  const secrets = secretsIn(scope);
  if (performance.now() - held.claimedAtMs > leaseMs - exchangeMs) {
    // This process stood still: by the time of an answer the lease, and with it the right to use the token, may be another's.
    await releaseUnused(pool, fenced, row.refresh_due_at === null ? null : now());
    return failed('The refresh was not begun: this node stood still.', 1);
  }
  return ask(work, scope, secrets);
}

/** One exchange with the vendor, and what comes of it written. It has acted then: whatever the database is going through, that is not dropped. */
async function ask(work: Work, scope: Scope, secrets: readonly string[]): Promise<Renewal> {
  const { parts, account, connector, scheme, actor } = work;
  const { vendor, reports, now, ending } = parts;
  const [atMs, begun] = [now(), performance.now()];
  const tools = { ...vendor.tools(connector, scheme, secrets), received: (token: Credential['token']) => receive(work, token) };
  const outcome = await vendor.run(obtainGrant(scheme.source, { type: 'stored' }, scope, tools), secrets, AbortSignal.timeout(exchangeMs));
  const answered = performance.now();
  const renewal = await throughOutage(() => write(work, outcome), ending);
  const [upstreamUs, totalUs] = [answered - begun, performance.now() - begun].map((ms) => Math.round(ms * 1000)) as [number, number];
  reports.note({ tenantId: account.tenant_id, accountId: account.id, connectorId: account.connector_id, category: connector.manifest.categories[0] ?? null, actor, atMs, totalUs, upstreamUs, failure: outcome.ok ? null : outcome.failure });
  return renewal;
}

function write(work: Work, outcome: GrantOutcome): Promise<Renewal> {
  if (outcome.ok) return keep(work, outcome.grant);
  return outcome.failure.kind === 'terminal' ? condemn(work, outcome.failure) : postpone(work, outcome.failure);
}

const failed = (message: string, retryAfterS: number | null = null): Renewal => ({ kind: 'failed', message, retryAfterS, status: null, blame: 'local' });

function opened({ vault, log }: RefreshParts, row: CredentialRow): Credential | undefined {
  try {
    return openCredential(vault, row);
  } catch (error) {
    if (!(error instanceof SealBroken)) throw error;
    log.error({ err: error, accountId: row.account_id }, 'accounts: a credential cannot be opened');
    return undefined;
  }
}

function caseOf({ scheme, row, tokenFailed, inDoubt, parts }: Work): RefreshCase {
  return { rotation: refreshOf(scheme.source)?.rotation, inDoubt, expiresAtMs: row.expires_at?.getTime() ?? null, tokenFailed, nowMs: parts.now() };
}

/** Tried again without hurry: somebody has to put this installation right first. */
async function unusable({ pool, now, reports }: RefreshParts, account: AccountRow, fenced: Fenced, { row, actor }: HeldRefresh, message: string): Promise<Renewal> {
  await storeFailure(pool, fenced, { message, actor, retry: { afterMs: brokenRetryMs, atMs: now() + brokenRetryMs }, inDoubt: row.in_doubt_since !== null });
  reports.note({ tenantId: account.tenant_id, accountId: account.id, connectorId: account.connector_id, category: null, actor, atMs: now(), totalUs: 0, upstreamUs: 0, failure: 'unusable' });
  return failed(message);
}

async function hold({ parts, fenced, row, actor }: Work, untilMs: number | null): Promise<Renewal> {
  const message = 'The answer to an earlier refresh was lost, and the vendor accepts each refresh token once: the access token is used to its end before another attempt.';
  await releaseUnused(parts.pool, fenced, untilMs);
  await noteCredentialEvent(parts.pool, { ...fenced, outcome: 'held', actor, message, expiresAt: row.expires_at, nextDueAt: untilMs === null ? null : new Date(untilMs) });
  parts.log.warn({ accountId: fenced.accountId, connector: row.connector_id, until: untilMs === null ? null : new Date(untilMs) }, 'accounts: a refresh is held back, its token may have been used already');
  return failed(message, untilMs === null ? null : Math.max(1, Math.ceil((untilMs - parts.now()) / 1000)));
}

/** A token that more requests are to follow is kept at once. */
function receive(work: Work, token: Credential['token']): Promise<void> {
  return throughOutage(() => storeAtOnce(work, token), work.parts.ending);
}

async function storeAtOnce(work: Work, token: Credential['token']): Promise<void> {
  const { parts, fenced, before } = work;
  const current = await parts.pool.query<CredentialRow>(`select * from credentials where account_id = $1 and slot = 'current'`, [fenced.accountId]);
  const secret = current.rows[0]?.version === fenced.version ? openCredential(parts.vault, current.rows[0]).secret : before.secret;
  if (await storeReceived(parts.pool, parts.vault, fenced, { token, secret, obtained: true })) work.inDoubt = false;
}

function timesAfter({ scheme, parts, row }: Work, grant: Grant): Times {
  const grantedAtMs = parts.now();
  const before = { grantedAtMs: (row.refreshed_at ?? row.granted_at).getTime(), expiresAtMs: row.expires_at?.getTime() ?? null };
  const { token } = grant;
  const expiresAtMs = grant.expiresAtMs ?? carriedExpiry(expiryOf(scheme.source), before, grantedAtMs);
  const due = { grantedAtMs, expiresAtMs, refresh: refreshOf(scheme.source), random: randomInt(1_000_000) / 1_000_000 };
  return { grantedAtMs, expiresAtMs, refreshDueAtMs: isRenewable(scheme.source, token) ? refreshDue(due) : null };
}

/** A lease lost meanwhile means that another's token counts, and is read anew. */
async function keep(work: Work, grant: Grant): Promise<Renewal> {
  const { parts, fenced, account, before, actor } = work;
  const { pool, vault, log } = parts;
  const times = timesAfter(work, grant);
  const credential: Credential = { token: withEnd({ ...grant.token }, times.expiresAtMs), secret: { ...before.secret, ...grant.secret }, obtained: true };
  const plain = Object.keys(grant.captured).length === 0;
  if (plain && (await storeRefreshed(pool, vault, fenced, credential, times, actor))) return { kind: 'renewed' };
  const stored = await transaction(pool, async (client) => {
    await lockAccount(client, account.id);
    // Set-up may have added secrets to the credential, which grows its version and leaves the fence alone: keep them too.
    const { rows } = await client.query<CredentialRow>(`select * from credentials where account_id = $1 and slot = 'current' and lease_fence = $2 for update`, [account.id, fenced.fence]);
    const [row] = rows;
    if (row === undefined) return false;
    const secret = { ...openCredential(vault, row).secret, ...grant.secret };
    const written = await storeRefreshed(client, vault, { ...fenced, version: row.version }, { ...credential, secret }, times, actor);
    if (written) await mergeCaptures(client, account.id, grant.captured);
    return written;
  });
  if (!stored) log.warn({ accountId: account.id, connector: account.connector_id }, 'accounts: a refresh outlived its lease; its answer is not used');
  return { kind: 'renewed' };
}

/** A newer version means that somebody rotated the token before us: then the refusal was of the old one. */
async function condemn(work: Work, failure: GrantFailure): Promise<Renewal> {
  const { parts, fenced, account, actor } = work;
  parts.log.warn({ accountId: account.id, connector: account.connector_id, failure, answerLostBefore: work.inDoubt }, 'accounts: a grant is refused for good');
  return transaction(parts.pool, async (client) => {
    await lockAccount(client, fenced.accountId);
    const { rows } = await client.query<{ version: number; lease_fence: number }>(
      `select version, lease_fence from credentials where account_id = $1 and slot = 'current' for update`,
      [fenced.accountId],
    );
    const row = rows[0];
    if (row === undefined) return failed('The account has no credential any more.');
    if (row.lease_fence !== fenced.fence) return row.version === fenced.version ? failed('The lease of this refresh was lost.', 1) : { kind: 'renewed' };
    await storeFailure(client, { ...fenced, version: row.version }, { message: failure.message, actor, retry: null, inDoubt: work.inDoubt });
    const evidence = { ...evidenceOf(failure), credential_version: row.version, ...(work.inDoubt ? { earlier_answer_lost: true } : {}) };
    await moveAccount(client, fenced.accountId, { type: 'grant_rejected' }, { actor, evidence, message: failure.message });
    return { kind: 'rejected', message: failure.message };
  });
}

async function postpone(work: Work, failure: GrantFailure): Promise<Renewal> {
  const { parts, fenced, account, row, actor } = work;
  parts.log.warn({ accountId: account.id, connector: account.connector_id, failure, failures: row.refresh_failures + 1, endsAt: row.expires_at }, 'accounts: a refresh failed');
  const now = parts.now();
  const { atMs, inDoubt } = nextAttempt({ ...caseOf(work), failure, failures: row.refresh_failures, random: randomInt(1_000_000) / 1_000_000 });
  const stored = await storeFailure(parts.pool, fenced, { message: failure.message, actor, retry: { afterMs: atMs - now, atMs }, inDoubt });
  if (!stored) parts.log.warn({ accountId: account.id }, 'accounts: a refresh failed after its lease had ended');
  // An answer that blames the client, or one nobody understands, meets every account of the connector alike.
  const blame = failure.kind === 'transient' || failure.status !== null ? 'vendor' : 'local';
  return { kind: 'failed', message: failure.message, retryAfterS: Math.ceil((atMs - now) / 1000), status: failure.status, blame };
}
