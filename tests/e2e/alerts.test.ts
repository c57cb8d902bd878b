/**
 * Faults at simulated vendors, real calls through the API, and the alert that follows: which, whose, and after how many
 * minutes. The rules are those that come with Evenkeel; minutes are staged (tests/harness/staged-minutes.ts).
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { demoConnections } from '@evenkeel/sandbox/demonstration.ts';
import { registerApps } from 'evenkeel/demo/cast.ts';
import { connectAccount } from 'evenkeel/demo/connect.ts';
import { evenkeel as commandLine } from '../../packages/cli/test/command-line.ts';
import { startTestEvenkeel } from '../harness/evenkeel.ts';
import { assertInTime } from '../harness/stated-times.ts';
import { stageMinutes, times, type Counted, withoutObjectives } from '../harness/staged-minutes.ts';

const evenkeel = await startTestEvenkeel(await withoutObjectives());
const { call, client, database, sandbox } = evenkeel;
const signal = AbortSignal.timeout(240_000);
await registerApps(client, signal);
const connectors = ['hubspot', 'pipedrive', 'salesforce'];
const customers = Array.from({ length: 9 }, (_, number) => `customer-${number}`);
const accounts = await Promise.all(
  customers.map(async (tenant, number) => {
    const connector = connectors[number % 3] ?? 'hubspot';
    const plan = demoConnections.find((one) => one.connector === connector);
    assert.ok(plan);
    return { connector, tenant, id: (await connectAccount(client, { ...plan, tenant, choice: number }, undefined, signal)).id };
  }),
);
const of = (connector: string) => accounts.filter((account) => account.connector === connector);

interface AlertAnswer {
  readonly source: string;
  readonly id: string;
  readonly title: string;
  readonly severity: string;
  readonly state: string;
  readonly scope: string;
  readonly origin: string | null;
  readonly connector: string | null;
  readonly account_id: string | null;
  readonly tenant_id: string | null;
  readonly opened_at: string;
  readonly affected_accounts: number;
  readonly findings: readonly { readonly rule: string; readonly evidence: Record<string, unknown> }[];
}

const fault = async (vendor: string, ...faults: object[]): Promise<void> => {
  const response = await fetch(`${sandbox.url}/_sandbox/faults/${vendor}`, { method: 'PUT', body: JSON.stringify(faults) });
  assert.ok(response.ok, await response.text());
};
/** What the rules of alerts.yaml tell; objectives tell of burning budgets beside them. */
async function firing(source = 'evenkeel'): Promise<AlertAnswer[]> {
  const answer = await call('GET', '/v1/alerts?state=firing');
  assert.equal(answer.status, 200, answer.text);
  return ((answer.json?.['results'] ?? []) as AlertAnswer[]).filter((alert) => alert.source === source);
}
const brief = (alerts: readonly AlertAnswer[]) => alerts.map(({ scope, origin, connector, findings }) => `${scope} ${origin} ${connector} ${[...new Set(findings.map(({ rule }) => rule))].join('+')}`);

/** Every account lists its contacts so often; `unified` by the unified API. */
async function traffic(each: number, way: 'proxy' | 'unified' = 'proxy', some: readonly { id: string }[] = accounts): Promise<Counted> {
  const path = way === 'proxy' ? '/v1/proxy/contacts?limit=2' : '/v1/unified/crm/contacts?limit=2';
  await Promise.all(some.map(async ({ id }) => {
    for (let at = 0; at < each; at += 1) await call('GET', path, { headers: { 'evenkeel-account': id } });
  }));
  return staged.counted('call', some.length * each);
}

const staged = await stageMinutes(database.pool, 60 * 30);
const healthy = await traffic(10);
const mapped = await traffic(10, 'unified');
const minute = [...healthy, ...mapped];

