/** The six categories over real traffic: calls to simulated vendors with faults, counted, sealed and asked for through the API. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { AuthHealth, DeliveryRate, ErrorRate, TenantSuccess, TokenDrift, WebhookLag } from '@evenkeel/contract/api/monitoring.ts';
import { demoConnections } from '@evenkeel/sandbox/demonstration.ts';
import { createLog } from '@evenkeel/server/log.ts';
import { NodeCounter } from '@evenkeel/server/telemetry/counting/node-counter.ts';
import { Sealer } from '@evenkeel/server/telemetry/sealing/sealer.ts';
import { registerApps } from 'evenkeel/demo/cast.ts';
import { connectAccount } from 'evenkeel/demo/connect.ts';
import { startTestEvenkeel } from '../harness/evenkeel.ts';

const evenkeel = await startTestEvenkeel();
const { call, client, database, sandbox } = evenkeel;
const signal = AbortSignal.timeout(60_000);
await registerApps(client, signal);
const plans = demoConnections.filter(({ connector }) => connector === 'hubspot' || connector === 'pipedrive');
const accounts = await Promise.all(plans.map(async (plan) => ({ ...plan, id: (await connectAccount(client, plan, undefined, signal)).id })));
const of = (connector: string) => accounts.filter((account) => account.connector === connector);

/** A minute is sealed here before its end; what comes after is an amendment and counts all the same. */
const sealer = new Sealer({ pool: database.pool, log: createLog('silent'), graceMs: -60_000 });
let made = 0;

async function get(account: string, path: string, times = 1): Promise<number[]> {
  const statuses: number[] = [];
  for (let at = 0; at < times; at += 1) statuses.push((await call('GET', path, { headers: { 'evenkeel-account': account } })).status);
  made += times;
  return statuses;
}

