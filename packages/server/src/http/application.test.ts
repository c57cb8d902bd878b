import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, describe, it } from 'node:test';
import Type from 'typebox';
import { createTestDatabase } from '@evenkeel/tests/harness/database.ts';
import { createKey, ensureTenant, KeyLookup } from '../access/keys.ts';
import { accessRoutes } from '../access/routes.ts';
import { createLog } from '../log.ts';
import { createApplication } from './application.ts';
import { Refusal } from './problem.ts';
import { route } from './route.ts';

const { pool } = await createTestDatabase();
let nowMs = Date.now();
const keys = new KeyLookup(pool, () => nowMs);
const { key: admin } = await createKey(pool, { name: 'admin', scope: 'admin', tenantId: null });
const { key: reader } = await createKey(pool, { name: 'reader', scope: 'read', tenantId: null });
await ensureTenant(pool, 'acme');
const { key: acme } = await createKey(pool, { name: 'acme', scope: 'admin', tenantId: 'acme' });

const Body = Type.Object({ count: Type.Integer({ minimum: 1 }), name: Type.String() }, { additionalProperties: false });
const application = await createApplication({
  database: pool,
  keys,
  log: createLog('silent'),
  version: 'test',
  closeGraceMs: 500,
  arrivalMs: 300,
  routes: [
    ...accessRoutes({ database: pool, keys }),
    route({
      method: 'POST',
      path: '/v1/echo',
      summary: 'Echo',
      tag: 'test',
      access: 'write',
      audit: { action: 'echo' },
      schema: { body: Body, response: { 200: Body } },
      handle({ body }) {
        if (body.name === 'throw') throw new Error('planted-inner-detail');
        if (body.name === 'refuse') throw new Refusal('conflict', 'No.');
        return body;
      },
    }),
    route({
      method: 'GET',
      path: '/v1/where',
      summary: 'Where',
      tag: 'test',
      access: 'read',
      audit: { none: 'reads only' },
      schema: { response: { 200: null } },
      handle: ({ raw, reply }) => reply.send({ url: raw.raw.url }),
    }),
    route({
      method: 'POST',
      path: '/v1/raw',
      summary: 'Raw',
      tag: 'test',
      access: 'read',
      audit: { none: 'kept as a call record' },
      rawBody: true,
      schema: { response: { 200: null } },
      async handle({ raw, reply }) {
        let bytes = 0;
        for await (const chunk of raw.raw) bytes += (chunk as Buffer).length;
        return reply.send({ bytes });
      },
    }),
  ],
});
const url = await application.listen({ port: 0, host: '127.0.0.1' });
after(() => application.close());

