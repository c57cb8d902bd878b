/**
 * Who hears of a budget: the running server evaluates sealed minutes by itself, and what follows reaches an endpoint of
 * the installation and a route of the playbook.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { verifyWebhook } from '@evenkeel/sdk/webhooks.ts';
import { startTestEvenkeel } from '../harness/evenkeel.ts';
import { startReceiver } from '../harness/outbound-node.ts';
import { plantSeries, sealMinute } from '../harness/sealed-minutes.ts';

const pager = await startReceiver();
const dir = await mkdtemp(join(tmpdir(), 'evenkeel-playbook-'));
after(() => rm(dir, { recursive: true }));
await writeFile(join(dir, 'alerts.yaml'), `version: 1\nalerts: []\nroutes: [{ id: pager, url: "${pager.url}/pager" }]\n`);
await writeFile(
  join(dir, 'objectives.yaml'),
  `version: 1
indicators: { ours: { measure: availability, upstream: excluded } }
objectives: [{ id: ours, title: Ours, indicator: ours, target: 99.9, window: { rolling_days: 1 }, method: events, scopes: [overall, tenant], minimum: { events: 100, bad: 5 } }]
`,
);
const evenkeel = await startTestEvenkeel({ EVENKEEL_PLAYBOOK_DIR: dir, EVENKEEL_ALLOW_PRIVATE: '127.0.0.0/8', EVENKEEL_ALLOW_PRIVATE_ENDPOINTS: '127.0.0.0/8', EVENKEEL_HOST_MAP: '{}' });
const { pool } = evenkeel.database;
const series = await plantSeries(pool, { tenantId: 'acme', connectorId: 'one', category: 'crm' });
const begin = Math.floor(Date.UTC(2025, 8, 30, 20, 0) / 60_000);

async function modeNow(): Promise<unknown> {
  const { json } = await evenkeel.call('GET', '/v1/objectives/ours');
  return (json?.['policy'] as { mode: unknown } | undefined)?.mode;
}

interface Told {
  readonly status: string;
  readonly alerts: readonly { readonly status: string; readonly labels: Record<string, string>; readonly annotations: Record<string, string> }[];
}

test('a budget that is used up is told once: an event at an endpoint of the installation, a P1 alert along the route', { timeout: 60_000 }, async () => {
  const receiver = await startReceiver();
  const made = await evenkeel.client.endpoints.create({ url: `${receiver.url}/budget`, event_types: ['budget:mode_changed'] });
  const seal = (minute: number, bad: number): Promise<void> => sealMinute(pool, minute, [{ series, counts: { total: 1000, success: 1000 - bad, platform: bad, platform_5xx: bad } }]);
  // At a budget of 0.1 % a hundred bad ones a minute use up all of it many times over.
  await seal(begin, 0);
  await seal(begin + 1, 0);
  for (let minute = begin + 2; minute < begin + 6; minute += 1) await seal(minute, 100);
  const [first] = await receiver.count(1);
  const event = await verifyWebhook(first?.body ?? '', first?.headers ?? {}, made.secret.value);
  assert.equal(event.type, 'budget:mode_changed');
  await pager.count(1);
  for (const deadline = Date.now() + 20_000; ; await new Promise((resolve) => setTimeout(resolve, 100))) {
    const mode = await modeNow();
    if (mode === 'exhausted') break;
    assert.ok(Date.now() < deadline, `the mode is ${String(mode)}`);
  }
  // The budget stays exhausted for as many minutes as come: nobody is told again.
  for (let minute = begin + 6; minute < begin + 12; minute += 1) await seal(minute, 100);
  for (const deadline = Date.now() + 20_000; ; await new Promise((resolve) => setTimeout(resolve, 100))) {
    const { rows } = await pool.query<{ last: number | null }>('select last_minute as last from objective_progress');
    if ((rows[0]?.last ?? 0) >= begin + 11) break;
    assert.ok(Date.now() < deadline, 'the minutes were not evaluated');
  }
  const { rows: alerts } = await pool.query<{ key: string; severity: string; state: string; title: string }>(`select key, severity, state, title from alerts where key like 'budget-mode ours %' and state = 'firing'`);
  assert.deepEqual(alerts.map(({ key, severity }) => [key, severity]), [['budget-mode ours exhausted', 'P1']]);
  assert.match(alerts[0]?.title ?? '', /is exhausted: -\d.* remains; only reliability fixes are deployed; for on_call, engineering_leads, vp_engineering$/);
  const { rows: opened } = await pool.query(`select 1 from alerts where key = 'budget-mode ours exhausted'`);
  assert.equal(opened.length, 1);
  const told = pager.received.map(({ body }) => JSON.parse(body.toString()) as Told).flatMap(({ alerts: list }) => list);
  assert.equal(told.filter(({ status, annotations }) => status === 'firing' && Object.values(annotations).some((text) => text.includes('is exhausted'))).length, 1);
});

test('a better mode is told as well, with the end of the worse one', { timeout: 60_000 }, async () => {
  // So many good calls that the 1000 bad ones are a tenth of the budget of 0.1 %.
  await sealMinute(pool, begin + 12, [{ series, counts: { total: 10_000_000, success: 10_000_000 } }]);
  for (const deadline = Date.now() + 20_000; ; await new Promise((resolve) => setTimeout(resolve, 100))) {
    const { rows } = await pool.query<{ state: string }>(`select state from alerts where key like 'budget-mode ours %'`);
    if (rows.length > 0 && rows.every(({ state }) => state === 'resolved')) break;
    assert.ok(Date.now() < deadline, 'the budget is told as exhausted for ever');
  }
  assert.equal(await modeNow(), 'normal');
});
