/** Random interleavings of calls, schedulers, failures, crashes, revocations and clocks, against what the vendor knows. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { startAccountsNode, type AccountsNode } from '@evenkeel/tests/harness/accounts-node.ts';
import { createTestDatabase } from '@evenkeel/tests/harness/database.ts';
import { plantAccount } from '@evenkeel/tests/harness/planted-account.ts';
import { startTokenVendor, type Rotation, type TokenFault, type TokenVendor } from '@evenkeel/tests/harness/token-vendor.ts';
import { openCredential, putCredential, readCredential } from '../credential-store.ts';
import { claimLease, leaseMs } from './refresh-store.ts';
import { openVault } from '../vault/vault-keys.ts';

const database = await createTestDatabase();
const hosts: Record<string, string> = {};
const masterKey = randomBytes(32);
const nodes = [await startAccountsNode({ database, masterKey, hosts }), await startAccountsNode({ database, masterKey, hosts })] as const;
const [{ pool, registry }] = nodes;
const vault = await openVault(pool, masterKey);
let offset = 0;
const nowMs = (): number => Date.now() + offset;
/** Nodes' clocks differ from the vendor's by no more. */
const skewMs = 20_000;
const skews = [0, 0];

const rotations = ['none', 'rotates', 'single_use'] as const satisfies readonly Rotation[];
const vendors = {} as Record<Rotation, TokenVendor>;
for (const rotation of rotations) {
  const id = `model-${rotation.replace('_', '-')}`;
  const vendor = await startTokenVendor({ id, rotation });
  vendor.nowMs = nowMs;
  hosts[`${id}.example`] = vendor.url;
  await registry.put(id, vendor.manifest, 100, { actor: 'key:test' });
  await registry.apps.write(id, { client_id: id, client_secret: 'planted-app-secret-0123456789' }, { actor: 'key:test' });
  while (nodes[1].registry.get(id) === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
  vendors[rotation] = vendor;
}

type Step =
  | { readonly do: 'call'; readonly node: 0 | 1; readonly callers: number }
  | { readonly do: 'tick'; readonly node: 0 | 1 }
  | { readonly do: 'all at once'; readonly callers: number }
  | { readonly do: 'fail'; readonly faults: readonly TokenFault[] }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'skew'; readonly node: 0 | 1; readonly ms: number }
  | { readonly do: 'crash'; readonly asked: boolean }
  | { readonly do: 'end early' | 'revoke' | 'authorise again' };

const node = fc.constantFrom(0 as const, 1 as const);
const callers = fc.integer({ min: 1, max: 8 });
const fault = fc.constantFrom<TokenFault>('unheard', 'lost', 'garbage', { status: 503 }, { status: 429, retryAfterS: 30 }, { status: 500 }, { status: 504 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('call' as const), node, callers }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('tick' as const), node }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('all at once' as const), callers }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('fail' as const), faults: fc.array(fault, { minLength: 1, maxLength: 4 }) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(1_500, 20_000, 61_000, 600_000, 3_500_000, 3_590_000, 7_200_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('skew' as const), node, ms: fc.integer({ min: -skewMs, max: skewMs }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('crash' as const), asked: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('end early' as const, 'revoke' as const, 'authorise again' as const) }) },
);

let runs = 0;

class Run {
  readonly vendor: TokenVendor;
  readonly rotation: Rotation;
  readonly #connectorId: string;
  #name: string;
  id = '';
  readonly #reusesBefore: number;

  constructor(rotation: Rotation) {
    this.rotation = rotation;
    this.vendor = vendors[rotation];
    this.#connectorId = `model-${rotation.replace('_', '-')}`;
    this.#reusesBefore = this.vendor.seen.reuseCases.length;
    runs += 1;
    this.#name = `account-${runs}`;
  }

