/**
 * Who hears of a budget: the running server evaluates sealed minutes by itself, and what follows reaches an endpoint of
 * the installation, a route of the playbook, and the roles that the policy names: by webhook, and by mail through a
 * server that refuses at first.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { verifyWebhook } from '@evenkeel/sdk/webhooks.ts';
import { startTestEvenkeel } from '../harness/evenkeel.ts';
import { startReceiver } from '../harness/outbound-node.ts';
import { startSmtpServer } from '../harness/smtp-server.ts';
import { dropRealCounts, plantSeries, sealMinute } from '../harness/sealed-minutes.ts';

const pager = await startReceiver();
const onCall = await startReceiver();
const smtp = await startSmtpServer();
smtp.refuse(1);
const dir = await mkdtemp(join(tmpdir(), 'evenkeel-playbook-'));
after(() => rm(dir, { recursive: true }));
await writeFile(join(dir, 'alerts.yaml'), `version: 1\nalerts: []\nroutes: [{ id: pager, url: "${pager.url}/pager" }]\n`);
await writeFile(
  join(dir, 'objectives.yaml'),
  `version: 1
indicators: { ours: { measure: availability, upstream: excluded } }
objectives: [{ id: ours, title: Ours, indicator: ours, target: 99.9, window: { rolling_days: 1 }, method: events, scopes: [overall, tenant], minimum: { events: 100, bad: 5, measured: 1m } }]
`,
);
await writeFile(join(dir, 'contacts.yaml'), `version: 1
roles:
  on_call: [{ webhook: "${onCall.url}/on-call", severities: [P1] }]
  team_lead: [{ operator: mail }]
  vp_engineering: [{ mail: vp@example.com }]
`);
const evenkeel = await startTestEvenkeel({ EVENKEEL_PLAYBOOK_DIR: dir, EVENKEEL_ALLOW_PRIVATE: '127.0.0.0/8', EVENKEEL_ALLOW_PRIVATE_ENDPOINTS: '127.0.0.0/8', EVENKEEL_HOST_MAP: '{}', SMTP_URL: smtp.url, EVENKEEL_MAIL_FROM: 'evenkeel@example.com' });
const { pool } = evenkeel.database;
await dropRealCounts(pool);
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
  const marked = await evenkeel.call('POST', '/v1/deployments', { body: { version: '4.2.0', deployed_at: new Date((begin + 1) * 60_000 + 30_000).toISOString() } });
  assert.equal(marked.status, 201, marked.text);
  // Half of the hour that a fast burn looks at has to be measured.
  for (let minute = begin - 30; minute < begin + 2; minute += 1) await seal(minute, 0);
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
  assert.equal(alerts[0]?.title, 'The error budget of ours is exhausted');
  const { rows: opened } = await pool.query(`select 1 from alerts where key = 'budget-mode ours exhausted'`);
  assert.equal(opened.length, 1);
  const told = pager.received.map(({ body }) => JSON.parse(body.toString()) as Told).flatMap(({ alerts: list }) => list);
  assert.equal(told.filter(({ status, annotations }) => status === 'firing' && Object.values(annotations).some((text) => text.includes('is exhausted'))).length, 1);
});

interface ToldRole {
  readonly role: string;
  readonly status: string;
  readonly channel: string;
  readonly address: string;
  readonly state: string;
  readonly attempts: number;
  readonly detail: string | null;
}

async function toldOf(key: string): Promise<readonly ToldRole[]> {
  const { rows } = await pool.query<{ id: string }>('select id from alerts where key = $1', [key]);
  const { json } = await evenkeel.call('GET', `/v1/alerts/${rows[0]?.id}`);
  return (json?.['told'] ?? []) as readonly ToldRole[];
}

const until = async (holds: () => Promise<boolean>, what: string): Promise<void> => {
  for (const deadline = Date.now() + 30_000; !(await holds()); await new Promise((resolve) => setTimeout(resolve, 100))) assert.ok(Date.now() < deadline, what);
};

test('the roles of the policy are told: the VP by mail although the server refused at first, whoever is on call by webhook; nobody is a warning', { timeout: 60_000 }, async () => {
  const mail = await smtp.mail(({ to, subject }) => to === 'vp@example.com' && subject.includes('exhausted'));
  assert.deepEqual([mail.from, mail.subject], ['evenkeel@example.com', '[P1] The error budget of ours is exhausted']);
  assert.match(mail.text, /ours, overall: -\d[\d.]* % of the budget was left/);
  assert.match(mail.text, /Deployments with which errors rose:\n- evenkeel 4\.2\.0, 2025-09-30T20:01:30\.000Z: Errors rose with it: 0 of \d+ before, \d+ of \d+ after, p = /);
  assert.match(mail.text, /What to do now:\n- Run the P1 flow\./);
  assert.match(mail.text, /told as vp_engineering/);
  await until(async () => (await toldOf('budget-mode ours exhausted')).every(({ state }) => state !== 'pending'), 'roles are still to be told');
  const told = await toldOf('budget-mode ours exhausted');
  assert.deepEqual(told.map(({ role, status, channel, address, state }) => `${role} ${status} ${channel} ${address} ${state}`).toSorted(), [
    'engineering_leads firing none  unaddressed',
    `on_call firing webhook ${onCall.url}/on-call sent`,
    'vp_engineering firing mail vp@example.com sent',
  ]);
  assert.equal(evenkeel.logLines.some((line) => line.includes('nobody stands for it') && line.includes('engineering_leads')), true);
  // The first mail there was, was refused, and sent again: its row says so.
  const { rows } = await pool.query<{ attempts: number; detail: string | null }>(`select attempts, detail from role_notices where channel = 'mail' and attempts > 1`);
  assert.deepEqual(rows.map(({ attempts }) => attempts), [2]);
});

test('what burns pages once by its role, for the whole installation and its tenant together', { timeout: 60_000 }, async () => {
  await until(async () => (await pool.query(`select from role_notices where state = 'pending'`)).rows.length === 0, 'roles are still to be told');
  const pages = onCall.received.map(({ body }) => JSON.parse(body.toString()) as Told).filter(({ status, alerts }) => status === 'firing' && alerts[0]?.labels['alertname']?.startsWith('burn-rate:') === true);
  assert.equal(pages.length, 1, JSON.stringify(pages));
  assert.deepEqual([pages[0]?.alerts[0]?.labels['severity'], pages[0]?.alerts[0]?.labels['connector'], pages[0]?.alerts[0]?.labels['origin']], ['P1', 'one', 'platform']);
  const { json } = await evenkeel.call('GET', '/v1/alerts?connector=one');
  const [alert] = (json?.['results'] ?? []) as readonly { findings: readonly { rule: string; evidence: { scope: string } }[] }[];
  assert.deepEqual(alert?.findings.map(({ rule, evidence }) => `${rule} ${evidence.scope}`).toSorted(), ['burn-rate:fast-burn overall', 'burn-rate:fast-burn tenant:acme']);
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
  // Who was told of the begin is told of the end.
  const end = await smtp.mail(({ to, subject }) => to === 'vp@example.com' && subject === '[resolved] The error budget of ours is exhausted');
  assert.match(end.text, /^This has ended/);
});
