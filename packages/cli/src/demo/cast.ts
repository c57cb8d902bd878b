/** Brings the installation to the demonstration's cast: apps set, accounts connected; what is there already stays. */
import { demoApps, demoConnections, trafficOf, type DemoConnection } from '@evenkeel/sandbox/demonstration.ts';
import type { Evenkeel } from '@evenkeel/sdk/client.ts';
import { EvenkeelError } from '@evenkeel/sdk/error.ts';
import type { Account } from '@evenkeel/sdk/generated/contract.ts';
import { connectAccount, findAccount } from './connect.ts';

/** Accounts that are worked on at the same time. */
const atOnce = 4;

export interface CastMember {
  readonly plan: DemoConnection;
  readonly account: Account;
}

export interface CastReport {
  readonly members: readonly CastMember[];
  /** Accounts of `members` that were connected just now. */
  readonly connected: number;
  readonly failures: readonly { readonly plan: DemoConnection; readonly reason: string }[];
}

/** Sets each app whose client is not known yet. */
export async function registerApps(client: Evenkeel, signal: AbortSignal): Promise<void> {
  for await (const connector of client.connectors.list({}, { signal })) {
    const app = demoApps[connector.id];
    if (app !== undefined && !connector.app.fields.includes('client_id')) await client.apps.put(connector.id, app, { signal });
  }
}

/** Connects what is missing or no longer works. One failing vendor does not keep the others from being connected. */
export async function assembleCast(client: Evenkeel, signal: AbortSignal, onProgress: (done: number, all: number) => void): Promise<CastReport> {
  const members: CastMember[] = [];
  const failures: { plan: DemoConnection; reason: string }[] = [];
  let connected = 0;
  const queue = [...demoConnections];
  const work = async (): Promise<void> => {
    for (let plan = queue.shift(); plan !== undefined; plan = queue.shift()) {
      signal.throwIfAborted();
      const outcome = await ensureAccount(client, plan, signal).catch((error: unknown) => ({ reason: error instanceof Error ? error.message : String(error) }));
      if ('reason' in outcome) failures.push({ plan, reason: outcome.reason });
      else {
        members.push({ plan, account: outcome.account });
        if (outcome.isNew) connected += 1;
      }
      onProgress(members.length + failures.length, demoConnections.length);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  signal.throwIfAborted();
  return { members, connected, failures };
}

async function ensureAccount(client: Evenkeel, plan: DemoConnection, signal: AbortSignal): Promise<{ account: Account; isNew: boolean }> {
  const known = await findAccount(client, plan.tenant, plan.connector, signal);
  if (known !== undefined && (await works(client, plan, known, signal))) return { account: known, isNew: false };
  const account = await connectAccount(client, plan, known?.id, signal);
  // A re-authorised account becomes active by its first successful call.
  if (account.state !== 'needs_reauth' || (await works(client, plan, account, signal))) return { account, isNew: true };
  throw new Error(`${account.id} is ${account.state}: ${account.message ?? 'no reason given'}`);
}

/** Whether a call of the account gets through to the vendor. */
async function works(client: Evenkeel, plan: DemoConnection, account: Account, signal: AbortSignal): Promise<boolean> {
  const read = trafficOf(plan).reads[0];
  if (read === undefined || account.state === 'validation_error' || account.state === 'post_install_error') return false;
  try {
    await client.proxy(account.id).list(read.resource, { ...read.query, limit: 1 }, { signal }).page();
    return true;
  } catch (error) {
    if (error instanceof EvenkeelError) return error.origin !== 'account';
    throw error;
  }
}

/** Lets the simulated vendor fail the customers now and then that the cast says it serves badly. */
export async function troubleVendors(sandboxUrl: string, members: readonly CastMember[], signal: AbortSignal): Promise<void> {
  for (const { plan, account } of members) {
    if (plan.isTroubled !== true || account.external_id === null) continue;
    const faults = [
      { kind: 'outage', account: account.external_id, rate: 0.05 },
      { kind: 'latency', account: account.external_id, rate: 0.1, params: { ms: 800 } },
    ];
    const response = await fetch(`${sandboxUrl}/_sandbox/faults/${plan.connector}`, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify(faults), signal });
    if (!response.ok) throw new Error(`the sandbox refused the faults: ${await response.text()}`);
  }
}
