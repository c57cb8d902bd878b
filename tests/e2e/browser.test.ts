/** The pages in a real browser: an account connected by hand, and the overview that shows it. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { chromium } from 'playwright-core';
import { registerApps } from 'evenkeel/demo/cast.ts';
import { startTestEvenkeel } from '../harness/evenkeel.ts';

const executablePath = process.env['EVENKEEL_TEST_CHROMIUM'] ?? '/usr/bin/chromium';
const evenkeel = await startTestEvenkeel();
await registerApps(evenkeel.client, AbortSignal.timeout(30_000));
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-background-networking'] }).catch((error: unknown) => {
  throw new Error(`Chromium does not start from ${executablePath}: install it (apt-get install -y chromium) or set EVENKEEL_TEST_CHROMIUM`, { cause: error });
});
after(() => browser.close());

async function openPage(url: string) {
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' && message.location().url.startsWith(evenkeel.url)) complaints.push(`${message.text()} ${message.location().url}`);
  });
  await page.goto(url);
  return { page, complaints };
}

describe('in a browser', () => {
  it('connects an account through the consent page, and an operator sees it', async () => {
    const session = await evenkeel.client.connectSessions.create({ tenant_id: 'acme', connector: 'hubspot' });
    const customer = await openPage(session.url);
    await customer.page.getByRole('button', { name: /continue/i }).click();
    await customer.page.getByRole('button', { name: 'Approve' }).click();
    await customer.page.getByRole('heading', { name: /is connected/ }).waitFor();
    assert.deepEqual(customer.complaints, []);

    const operator = await openPage(evenkeel.url);
    await operator.page.getByLabel('API key').fill('ek_wrong_wrong_wrong');
    await operator.page.getByRole('button', { name: 'Show the overview' }).click();
    await operator.page.getByRole('alert').filter({ hasText: 'unknown, expired or revoked' }).waitFor();
    await operator.page.getByLabel('API key').fill(evenkeel.adminKey);
    await operator.page.getByRole('button', { name: 'Show the overview' }).click();
    await operator.page.getByRole('cell', { name: 'HubSpot portal' }).first().waitFor();
    assert.equal(await operator.page.locator('.figure', { hasText: 'Active' }).locator('b').textContent(), '1');
    assert.deepEqual(operator.complaints.filter((text) => !text.includes('401')), []);
  });

  it('keeps what was typed when a form is refused, and says what is wrong', async () => {
    const session = await evenkeel.client.connectSessions.create({ tenant_id: 'acme', connector: 'greenhouse' });
    const { page, complaints } = await openPage(session.url);
    await page.getByLabel(/api key/i).fill('not-a-real-key');
    await page.locator('form button[type=submit]').click();
    await page.getByRole('alert').first().waitFor();
    assert.equal((await evenkeel.client.accounts.list({ connector: 'greenhouse', state: 'active' }).page()).results.length, 0);
    assert.deepEqual(complaints, []);
  });

  it('shows the API documentation under its own policy', async () => {
    const { page, complaints } = await openPage(`${evenkeel.url}/docs`);
    await page.getByText('/v1/connect-sessions').first().waitFor();
    assert.deepEqual(complaints, []);
  });
});
