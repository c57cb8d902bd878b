/**
 * Webhooks that come late or not at all, and deliveries that fail: caused at a simulated vendor and at a real receiver,
 * and the alert that follows. The rules are those that come with Evenkeel; minutes are staged.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { demoConnections } from '@evenkeel/sandbox/demonstration.ts';
import { registerApps } from 'evenkeel/demo/cast.ts';
import { connectAccount } from 'evenkeel/demo/connect.ts';
import { startTestEvenkeel } from '../harness/evenkeel.ts';
import { startReceiver } from '../harness/outbound-node.ts';
import { assertInTime } from '../harness/stated-times.ts';
import { stageMinutes, times, type Counted, withoutObjectives } from '../harness/staged-minutes.ts';

const evenkeel = await startTestEvenkeel({ ...(await withoutObjectives()), EVENKEEL_ALLOW_PRIVATE_ENDPOINTS: '127.0.0.0/8' });
const { call, client, database, sandbox } = evenkeel;
const signal = AbortSignal.timeout(240_000);
await registerApps(client, signal);
await fetch(`${sandbox.url}/_sandbox/limits/pipedrive`, { method: 'PUT', body: JSON.stringify({ burst: { limit: 1_000_000, window_ms: 10_000 } }) });
const plan = demoConnections.find(({ connector }) => connector === 'pipedrive') ?? assert.fail();
// The sandbox has three companies: each customer of ours has one of its own, so that a webhook is of one account.
const accounts = await Promise.all([0, 1, 2].map(async (choice) => connectAccount(client, { ...plan, tenant: `customer-${choice}`, choice }, undefined, signal)));
await until('subscriptions', async () => {
  const tasks = await Promise.all(accounts.map(async ({ id }) => ((await call('GET', `/v1/accounts/${id}/inbound`)).json?.['tasks'] ?? []) as { kind: string; state: string }[]));
  return tasks.every((own) => own.some(({ kind, state }) => kind === 'subscription' && state === 'active'));
});
const contacts = await Promise.all(accounts.map(async ({ id }) => {
  const answer = await call('GET', '/v1/unified/crm/contacts?limit=1', { headers: { 'evenkeel-account': id } });
  return String(((answer.json?.['results'] ?? []) as { id: string }[])[0]?.id);
}));
const staged = await stageMinutes(database.pool, 60 * 26);
let changes = 0;

async function until(what: string, look: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 30_000; !(await look()); ) {
    assert.ok(Date.now() < deadline, `not within 30 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Each account's contact is changed so often; the counts are those of the events that came of it. */
async function events(each: number, some = accounts.map((_, at) => at)): Promise<Counted> {
  for (let round = 0; round < each; round += 1) {
    await Promise.all(some.map(async (at) => {
      changes += 1;
      const answer = await call('PATCH', `/v1/unified/crm/contacts/${contacts[at]}`, { headers: { 'evenkeel-account': accounts[at]?.id ?? '' }, body: { name: `Person ${changes}` } });
      assert.equal(answer.status, 200, answer.text);
    }));
  }
  return staged.counted('inbound', each * some.length);
}

interface AlertAnswer {
  readonly source: string;
  readonly opened_at: string;
  readonly scope: string;
  readonly connector: string | null;
  readonly account_id: string | null;
  readonly endpoint: string | null;
  readonly findings: readonly { readonly rule: string; readonly evidence: Record<string, unknown> }[];
}
/** What the rules of alerts.yaml tell; objectives tell of burning budgets beside them. */
const firing = async (): Promise<AlertAnswer[]> => (((await call('GET', '/v1/alerts?state=firing')).json?.['results'] ?? []) as AlertAnswer[]).filter(({ source }) => source === 'evenkeel');
const brief = (alerts: readonly AlertAnswer[]) => alerts.map(({ scope, connector, account_id, findings }) => `${scope} ${account_id ?? connector} ${findings.map(({ rule }) => rule).join('+')}`);

