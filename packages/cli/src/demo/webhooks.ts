/** Brings the simulated vendors to send: what a person would set up in their settings, and a look at what their APIs keep. */
import { demoWebhooks } from '@evenkeel/sandbox/demonstration.ts';
import type { Evenkeel } from '@evenkeel/sdk/client.ts';
import type { CastMember } from './cast.ts';

interface Registration {
  readonly target_url: string;
}

/** The sandbox forgets registrations when it ends: what is missing is made, and subscriptions of accounts are checked now. */
export async function bringToSend(client: Evenkeel, sandboxUrl: string, members: readonly CastMember[], signal: AbortSignal): Promise<void> {
  for (const { connector, of, secret } of demoWebhooks) {
    const mine = members.filter(({ plan }) => plan.connector === connector);
    if (of === 'app') {
      if (mine.length > 0) await register(sandboxUrl, connector, (await client.inbound.ofConnector(connector, { signal })).url, secret, null, signal);
    } else for (const { account } of mine) await register(sandboxUrl, connector, (await client.inbound.ofAccount(account.id, { signal })).url, secret, account.external_id, signal);
  }
  for (const { account } of members) await client.inbound.retryTasks(account.id, { kind: 'subscription' }, { signal });
}

async function register(sandboxUrl: string, vendor: string, url: string | null, secret: string, account: string | null, signal: AbortSignal): Promise<void> {
  if (url === null) return;
  const at = `${sandboxUrl}/_sandbox/webhooks/${vendor}`;
  const present = (await (await fetch(at, { signal })).json()) as { readonly registrations: readonly Registration[] };
  if (present.registrations.some(({ target_url: target }) => target === url)) return;
  const made = await fetch(at, { method: 'POST', body: JSON.stringify({ target_url: url, secret, ...(account === null ? {} : { account }) }), signal });
  if (!made.ok) throw new Error(`the simulated ${vendor} did not take the address for webhooks: ${await made.text()}`);
}