async function call(path: string, key: string | null, init: { method?: string; body?: unknown; text?: string; type?: string } = {}) {
  const response = await fetch(url + path, {
    method: init.method ?? 'GET',
    headers: {
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      ...(init.body === undefined && init.text === undefined ? {} : { 'content-type': init.type ?? 'application/json' }),
    },
    ...(init.body === undefined && init.text === undefined ? {} : { body: init.text ?? JSON.stringify(init.body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: (text === '' ? null : JSON.parse(text)) as Record<string, unknown> };
}

/** A cursor as anybody could make it. */
const made = (key: string | number): string => Buffer.from(JSON.stringify([1, key])).toString('base64url');

/** What comes back for these bytes until the connection ends. */
function exchange(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(text));
    let answer = '';
    socket.on('data', (chunk) => (answer += String(chunk)));
    socket.on('error', reject).on('close', () => resolve(answer));
  });
}

describe('the HTTP boundary', () => {
  it('answers every refusal as a problem with code, origin and request id', async () => {
    const cases: [Promise<Awaited<ReturnType<typeof call>>>, number, string][] = [
      [call('/v1/api-keys', null), 401, 'unauthorized'],
      [call('/v1/api-keys', 'ek_unknown_unknown'), 401, 'unauthorized'],
      [call('/v1/api-keys', reader), 403, 'forbidden'],
      [call('/v1/nowhere', admin), 404, 'not_found'],
      [call('/v1/echo', admin, { method: 'POST', body: { count: 0, name: 'x' } }), 400, 'invalid_request'],
      [call('/v1/echo', admin, { method: 'POST', body: { count: '1', name: 'x' } }), 400, 'invalid_request'],
      [call('/v1/echo', admin, { method: 'POST', text: '{"count":' }), 400, 'invalid_request'],
      [call('/v1/echo', admin, { method: 'POST', text: '{"__proto__":{"x":1},"count":1,"name":"x"}' }), 400, 'invalid_request'],
      [call('/v1/echo', admin, { method: 'POST', text: 'a=1', type: 'application/x-www-form-urlencoded' }), 415, 'invalid_request'],
      [call('/v1/echo', admin, { method: 'POST', text: `{"count":1,"name":"${'x'.repeat(1_100_000)}"}` }), 413, 'invalid_request'],
      [call('/v1/echo', admin, { method: 'POST', body: { count: 1, name: 'refuse' } }), 409, 'conflict'],
      [call('/v1/api-keys?cursor=garbage', admin), 400, 'invalid_request'],
      [call('/v1/api-keys?limit=0', admin), 400, 'invalid_request'],
      [call('/v1/api-keys/a%00b', admin, { method: 'DELETE' }), 400, 'invalid_request'],
      [call('/v1/api-keys', admin, { method: 'POST', body: { name: 'a\0b', scope: 'read' } }), 400, 'invalid_request'],
      [call('/v1/api-keys', admin, { method: 'POST', body: { name: 'x', scope: 'read', tenant_id: 'a\r\nb' } }), 400, 'invalid_request'],
      [call('/v1/api-keys', admin, { method: 'POST', body: { name: 'x', scope: 'read', expires_at: '9999-12-31T23:59:60Z' } }), 400, 'invalid_request'],
      ...[1.5, 1e300, 1e20, '7'].map((key): [ReturnType<typeof call>, number, string] => [call(`/v1/audit-log?cursor=${made(key)}`, admin), 400, 'invalid_request']),
      [call(`/v1/api-keys?cursor=${made('a\0')}`, admin), 400, 'invalid_request'],
    ];
    for (const [pending, status, code] of cases) {
      const { status: answered, headers, body } = await pending;
      assert.equal(answered, status, JSON.stringify(body));
      assert.equal(body['code'], code);
      assert.equal(body['origin'], 'caller');
      assert.equal(headers.get('content-type'), 'application/problem+json');
      assert.equal(headers.get('evenkeel-request-id'), body['request_id']);
    }
  });

  it('lists every fault of a body with its place', async () => {
    const { body } = await call('/v1/echo', admin, { method: 'POST', body: { count: 'one', extra: 1 } });
    const paths = (body['errors'] as { path: string }[]).map(({ path }) => path);
    assert.deepEqual(paths.toSorted(), ['body', 'body', 'body.count']);
  });

  it('tells nothing of an inner failure but where to look', async () => {
    const { status, body } = await call('/v1/echo', admin, { method: 'POST', body: { count: 1, name: 'throw' } });
    assert.equal(status, 500);
    assert.equal(body['origin'], 'platform');
    assert.ok(!JSON.stringify(body).includes('planted-inner-detail'));
  });

  it('hands a raw body over unread, whatever its type', async () => {
    const { body } = await call('/v1/raw', reader, { method: 'POST', text: '{broken', type: 'application/json' });
    assert.equal(body['bytes'], 7);
  });

  it('reads a request line with a whole address as the same request', async () => {
    const answer = await exchange(`GET http://elsewhere.example/v1/where?a=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${reader}\r\nConnection: close\r\n\r\n`);
    assert.match(answer, /\{"url":"\/v1\/where\?a=1"\}$/);
  });

  it('answers also what is no request as a problem with a request id', async () => {
    const own = `Host: x\r\nAuthorization: Bearer ${admin}\r\n`;
    const cases: [string, number][] = [
      [`POST /v1/echo HTTP/1.1\r\n${own}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
      [`POST /v1/echo HTTP/1.1\r\n${own}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`, 400],
      [`GET /v1/where HTTP/1.1\r\n${own}X : 1\r\n\r\n`, 400],
      ['\u0016\u0003\u0001 TLS', 400],
      [`GET /v1/where HTTP/1.1\r\n${own}X: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
      [`POST /v1/echo HTTP/1.1\r\n${own}Expect: 200-ok\r\nContent-Length: 2\r\n\r\n{}`, 417],
    ];
    for (const [text, status] of cases) {
      const answer = await exchange(text);
      assert.match(answer, new RegExp(`^HTTP/1.1 ${status} [^]*content-type: application/problem\\+json`), text.slice(0, 80));
      const problem = JSON.parse(answer.slice(answer.indexOf('{'), answer.lastIndexOf('}') + 1)) as Record<string, unknown>;
      assert.deepEqual([problem['status'], problem['code'], problem['origin']], [status, 'invalid_request', 'caller']);
      assert.match(answer, new RegExp(`evenkeel-request-id: ${String(problem['request_id'])}`));
    }
  });

  it('ends a request whose body does not arrive', async () => {
    await exchange(`POST /v1/echo HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${admin}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"a"`);
  });

  it('writes every act to the audit log with its outcome, and no refused one', async () => {
    await call('/v1/echo', admin, { method: 'POST', body: { count: 1, name: 'audited' } });
    const { body } = await call('/v1/audit-log?limit=200', admin);
    const entries = (body['results'] as { action: string; status: number | null }[]).filter(({ action }) => action === 'echo');
    assert.deepEqual(
      entries.map(({ status }) => status).toSorted((a, b) => Number(a) - Number(b)),
      [200, 409, 500],
    );
  });
});

describe('API keys', () => {
  it('are shown once, work, and end when revoked, on this node at once', async () => {
    const made = await call('/v1/api-keys', admin, { method: 'POST', body: { name: 'short-lived', scope: 'admin' } });
    assert.equal(made.status, 201);
    const key = String(made.body['key']);
    assert.equal((await call('/v1/api-keys', key)).status, 200);
    assert.equal((await call(`/v1/api-keys/${String(made.body['id'])}`, admin, { method: 'DELETE' })).status, 204);
    assert.equal((await call('/v1/api-keys', key)).status, 401);
    const listed = await call('/v1/api-keys?limit=200', admin);
    assert.ok(!JSON.stringify(listed.body).includes(key));
  });

  it('are kept as hashes', async () => {
    const { rows } = await pool.query<{ dump: string }>(`select string_agg(k::text, ' ') as dump from api_keys k`);
    for (const key of [admin, reader, acme]) assert.ok(!rows[0]?.dump.includes(key));
  });

  it('expire by the clock even while they are remembered', async () => {
    const { key } = await createKey(pool, { name: 'expiring', scope: 'read', tenantId: null, expiresAt: new Date(nowMs + 60_000) });
    assert.notEqual(await keys.find(key), undefined);
    nowMs += 61_000;
    assert.equal(keys.remembered(key), undefined);
    nowMs -= 61_000;
  });

  it('of one tenant neither see nor make others', async () => {
    const listed = await call('/v1/api-keys', acme);
    assert.deepEqual(
      (listed.body['results'] as { name: string }[]).map(({ name }) => name),
      ['acme'],
    );
    assert.equal((await call('/v1/api-keys', acme, { method: 'POST', body: { name: 'x', scope: 'admin' } })).status, 403);
    assert.equal((await call('/v1/api-keys', acme, { method: 'POST', body: { name: 'x', scope: 'admin', tenant_id: 'other' } })).status, 403);
    const { rows } = await pool.query<{ id: string }>(`select id from api_keys where name = 'admin'`);
    assert.equal((await call(`/v1/api-keys/${rows[0]?.id}`, acme, { method: 'DELETE' })).status, 404);
    assert.deepEqual((await call('/v1/audit-log', acme)).body['results'] instanceof Array, true);
  });

  it('page through without loss or repetition', async () => {
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const { body } = await call(`/v1/api-keys?limit=2${cursor === null ? '' : `&cursor=${cursor}`}`, admin);
      seen.push(...(body['results'] as { id: string }[]).map(({ id }) => id));
      cursor = body['next_cursor'] as string | null;
    } while (cursor !== null);
    const { rows } = await pool.query<{ id: string }>('select id from api_keys order by id');
    assert.deepEqual(
      seen,
      rows.map(({ id }) => id),
    );
  });
});