describe('webhook lag', () => {
  it('events that are processed more than 30 s after they happened are told of in the stated time', async () => {
    const prompt = await events(8);
    await staged.pass(times(3, prompt));
    assert.deepEqual(brief(await firing()), []);
    sandbox.advance(-60_000);
    const late = await events(8);
    sandbox.advance(60_000);
    const from = staged.next();
    // The five minutes of the window hold prompt ones too: the slowest twentieth is late at once.
    await staged.pass(times(2, late));
    const [alert, ...others] = await firing();
    assert.deepEqual(brief(others), []);
    assert.deepEqual([alert?.connector, alert?.findings[0]?.rule], ['pipedrive', 'webhook-lag']);
    assertInTime(alert, from, 'webhook-lag', 'events');
    const lag = Number(alert?.findings[0]?.evidence['lag_s']);
    assert.ok(lag >= 55 && lag < 100, `${lag} s`);
    await staged.pass(times(12, prompt));
    assert.deepEqual(brief(await firing()), []);
  });
});

describe('flat line', () => {
  /** Three weeks in which every account had as many events each hour as it has now. */
  async function rememberWeeks(perHour: number): Promise<void> {
    await database.pool.query(
      `insert into hour_counts (hour, series_id, total, success)
       select hour, id, $1, $1 from telemetry_series, generate_series(date_trunc('hour', now()) - interval '21 days', date_trunc('hour', $2::timestamptz), interval '1 hour') hour
       where kind = 'inbound'
       on conflict do nothing`,
      [perHour, staged.next()],
    );
    await database.pool.query(
      `insert into telemetry_hours (hour, covered_seconds, lost_seconds, amended_to)
       select hour, 3600, 0, 0 from generate_series(date_trunc('hour', now()) - interval '21 days', date_trunc('hour', $1::timestamptz), interval '1 hour') hour
       on conflict do nothing`,
      [staged.next()],
    );
  }

  it('the one account whose webhooks are lost is found, and all of them at once are one alert of the connector', async () => {
    const all = await events(1);
    await rememberWeeks(60);
    // Baselines are made anew every hour.
    await staged.pass(times(61, all));
    assert.deepEqual(brief(await firing()), []);
    const lost = accounts[1];
    await fetch(`${sandbox.url}/_sandbox/faults/pipedrive`, { method: 'PUT', body: JSON.stringify([{ kind: 'lost_webhooks', account: lost?.external_id }]) });
    for (const at of [0, 1, 2]) await call('PATCH', `/v1/unified/crm/contacts/${contacts[at]}`, { headers: { 'evenkeel-account': accounts[at]?.id ?? '' }, body: { name: 'While one is lost' } });
    const rest = await staged.counted('inbound', 2);
    await fetch(`${sandbox.url}/_sandbox/faults/pipedrive`, { method: 'PUT', body: '[]' });
    const lostFrom = staged.next();
    await staged.pass(times(30, rest));
    const [single, ...others] = await firing();
    assert.deepEqual(brief(others), []);
    assert.deepEqual([single?.scope, single?.account_id, single?.findings[0]?.rule], ['account', lost?.id, 'webhooks-stopped-account']);
    assert.ok(Number(single?.findings[0]?.evidence['expected_events']) >= 20.7);
    assertInTime(single, lostFrom, 'flat-line', "one account's events stop");
    await staged.pass(times(6, all));
    assert.deepEqual(brief(await firing()), []);
    const allFrom = staged.next();
    await staged.pass(times(30, []));
    const whole = await firing();
    assert.deepEqual(whole.map(({ scope, connector }) => [scope, connector]), [['connector', 'pipedrive']]);
    assertInTime(whole[0], allFrom, 'flat-line', "all accounts' events stop");
    await staged.pass(times(6, all));
    assert.deepEqual(brief(await firing()), []);
  });
});

describe('delivery rate', () => {
  it('a receiver that fails is told of by its endpoint; one that is well is not', async () => {
    const bad = await startReceiver((_request, response) => void response.writeHead(500).end());
    const good = await startReceiver();
    const made = await Promise.all([bad, good].map(({ url }) => client.endpoints.create({ url: `${url}/hook`, event_types: ['crm.*'] })));
    const changed = await events(20);
    // The breaker spares the one that fails: few attempts are made, and they are enough.
    await Promise.all([bad.count(5), good.count(60)]);
    const counted = await staged.counted('delivery', 65, changed);
    const from = staged.next();
    await staged.pass(times(3, counted));
    const told = (await firing()).filter(({ findings }) => findings.some(({ rule }) => rule.startsWith('deliveries-failing')));
    const own = told.find(({ scope, endpoint }) => scope === 'endpoint' && endpoint === made[0]?.id);
    assert.ok(own !== undefined, brief(told).join());
    assertInTime(own, from, 'delivery-rate', 'a receiver');
    assert.ok(told.every(({ endpoint }) => endpoint !== made[1]?.id));
  });
});