describe('error rate', () => {
  it('a quiet hour raises nothing', async () => {
    await staged.pass(times(60, minute));
    assert.deepEqual(await firing(), []);
  });

  it('a vendor\'s outage is one alert with its accounts, in the stated time, and ends by itself', async () => {
    await fault('hubspot', { kind: 'outage', params: { status: 503 } });
    const failing = [...(await traffic(10)), ...(await traffic(10, 'unified'))];
    await fault('hubspot');
    const from = staged.next();
    await staged.pass(times(5, failing));
    const [alert, ...others] = await firing();
    assert.deepEqual(others, []);
    assert.deepEqual([alert?.scope, alert?.origin, alert?.connector, alert?.severity, alert?.affected_accounts], ['connector', 'upstream', 'hubspot', 'P2', 3]);
    assertInTime(alert, from, 'error-rate', "a vendor's outage");
    const whole = await call('GET', `/v1/alerts/${alert?.id}`);
    const found: string[] = [];
    for (let cursor: unknown = ''; cursor !== null; ) {
      const page = await call('GET', `/v1/alerts/${alert?.id}/findings?limit=2${cursor === '' ? '' : `&cursor=${String(cursor)}`}`);
      assert.equal(page.status, 200, page.text);
      found.push(...((page.json?.['results'] ?? []) as { rule: string; key: string }[]).map(({ rule, key }) => `${rule} ${key}`));
      cursor = page.json?.['next_cursor'] ?? null;
    }
    assert.deepEqual(found, ((whole.json?.['findings'] ?? []) as { rule: string; key: string }[]).map(({ rule, key }) => `${rule} ${key}`).toSorted());
    assert.equal(whole.json?.['findings_total'], found.length);
    assert.deepEqual(((whole.json?.['accounts'] ?? []) as { tenant_id: string }[]).map(({ tenant_id }) => tenant_id).toSorted(), of('hubspot').map(({ tenant }) => tenant).toSorted());
    await staged.pass(times(25, minute));
    assert.deepEqual(await firing(), []);
  });

  it('a field that changed its type at the vendor fails our mapping: the platform\'s alert, while the proxy is well', async () => {
    await fault('pipedrive', { kind: 'retype_field', params: { path: 'data[].id', to: 'array' } });
    const failing = [...(await traffic(10)), ...(await traffic(10, 'unified'))];
    await fault('pipedrive');
    const from = staged.next();
    await staged.pass(times(5, failing));
    const [alert, ...others] = await firing();
    assert.deepEqual(brief(others), []);
    assert.deepEqual([alert?.scope, alert?.origin, alert?.connector, alert?.severity], ['connector', 'platform', 'pipedrive', 'P1']);
    assert.ok(alert?.findings.some(({ rule }) => rule === 'platform-errors-rising'));
    assertInTime(alert, from, 'error-rate', 'a field retyped');
    await staged.pass(times(25, minute));
    assert.deepEqual(await firing(), []);
  });

  it('one customer\'s missing permission is that account\'s alert', async () => {
    const [customer] = of('salesforce');
    const identity = await client.accounts.get(customer?.id ?? '');
    await fault('salesforce', { kind: 'missing_scope', account: identity.external_id ?? '' });
    const failing = [...(await traffic(10)), ...(await traffic(10, 'unified'))];
    await fault('salesforce');
    const from = staged.next();
    await staged.pass(times(8, failing));
    const open = await firing();
    assert.deepEqual(open.map(({ scope, account_id, tenant_id, origin }) => [scope, account_id, tenant_id, origin]), [['account', customer?.id, customer?.tenant, 'account']]);
    assertInTime(open[0], from, 'error-rate', "one account's missing permission");
    await staged.pass(times(25, minute));
    assert.deepEqual(await firing(), []);
  });
});

describe('what cannot be measured', () => {
  it('opens and ends nothing: the platform was down', async () => {
    await fault('hubspot', { kind: 'outage', params: { status: 503 } });
    const failing = [...(await traffic(10)), ...(await traffic(10, 'unified'))];
    await fault('hubspot');
    await staged.pass(times(5, failing));
    assert.deepEqual(brief(await firing()), ['connector upstream hubspot account-errors-rising+endpoint-errors-rising']);
    await staged.pass(times(10, []), 10);
    staged.skip(30);
    await staged.pass(times(3, []), 5);
    assert.equal((await firing()).length, 1);
    await staged.pass(times(25, minute));
    assert.deepEqual(await firing(), []);
  });
});

