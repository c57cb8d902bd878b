import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { demoConnections, trafficOf } from '@evenkeel/sandbox/demonstration.ts';
import { EvenkeelError } from '@evenkeel/sdk/error.ts';
import { assembleCast, registerApps } from 'evenkeel/demo/cast.ts';
import { connectAccount } from 'evenkeel/demo/connect.ts';
import { startTestEvenkeel } from '../harness/evenkeel.ts';

const evenkeel = await startTestEvenkeel();
const { client, sandbox, call, database } = evenkeel;
const signal = AbortSignal.timeout(120_000);
await registerApps(client, signal);
const cast = await assembleCast(client, signal, () => undefined);
const member = (connector: string) => {
  const found = cast.members.find(({ plan }) => plan.connector === connector);
  assert.ok(found, `${connector} is connected`);
  return found;
};

async function sandboxCall(method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(sandbox.url + path, { method, ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }) });
  assert.ok(response.ok, `${method} ${path}: ${response.status}`);
  const text = await response.text();
  return text === '' ? null : JSON.parse(text);
}

/** Runs `act` while the vendor misbehaves. */
async function during<Result>(connector: string, faults: object[], act: () => Promise<Result>): Promise<Result> {
  await sandboxCall('PUT', `/_sandbox/faults/${connector}`, faults);
  try {
    return await act();
  } finally {
    await sandboxCall('DELETE', `/_sandbox/faults/${connector}`);
  }
}

const list = (account: string, resource: string, query = '') => call('GET', `/v1/proxy/${resource}?limit=2${query}`, { headers: { 'evenkeel-account': account } });

describe('connecting', () => {
  it('connects every planned account through the vendor\'s own pages', () => {
    assert.deepEqual(cast.failures, []);
    assert.equal(cast.members.length, demoConnections.length);
  });

  it('tells of each in one event per transition', async () => {
    const { rows } = await database.pool.query<{ type: string; n: number }>('select type, count(*)::int as n from events group by type order by type');
    assert.deepEqual(rows, [
      { type: 'integrated_account:active', n: demoConnections.length },
      { type: 'integrated_account:connecting', n: demoConnections.length },
    ]);
  });
});

