/** Connects accounts the way their owners do: through the connect page, the vendor's consent page, and back. */
import type { DemoConnection } from '@evenkeel/sandbox/demonstration.ts';
import type { Evenkeel } from '@evenkeel/sdk/client.ts';
import type { Account } from '@evenkeel/sdk/generated/contract.ts';
import { Browser, type WebPage } from './browser.ts';
import type { HtmlForm } from './html-form.ts';

/** More pages than any way through connect and consent has. */
const pagesAtMost = 8;
const settleMs = 20_000;

/** Walks through the pages of a new connect session, or of one that re-authorises `accountId`; resolves with the account once it has left `connecting`. */
export async function connectAccount(client: Evenkeel, plan: DemoConnection, accountId: string | undefined, signal: AbortSignal): Promise<Account> {
  const { tenant, connector, scheme } = plan;
  const session = await client.connectSessions.create({ tenant_id: tenant, connector, ...(scheme === undefined ? {} : { scheme }), ...(accountId === undefined ? {} : { account_id: accountId }) }, { signal });
  const browser = new Browser(signal);
  let page = await browser.open(session.url);
  for (let count = 0; count < pagesAtMost; count += 1) {
    if (page.status >= 400) throw new Error(`${page.url} answered ${page.status}: ${page.text}`);
    const form = page.forms[0];
    if (form === undefined) return settled(client, plan, page, signal);
    page = await browser.submit(page, form, answers(form, plan), form.buttons[0]);
  }
  throw new Error(`the pages of the connect session do not end; the last one is ${page.url}: ${page.text}`);
}

/** What the person types and picks: the plan's fields, and on a consent page the account of the plan. */
function answers(form: HtmlForm, plan: DemoConnection): Record<string, string> {
  const picked = form.fields
    .filter(({ type, name }) => type === 'select' && name === 'account')
    .map(({ name, choices, value }) => [name, choices[plan.choice % Math.max(1, choices.length)]?.value ?? value] as const);
  return { ...Object.fromEntries(picked), ...plan.fields };
}

async function settled(client: Evenkeel, { tenant, connector }: DemoConnection, page: WebPage, signal: AbortSignal): Promise<Account> {
  const deadlineMs = Date.now() + settleMs;
  for (;;) {
    const account = await findAccount(client, tenant, connector, signal);
    if (account !== undefined && account.state !== 'connecting') return account;
    if (Date.now() > deadlineMs) {
      throw new Error(account === undefined ? `the last page (${page.url}) made no account: ${page.text}` : `${account.id} is still connecting after ${settleMs / 1000} s`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** The tenant's account at the connector; the demonstration makes one each. */
export async function findAccount(client: Evenkeel, tenant: string, connector: string, signal: AbortSignal): Promise<Account | undefined> {
  const { results } = await client.accounts.list({ tenant_id: tenant, connector, limit: 1 }, { signal }).page();
  return results[0];
}