  async begin(): Promise<void> {
    const at = nowMs();
    this.id = await plantAccount(pool, vault, { connectorId: this.#connectorId, token: this.vendor.grant(this.#name), grantedAtMs: at, expiresAtMs: at + 3_600_000, refreshDueAtMs: at + 3_480_000 });
  }

  async perform(one: Step): Promise<void> {
    switch (one.do) {
      case 'call':
        return void (await Promise.all(Array.from({ length: one.callers }, () => this.#call(nodes[one.node]))));
      case 'tick':
        return this.#tick(nodes[one.node]);
      case 'all at once':
        return void (await Promise.all([...nodes.map((each) => this.#tick(each)), ...Array.from({ length: one.callers }, (_, at) => this.#call(at % 2 === 0 ? nodes[0] : nodes[1]))]));
      case 'fail': {
        const left = [...one.faults];
        this.vendor.fault = () => left.shift();
        return;
      }
      case 'pass':
        return pass(one.ms);
      case 'skew':
        nodes[one.node].advance(one.ms - (skews[one.node] ?? 0));
        skews[one.node] = one.ms;
        return;
      case 'crash':
        return this.#crash(one.asked);
      case 'end early':
        this.vendor.endEarly(this.#name);
        return;
      case 'revoke':
        this.vendor.revoke(this.#name);
        return;
      case 'authorise again':
        return this.#authorise();
    }
  }

  /** As the gateway does: once more after a 401, then the probe. */
  async #call(on: AccountsNode): Promise<void> {
    const { access } = on.room;
    const accepted = (opened: { scope: { token?: unknown } }): boolean => this.vendor.accepts((opened.scope.token as { access_token?: string }).access_token ?? '');
    const first = await access.open(this.id, { tenantId: null });
    if (!first.ok) return;
    if (accepted(first.opened)) return access.succeeded(first.opened);
    const again = await access.renew(first.opened);
    if (!again.ok) return;
    if (accepted(again.opened)) return access.succeeded(again.opened);
    await access.refused(again.opened, { path: '/things/1' });
  }

  async #tick(on: AccountsNode): Promise<void> {
    await on.room.scheduler.tick();
    await on.room.scheduler.settled();
  }

  /** A process that took the lease, asked or not, and is no more. Others hear nothing of it until its lease ends. */
  async #crash(asked: boolean): Promise<void> {
    const row = await readCredential(pool, this.id);
    const held = row === undefined ? undefined : await claimLease(pool, { accountId: this.id, version: row.version, owner: 'dying', leaseMs, ignoreBackoff: true, nowMs: nowMs() });
    // Nobody asks for the dead or against the rules of a doubt.
    if (held === undefined) return;
    const { state } = await this.#account();
    if (state === 'active' && asked && held.in_doubt_since === null) {
      const { refresh_token: token = '' } = openCredential(vault, held).token;
      const before = this.vendor.fault;
      this.vendor.fault = () => 'lost';
      await fetch(`${this.vendor.url}/token`, { method: 'POST', body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: token }) }).catch(() => undefined);
      this.vendor.fault = before;
    }
    await pass(leaseMs + 1_000);
  }

  async #authorise(): Promise<void> {
    const { state } = await this.#account();
    if (state !== 'needs_reauth') return;
    const at = nowMs();
    this.#name = `${this.#name}'`;
    const token = { ...this.vendor.grant(this.#name), expires_at: new Date(at + 3_600_000).toISOString() };
    await pool.query('update accounts set regranted = true where id = $1', [this.id]);
    await putCredential(pool, vault, { accountId: this.id, slot: 'current', credential: { token, secret: {}, obtained: true }, times: { grantedAtMs: at, expiresAtMs: at + 3_600_000, refreshDueAtMs: at + 3_480_000 } });
  }

  async #account(): Promise<{ state: string; regranted: boolean }> {
    const { rows } = await pool.query<{ state: string; regranted: boolean }>('select state, regranted from accounts where id = $1', [this.id]);
    assert.ok(rows[0]);
    return rows[0];
  }

  async #token(): Promise<{ access_token?: string; refresh_token?: string }> {
    const row = await readCredential(pool, this.id);
    assert.ok(row);
    return openCredential(vault, row).token;
  }

  /** What holds whenever nothing is under way. */
  async check(): Promise<void> {
    const truth = this.vendor.truth(this.#name);
    const { state, regranted } = await this.#account();
    if (state === 'needs_reauth' && !regranted) assert.ok(truth.revoked, 'the account was given up although the grant lives');
    assert.equal((await this.#token()).refresh_token, truth.delivered, 'a token that came was not kept');
    for (const { afterLoss, leftMs } of this.vendor.seen.reuseCases.slice(this.#reusesBefore)) {
      assert.equal(this.rotation, 'single_use');
      assert.ok(afterLoss, 'a token that works once was used twice although its answer had come');
      assert.ok(leftMs <= skewMs + 1_000, `a doubtful token was used ${leftMs} ms before the access token ended`);
    }
  }

  /** The vendor is well again: the account works, or waits for its owner because the vendor ended the grant. */
  async end(): Promise<void> {
    this.vendor.fault = undefined;
    for (let round = 0; round < 4; round += 1) {
      await pass(1_900_000);
      await this.perform({ do: 'all at once', callers: 2 });
    }
    await this.check();
    const { state, regranted } = await this.#account();
    const { access_token: access = '' } = await this.#token();
    if (state === 'active' || regranted) assert.ok(this.vendor.accepts(access), 'nothing is wrong at the vendor, and the account does not work');
    await pool.query('update credentials set refresh_due_at = null where account_id = $1', [this.id]);
  }
}

/** Time passes for the nodes, the vendor and the database alike. */
async function pass(ms: number): Promise<void> {
  offset += ms;
  for (const each of nodes) each.advance(ms);
  await pool.query(`update credentials set lease_until = lease_until - $1 * interval '1 millisecond', refresh_retry_at = refresh_retry_at - $1 * interval '1 millisecond' where lease_until is not null or refresh_retry_at is not null`, [ms]);
}

for (const rotation of rotations) {
  test(`whatever happens, ${rotation}: no token is lost, none that works once is used again in vain, nothing transient moves the account`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 16 }), async (steps) => {
        const run = new Run(rotation);
        await run.begin();
        for (const one of steps) {
          await run.perform(one);
          await Promise.all(nodes.map((each) => each.room.scheduler.settled()));
          await run.check();
        }
        await run.end();
      }),
      { numRuns: 25, interruptAfterTimeLimit: 30_000, markInterruptAsFailure: false },
    );
  });
}