describe('tenant success', () => {
  it('the one customer that has been broken for a day is told of, while all others are well', async () => {
    const [broken] = of('pipedrive');
    const others = accounts.filter(({ id }) => id !== broken?.id);
    const identity = await client.accounts.get(broken?.id ?? '');
    const rest = await traffic(10, 'proxy', others);
    await staged.pass(times(2, minute));
    const from = staged.next();
    staged.skip(23 * 60 + 30);
    await fault('pipedrive', { kind: 'outage', account: identity.external_id ?? '' });
    const failing = await traffic(1, 'proxy', broken === undefined ? [] : [broken]);
    await fault('pipedrive');
    await staged.pass(times(35, [...rest, ...failing]));
    const told = (await firing()).filter(({ tenant_id }) => tenant_id === broken?.tenant);
    // Its endpoint's ratio rose as well, which is an alert of the account.
    assert.deepEqual(told.map(({ scope, findings }) => `${scope} ${findings[0]?.rule}`).toSorted(), ['account endpoint-errors-rising', 'tenant tenant-broken']);
    const whole = told.find(({ scope }) => scope === 'tenant');
    assert.ok(Number(whole?.findings[0]?.evidence['failures_since']) >= 20);
    assertInTime(whole, from, 'tenant-success', 'one tenant');
  });
});