describe('the proxy', () => {
  for (const { connector } of new Map(demoConnections.map((plan) => [plan.connector, plan])).values()) {
    it(`lists ${connector} records page by page, without a repetition`, async () => {
      const { plan, account } = member(connector);
      const read = trafficOf(plan).reads[0];
      assert.ok(read);
      const seen = new Set<string>();
      let count = 0;
      let pages = 0;
      let cursor: string | undefined;
      do {
        const page = await client.proxy(account.id).list(read.resource, { ...read.query, limit: 5, ...(cursor === undefined ? {} : { cursor }) }).page();
        for (const record of page.results) seen.add(JSON.stringify(record));
        count += page.results.length;
        pages += 1;
        cursor = page.next_cursor ?? undefined;
      } while (cursor !== undefined && pages < 4);
      assert.ok(count > 0);
      assert.equal(seen.size, count);
    });
  }

  it('creates, reads, changes and deletes a record', async () => {
    const contacts = client.proxy(member('hubspot').account.id);
    const created = (await contacts.create('contacts', { properties: { email: 'ines@spine.example', firstname: 'Inès' } })) as { id: string };
    const read = (await contacts.get('contacts', created.id)) as { properties: { firstname: string } };
    assert.equal(read.properties.firstname, 'Inès');
    await contacts.update('contacts', created.id, { properties: { firstname: 'Ines' } });
    await contacts.delete('contacts', created.id);
    await assert.rejects(contacts.get('contacts', created.id), (error: unknown) => error instanceof EvenkeelError && error.code === 'not_found');
  });

  it('passes a rate limit at once, with the headers of every vendor in one form, and asks the vendor once', async () => {
    const { account } = member('hubspot');
    await during('hubspot', [{ kind: 'rate_limit_storm' }], async () => {
      const before = await vendorRequests('hubspot');
      const answer = await list(account.id, 'contacts');
      assert.equal(answer.status, 429);
      assert.equal(answer.json?.['code'], 'rate_limited');
      assert.equal(answer.json?.['origin'], 'upstream');
      assert.match(answer.headers.get('ratelimit-reset') ?? answer.headers.get('retry-after') ?? '', /^\d+$/);
      assert.equal((await vendorRequests('hubspot')) - before, 1);
    });
  });

  it('attributes an outage, garbage and a reset to the upstream', async () => {
    const { account } = member('hubspot');
    for (const [kind, code] of [['outage', 'upstream_unavailable'], ['garbage_body', 'upstream_invalid_response'], ['truncated_body', 'upstream_invalid_response'], ['connection_reset', 'upstream_unavailable']] as const) {
      const answer = await during('hubspot', [{ kind }], () => list(account.id, 'contacts'));
      assert.equal(answer.json?.['origin'], 'upstream', `${kind}: ${answer.text}`);
      assert.equal(answer.json?.['code'], code, kind);
      assert.ok(Number(answer.headers.get('evenkeel-upstream-ms')) >= 0);
    }
  });

  it('keeps each failure with its evidence', async () => {
    const { account } = member('hubspot');
    const failed = await during('hubspot', [{ kind: 'outage' }], () => list(account.id, 'contacts'));
    const found = await until(async () => {
      const { json } = await call('GET', `/v1/calls?request_id=${String(failed.json?.['request_id'])}`);
      return (json?.['results'] as { id: string; origin: string; upstream_status: number }[] | undefined)?.[0];
    });
    assert.equal(found.origin, 'upstream');
    assert.ok(found.upstream_status >= 500);
    const { json } = await call('GET', `/v1/calls/${found.id}`);
    const evidence = json?.['evidence'] as { request: { line: string; headers: Record<string, string> }; response: { status: number } };
    assert.match(evidence.request.line, /^GET https:\/\/api\.hubapi\.com\//);
    assert.equal(evidence.response.status, found.upstream_status);
    assert.doesNotMatch(JSON.stringify(evidence), /Bearer (?!\[)[A-Za-z0-9]{8}/);
  });

  it('refuses what the caller got wrong, without asking the vendor', async () => {
    const { account } = member('hubspot');
    const before = await vendorRequests('hubspot');
    const cases: [Promise<{ status: number; json: Record<string, unknown> | undefined }>, string][] = [
      [call('GET', '/v1/proxy/contacts'), 'invalid_request'],
      [list('acc_unknown', 'contacts'), 'not_found'],
      [list(account.id, 'unicorns'), 'unsupported_operation'],
      [list(account.id, 'contacts', '&cursor=garbage'), 'invalid_request'],
    ];
    for (const [pending, code] of cases) {
      const { json } = await pending;
      assert.equal(json?.['code'], code, JSON.stringify(json));
      assert.equal(json?.['origin'], 'caller');
    }
    assert.equal(await vendorRequests('hubspot'), before);
  });

  it('shows a tenant\'s key nothing of another tenant', async () => {
    const { plan, account } = member('hubspot');
    const { json } = await call('POST', '/v1/api-keys', { body: { name: 'other', scope: 'admin', tenant_id: 'somebody-else' } });
    const key = String(json?.['key']);
    assert.notEqual(plan.tenant, 'somebody-else');
    assert.equal((await call('GET', `/v1/accounts/${account.id}`, { key })).status, 404);
    assert.deepEqual((await call('GET', '/v1/accounts', { key })).json?.['results'], []);
    assert.deepEqual((await call('GET', '/v1/calls', { key })).json?.['results'], []);
    assert.equal((await call('GET', '/v1/proxy/contacts', { key, headers: { 'evenkeel-account': account.id } })).status, 404);
    assert.equal((await call('GET', '/metrics', { key })).status, 403);
  });
});

describe('an account whose grant is revoked', () => {
  it('needs re-authorisation, is answered here, and is active again by the first call after it', async () => {
    const { plan, account } = member('pipedrive');
    const reads = trafficOf(plan).reads[0];
    assert.ok(reads && account.external_id);
    const refused = await during('pipedrive', [{ kind: 'revoke_tokens', account: account.external_id }], () => list(account.id, reads.resource));
    assert.equal(refused.json?.['code'], 'reauth_required', refused.text);
    assert.equal(refused.json?.['origin'], 'account');
    assert.equal((await client.accounts.get(account.id)).state, 'needs_reauth');

    const before = await vendorRequests('pipedrive');
    const local = await list(account.id, reads.resource);
    assert.equal(local.json?.['code'], 'reauth_required');
    assert.match(String(local.json?.['connect_url']), /\/connect\//);
    assert.equal(await vendorRequests('pipedrive'), before, 'the vendor is not asked for a dead account');
    const kept = await until(async () => {
      const { json } = await call('GET', `/v1/calls?account_id=${account.id}&request_id=${String(local.json?.['request_id'])}`);
      return (json?.['results'] as { origin: string; tenant_id: string; connector: string; upstream_status: number | null }[] | undefined)?.[0];
    });
    assert.deepEqual([kept.origin, kept.tenant_id, kept.connector, kept.upstream_status], ['account', plan.tenant, 'pipedrive', null], 'it is found under the account that needs its owner');

    await connectAccount(client, plan, account.id, signal);
    assert.equal((await list(account.id, reads.resource)).status, 200);
    await until(async () => ((await client.accounts.get(account.id)).state === 'active' ? true : undefined));
    const { rows } = await database.pool.query<{ type: string }>('select type from events where account_id = $1 order by id', [account.id]);
    assert.deepEqual(
      rows.map(({ type }) => type),
      ['integrated_account:connecting', 'integrated_account:active', 'integrated_account:needs_reauth', 'integrated_account:reactivated'],
    );
  });
});

/** Requests the vendor has seen so far. */
async function vendorRequests(vendor: string): Promise<number> {
  const { counts } = (await sandboxCall('GET', `/_sandbox/requests?vendor=${vendor}`)) as { counts: { total: number } };
  return counts.total;
}

/** Asks until there is an answer; what is waited for is written behind the call's answer. */
async function until<Result>(ask: () => Promise<Result | undefined>): Promise<Result> {
  const deadlineMs = Date.now() + 10_000;
  for (;;) {
    const found = await ask();
    if (found !== undefined) return found;
    assert.ok(Date.now() < deadlineMs, 'what was waited for did not come');
    await new Promise((settle) => setTimeout(settle, 50));
  }
}