/** What is sealed before the server has lived through one second of it was never covered, and a sealed minute stays so. */
async function covered(): Promise<void> {
  for (const deadline = Date.now() + 30_000; ; ) {
    const { rows } = await database.pool.query<{ halves: number }>(
      `select (select count(*) from telemetry_seconds where beat) + (select coalesce(sum(covered_seconds), 0) from telemetry_minutes) * 2 as halves`,
    );
    if (Number(rows[0]?.halves) >= 4) return;
    assert.ok(Date.now() < deadline, 'the server has no heartbeat after 30 s');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Waits until everything counted so far is sealed or amended. */
async function sealed(kind: string, total: number): Promise<void> {
  await covered();
  for (const deadline = Date.now() + 30_000; ; ) {
    await sealer.sealDue();
    const { rows } = await database.pool.query<{ n: number }>(
      `select coalesce(sum(total), 0)::int as n from (select series_id, total from minute_counts union all select series_id, total from minute_amendments) as parts join telemetry_series on id = series_id where kind = $1`,
      [kind],
    );
    if (rows[0]?.n === total) return;
    assert.ok(Date.now() < deadline, `${rows[0]?.n} of ${total} ${kind}s are sealed after 30 s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const fault = (vendor: string, ...faults: object[]) => fetch(`${sandbox.url}/_sandbox/faults/${vendor}`, { method: 'PUT', body: JSON.stringify(faults) });

async function ask<Answer>(category: string, query = ''): Promise<Answer> {
  const answer = await call('GET', `/v1/monitoring/${category}${query}`);
  assert.equal(answer.status, 200, answer.text);
  return answer.json as Answer;
}

const contacts = '/v1/proxy/contacts?limit=2';
const unified = '/v1/unified/crm/contacts?limit=2';

describe('error rate', () => {
  it('tells a vendor that fails for everyone from a mapping of ours that fails for one connector', async () => {
    for (const { id } of accounts) await get(id, contacts, 10);
    for (const { id } of accounts) await get(id, unified, 10);
    await fault('hubspot', { kind: 'outage', params: { status: 503 } });
    for (const { id } of of('hubspot')) assert.ok([...(await get(id, contacts, 8)), ...(await get(id, unified, 8))].every((status) => status === 502));
    await fault('hubspot');
    // The id arrives as a list: no record can be made of it, while the proxy passes it on as it is.
    await fault('pipedrive', { kind: 'retype_field', params: { path: 'data[].id', to: 'array' } });
    for (const { id } of of('pipedrive')) {
      assert.deepEqual(new Set(await get(id, unified, 12)), new Set([502]));
      assert.deepEqual(new Set(await get(id, contacts, 15)), new Set([200]));
    }
    await fault('pipedrive');
    await sealed('call', made);

    const { results, verdicts, now } = await ask<ErrorRate>('error-rate');
    assert.ok(now.covered_seconds > 0 && now.coverage <= 1);
    const brief = verdicts.map(({ connector, way, whose, because }) => `${connector} ${way} ${whose} ${because}`).toSorted();
    assert.deepEqual(brief, ['hubspot direct upstream own_attribution', 'hubspot unified upstream fails_direct_too', 'pipedrive unified platform fails_only_unified']);
    const row = results.find(({ connector, way }) => connector === 'pipedrive' && way === 'unified');
    assert.equal(row?.endpoint, 'crm.contacts.list');
    assert.deepEqual([row.now.total, row.now.platform, row.now.upstream, row.now.codes], [of('pipedrive').length * 22, of('pipedrive').length * 12, 0, { mapping_failed: of('pipedrive').length * 12 }]);
    assert.ok((row.total_ms.p95 ?? 0) >= (row.overhead_ms.p95 ?? 1));
    const only = await ask<ErrorRate>('error-rate', '?connector=pipedrive&window=15m');
    assert.ok(only.results.every(({ connector }) => connector === 'pipedrive'));
    assert.deepEqual(only.verdicts.map(({ because }) => because), ['fails_only_unified'], 'the control of other connectors is read all the same');
  });

  it('keeps origin, code, reason and evidence of each failure', async () => {
    const { json } = await call('GET', '/v1/calls?outcome=failure&connector=pipedrive&limit=1');
    const [failure] = (json?.['results'] ?? []) as { id: string; origin: string; code: string; reason: string; upstream_status: number }[];
    assert.deepEqual([failure?.origin, failure?.code, failure?.upstream_status], ['platform', 'mapping_failed', 200]);
    assert.match(failure?.reason ?? '', /mapping/);
    assert.ok((await call('GET', `/v1/calls/${failure?.id}`)).json?.['evidence'] !== null);
  });
});

describe('tenant success', () => {
  it('ranks first the tenant nothing has succeeded for, however small its share', async () => {
    const { pool } = database;
    // 72 hours ago the last success, failures ever since: history as it would have been sealed.
    const { rows } = await pool.query<{ id: number }>(`insert into telemetry_series (kind, surface, tenant_id, account_id, connector_id, endpoint) values ('call', 'proxy', 'enterprise', 'acc_ent', 'hubspot', 'contacts.list') returning id`);
    await pool.query(`insert into minute_counts (minute, series_id, total, success) select date_trunc('minute', now()) - interval '72 hours', $1, 5, 5`, [rows[0]?.id]);
    await pool.query(`insert into minute_counts (minute, series_id, total, upstream, upstream_5xx) select date_trunc('minute', now()) - interval '20 minutes', $1, 3, 3, 3`, [rows[0]?.id]);
    const { results } = await ask<TenantSuccess>('tenant-success');
    const [worst] = results;
    assert.deepEqual([worst?.rank, worst?.tenant_id, worst?.broken, worst?.now.success_rate], [1, 'enterprise', true, 0]);
    assert.ok(Math.abs((worst?.since_last_success_s ?? 0) - 72 * 3600) < 200, `${worst?.since_last_success_s}`);
    assert.ok((worst?.share_of_calls ?? 1) < 0.05, 'the total hides it');
    assert.ok(results.slice(1).every(({ broken }) => !broken));
    await pool.query('delete from minute_counts where series_id = $1', [rows[0]?.id]);
  });
});

describe('authentication health', () => {
  it('counts the accounts that came to need re-authorisation', async () => {
    const [first] = of('hubspot');
    await fault('hubspot', { kind: 'revoke_tokens', params: {} });
    await get(first?.id ?? '', contacts);
    await fault('hubspot');
    const { results } = await ask<AuthHealth>('auth-health', '?window=15m');
    const hubspot = results.find(({ connector }) => connector === 'hubspot');
    assert.ok(hubspot !== undefined && hubspot.needs_reauth >= 1);
    assert.deepEqual([hubspot.needs_reauth_before, hubspot.now.lost, hubspot.before.lost], [0, hubspot.needs_reauth, 0]);
    assert.equal(hubspot.share, hubspot.needs_reauth / of('hubspot').length);
  });
});

describe('lag, deliveries and drift', () => {
  it('show what the rooms observed, with percentiles from sketches', async () => {
    const counter = await NodeCounter.start({ database: database.pool, log: createLog('silent'), nodeId: 'events' });
    const common = { tenantId: 'acme', accountId: null, category: 'crm', outcome: 'success', origin: null, code: null, atMs: 0, totalUs: 5_000, upstreamUs: 0 } as const;
    for (let at = 1; at <= 100; at += 1) counter.observe({ ...common, kind: 'inbound', surface: 'webhook', connectorId: 'hubspot', endpoint: 'contact.created', lagMs: at * 1_000 });
    for (let at = 0; at < 200; at += 1) {
      const failed = at % 50 === 0;
      counter.observe({ ...common, kind: 'delivery', surface: 'webhook', connectorId: null, endpoint: 'end_1', lagMs: 40, ...(failed ? { outcome: 'failure', origin: 'caller', code: '503' } : {}) });
    }
    await counter.close();
    await sealed('delivery', 200);
    const lag = (await ask<WebhookLag>('webhook-lag', '?window=15m')).results[0];
    assert.deepEqual([lag?.connector, lag?.now.events, lag?.behind, lag?.before.events], ['hubspot', 100, true, 0]);
    for (const [q, exact] of [['p50', 50_000], ['p95', 95_000], ['p99', 99_000]] as const) assert.ok(Math.abs((lag?.now.lag_ms[q] ?? 0) - exact) <= exact / 128, `${q} ${lag?.now.lag_ms[q]}`);
    assert.ok(Math.abs((lag?.now.above_30_s ?? 0) - 0.7) <= 0.011);
    const delivery = (await ask<DeliveryRate>('delivery-rate', '?window=15m&tenant_id=acme')).results[0];
    assert.deepEqual([delivery?.endpoint, delivery?.now.total, delivery?.now.success_rate, delivery?.now.codes, delivery?.below_objective], ['end_1', 200, 0.98, { '503': 4 }, true]);
  });

  it('show tokens that ended early', async () => {
    const [account] = of('pipedrive');
    await database.pool.query(
      `insert into token_drift (connector_id, account_id, tenant_id, credential_version, expected_at, failed_at, drift_s, lifetime_s)
       select 'pipedrive', $1, $2, version, now() + interval '50 minutes', now() - interval '5 minutes', version * 100, 3600 from generate_series(1, 20) as version`,
      [account?.id, account?.tenant],
    );
    const [drift] = (await ask<TokenDrift>('token-drift')).results;
    assert.deepEqual([drift?.connector, drift?.now.tokens, drift?.now.accounts, drift?.now.drift_p95_s, drift?.now.drift_max_s, drift?.shortest_lifetime_s], ['pipedrive', 20, 1, 1900, 2000, 1600]);
  });
});

describe('access', () => {
  it('shows a tenant\'s key its own figures only, and refuses windows that cannot be read', async () => {
    const { json } = await call('POST', '/v1/api-keys', { body: { name: 'tenant', scope: 'read', tenant_id: accounts[0]?.tenant } });
    const key = String(json?.['key']);
    const own = await call('GET', '/v1/monitoring/tenant-success?window=7d', { key });
    assert.equal(own.status, 200, own.text);
    const mine = await call('GET', '/v1/monitoring/tenant-success', { key });
    assert.deepEqual(new Set(((mine.json?.['results'] ?? []) as { tenant_id: string }[]).map(({ tenant_id: tenant }) => tenant)), new Set([accounts[0]?.tenant]));
    assert.equal((await call('GET', '/v1/monitoring/error-rate?tenant_id=other', { key })).status, 403);
    assert.equal((await call('GET', '/v1/monitoring/error-rate?window=31d')).status, 400);
    assert.equal((await call('GET', '/v1/monitoring/error-rate?window=soon')).status, 400);
  });
});

describe('calls that Evenkeel does not carry', () => {
  const spans = (status: number, times: number, endMs = Date.now()) => ({
    resourceSpans: [
      {
        resource: { attributes: [{ key: 'service.name', value: { stringValue: 'billing-sync' } }] },
        scopeSpans: [
          {
            spans: Array.from({ length: times }, () => ({
              kind: 3,
              startTimeUnixNano: `${endMs - 200}000000`,
              endTimeUnixNano: `${endMs}000000`,
              attributes: [
                { key: 'http.request.method', value: { stringValue: 'GET' } },
                { key: 'server.address', value: { stringValue: 'api.books.example' } },
                { key: 'url.template', value: { stringValue: '/invoices' } },
                { key: 'http.response.status_code', value: { intValue: String(status) } },
                { key: 'evenkeel.tenant_id', value: { stringValue: 'acme' } },
              ],
            })),
          },
        ],
      },
    ],
  });

  it('come in as OTLP spans, gzipped or not, and are in the same figures', async () => {
    const json = await call('POST', '/v1/telemetry/otlp', { body: spans(200, 30) });
    assert.deepEqual([json.status, json.json], [200, {}], json.text);
    const zipped = await fetch(`${evenkeel.url}/v1/telemetry/otlp/v1/traces`, { method: 'POST', headers: { authorization: `Bearer ${evenkeel.adminKey}`, 'content-type': 'application/json', 'content-encoding': 'gzip' }, body: gzipSync(JSON.stringify(spans(503, 10, Date.now() - 120_000))) });
    assert.equal(zipped.status, 200);
    const old = await call('POST', '/v1/telemetry/otlp', { body: spans(200, 2, Date.now() - 90_000_000) });
    assert.deepEqual((old.json?.['partialSuccess'] as { rejectedSpans?: string } | undefined)?.rejectedSpans, '2');
    assert.equal((await call('POST', '/v1/telemetry/otlp', { text: 'not json' })).status, 400);
    await sealed('call', made + 40);
    const { results, verdicts } = await ask<ErrorRate>('error-rate', '?connector=api.books.example');
    assert.deepEqual(results.map(({ endpoint, way, now }) => [endpoint, way, now.total, now.upstream]), [['GET /invoices', 'external', 40, 10]]);
    assert.deepEqual(verdicts.map(({ whose }) => whose), ['upstream']);
    const metrics = await (await fetch(`${evenkeel.url}/metrics`, { headers: { authorization: `Bearer ${evenkeel.adminKey}` } })).text();
    const shown = metrics.split('\n').filter((line) => line.startsWith('evenkeel_endpoint_calls_total') && line.includes('api.books.example') && !line.endsWith(' 0'));
    assert.deepEqual(
      shown.map((line) => [/way="(\w+)"/.exec(line)?.[1], /outcome="(\w+)"/.exec(line)?.[1], line.split(' ').at(-1)]),
      [['external', 'success', '30'], ['external', 'upstream', '10']],
    );
    assert.match(metrics, /evenkeel_call_duration_seconds_count\{surface="external"\} 40\n/);
  });

  it('of a tenant\'s key speak of no account of another tenant', async () => {
    const [own] = accounts;
    const other = accounts.find(({ tenant }) => tenant !== own?.tenant);
    const issued = await call('POST', '/v1/api-keys', { body: { name: 'spans', scope: 'write', tenant_id: own?.tenant } });
    for (const accountId of [own?.id, other?.id]) {
      const attributes = Object.entries({ 'http.request.method': 'GET', 'server.address': 'api.own.example', 'evenkeel.account_id': accountId }).map(([key, stringValue]) => ({ key, value: { stringValue } }));
      const at = `${Date.now() - 1_000}000000`;
      const span = { name: 'GET', kind: 3, traceId: '5b8efff798038103d269b633813fc60c', spanId: 'eee19b7ec3c1b174', startTimeUnixNano: at, endTimeUnixNano: at, attributes };
      const answer = await call('POST', '/v1/telemetry/otlp', { key: String(issued.json?.['key']), body: { resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] } });
      assert.deepEqual([answer.status, answer.json], [200, {}], answer.text);
    }
    const { rows } = await database.pool.query<{ tenant_id: string; account_id: string | null }>(`select tenant_id, account_id from telemetry_series where connector_id = 'api.own.example' order by account_id nulls last`);
    assert.deepEqual(rows, [{ tenant_id: own?.tenant, account_id: own?.id }, { tenant_id: own?.tenant, account_id: null }]);
  });
});