describe('credentials', () => {
  const plan = demoConnections.find(({ connector }) => connector === 'hubspot');

  it('tokens that the vendor ends before their stated time are told of in the stated time', async () => {
    await fault('hubspot', { kind: 'early_expiry', params: { after_ms: 60_000 } });
    sandbox.advance(120_000);
    const answers = await Promise.all(of('hubspot').map(({ id }) => call('GET', '/v1/proxy/contacts?limit=2', { headers: { 'evenkeel-account': id } })));
    assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200], 'no caller notices');
    await fault('hubspot');
    await untilStored('select count(*)::int as n from token_drift', 3);
    const from = staged.next();
    await staged.pass(times(2, minute));
    const [alert] = (await firing()).filter(({ findings }) => findings[0]?.rule === 'tokens-end-early');
    assert.deepEqual([alert?.connector, alert?.origin, alert?.affected_accounts], ['hubspot', 'upstream', 3]);
    assertInTime(alert, from, 'token-drift', 'tokens');
  });

  it('authorisations that are lost all at once are one alert of the connector', async () => {
    assert.ok(plan);
    const more = await Promise.all(Array.from({ length: 5 }, (_, number) => connectAccount(client, { ...plan, tenant: `further-${number}`, choice: number }, undefined, signal)));
    await staged.pass(times(2, minute));
    await fault('hubspot', { kind: 'revoke_tokens', params: {} });
    for (const { id } of [...more, ...of('hubspot')]) await call('GET', '/v1/proxy/contacts?limit=2', { headers: { 'evenkeel-account': id } });
    await fault('hubspot');
    await untilStored(`select count(*)::int as n from accounts where state = 'needs_reauth'`, 8);
    const from = staged.next();
    await database.pool.query(`update account_transitions set at = $1 where to_state = 'needs_reauth'`, [from]);
    await staged.pass(times(2, []));
    const [alert] = (await firing()).filter(({ findings }) => findings[0]?.rule === 'needs-reauth-rising');
    assert.deepEqual([alert?.connector, alert?.scope, alert?.origin, alert?.findings[0]?.evidence], ['hubspot', 'connector', 'account', { before: 0, now: 8, window_minutes: 60 }]);
    assertInTime(alert, from, 'auth-health', 'authorisations');
  });

  async function untilStored(query: string, wanted: number): Promise<void> {
    for (const deadline = Date.now() + 10_000; ; ) {
      const { rows } = await database.pool.query<{ n: number }>(query);
      if (rows[0]?.n === wanted) return;
      assert.ok(Date.now() < deadline, `${rows[0]?.n} of ${wanted}: ${query}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
});

describe('keeping quiet', () => {
  it('a silence is shown with the alert, always ends, and can be ended', async () => {
    const [alert] = await firing();
    assert.ok(alert !== undefined);
    const made = await call('POST', '/v1/alert-silences', { body: { matchers: { connector: 'hubspot' }, reason: 'announced maintenance', minutes: 60 } });
    assert.equal(made.status, 201, made.text);
    assert.equal((await call('POST', '/v1/alert-silences', { body: { matchers: {}, reason: 'everything', minutes: 60 } })).status, 400);
    assert.equal((await call('POST', '/v1/alert-silences', { body: { matchers: { connector: 'hubspot' }, reason: 'for ever', minutes: 1e9 } })).status, 400);
    const hubspot = (await firing()).find(({ connector }) => connector === 'hubspot');
    assert.equal((await call('GET', `/v1/alerts/${hubspot?.id}`)).json?.['silenced_until'], made.json?.['expires_at']);
    assert.equal((await call('DELETE', `/v1/alert-silences/${String(made.json?.['id'])}`)).status, 204);
    assert.equal((await call('GET', `/v1/alerts/${hubspot?.id}`)).json?.['silenced_until'], null);
  });

  it('a tenant\'s key sees the alerts that met it, and nobody else\'s accounts', async () => {
    const [customer] = of('hubspot');
    const key = await call('POST', '/v1/api-keys', { body: { name: 'tenant', scope: 'read', tenant_id: customer?.tenant } });
    assert.equal(key.status, 201, key.text);
    const secret = String(key.json?.['key']);
    const answer = await call('GET', '/v1/alerts', { key: secret });
    const seen = (answer.json?.['results'] ?? []) as AlertAnswer[];
    assert.ok(seen.length > 0 && seen.every(({ tenant_id }) => tenant_id === null || tenant_id === customer?.tenant), answer.text);
    const whole = await call('GET', `/v1/alerts/${seen[0]?.id}`, { key: secret });
    assert.ok(((whole.json?.['accounts'] ?? []) as { tenant_id: string }[]).every(({ tenant_id }) => tenant_id === customer?.tenant));
    assert.equal((await call('GET', '/v1/alerts?tenant_id=another', { key: secret })).status, 403);
    assert.equal((await call('POST', '/v1/alert-silences', { key: secret, body: { matchers: { connector: 'hubspot' }, reason: 'x', minutes: 1 } })).status, 403);
  });

  it('alerts of other systems are taken once and end when they are told to have', async () => {
    const body = (status: string) => ({ version: '4', receiver: 'evenkeel', alerts: [{ status, labels: { alertname: 'DiskFull', severity: 'critical', instance: 'db-1' }, annotations: { summary: 'The disk of db-1 is full' }, startsAt: '2026-11-20T10:00:00Z', endsAt: '0001-01-01T00:00:00Z', fingerprint: 'f00d', generatorURL: 'http://prometheus' }] });
    const atOnce = await Promise.all(Array.from({ length: 6 }, () => call('POST', '/v1/alerts/alertmanager', { body: body('firing') })));
    assert.deepEqual(atOnce.map(({ status, json }) => `${status} ${String(json?.['opened'])}`).toSorted(), ['200 0', '200 0', '200 0', '200 0', '200 0', '200 1'], 'told six times at once, it is one');
    assert.deepEqual((await call('POST', '/v1/alerts/alertmanager', { body: body('firing') })).json, { opened: 0, resolved: 0 });
    assert.deepEqual((await firing('external')).filter(({ title }) => title === 'The disk of db-1 is full').map(({ scope, severity }) => [scope, severity]), [['installation', 'P1']]);
    assert.deepEqual((await call('POST', '/v1/alerts/alertmanager', { body: body('resolved') })).json, { opened: 0, resolved: 1 });
  });
});

describe('rules tried on history', () => {
  it('tell what was told, through the API', async () => {
    const since = new Date(Date.now() - 13 * 24 * 3_600_000).toISOString();
    const answer = await call('POST', '/v1/alerts/replay', { body: { since } });
    assert.equal(answer.status, 200, answer.text);
    const alerts = (answer.json?.['alerts'] ?? []) as { connector: string; scope: string }[];
    assert.ok(alerts.filter(({ connector, scope }) => connector === 'hubspot' && scope === 'connector').length >= 2, answer.text);
    assert.equal((await call('POST', '/v1/alerts/replay', { body: { since: '2020-01-01T00:00:00Z' } })).status, 400);
  });

  it('tell the same from the command line, over the longest time there is, and refuse a longer one', async () => {
    const environment = { EVENKEEL_URL: evenkeel.url, EVENKEEL_API_KEY: evenkeel.adminKey };
    const { code, stdout, stderr } = await commandLine(['playbook', 'check', '--replay', '336'], { environment });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^\d+ stored minute\(s\) judged, \d+ of them unmeasured: \d+ alert\(s\)\.\n\nOPENED/m);
    assert.ok(stdout.split('\n').filter((line) => / endpoint-errors-rising.* hubspot +upstream /.test(line)).length >= 2, stdout);
    assert.equal((await commandLine(['playbook', 'check', '--replay', '337'], { environment })).code, 2);
  });

  it('are judged lately enough, and metrics say so', async () => {
    const { text } = await call('GET', '/metrics');
    for (const name of ['evenkeel_alerts_evaluated_age_seconds', 'evenkeel_alerts_evaluation_failures', 'evenkeel_alerts_firing\\{severity="P\\d",source="\\w+"\\}']) assert.match(text, new RegExp(`^${name} \\d`, 'm'));
  });
});
