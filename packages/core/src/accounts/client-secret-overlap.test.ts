import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuthScheme } from '@evenkeel/contract/manifest/auth.ts';
import { obtainGrant, type GrantTools } from './connect-steps.ts';
import { drive } from './driver.ts';

const nowMs = Date.UTC(2026, 10, 23, 12);
const scheme: Extract<AuthScheme, { type: 'oauth2_code' }> = {
  type: 'oauth2_code',
  id: 'oauth',
  authorize_url: 'https://login.example.com/authorize',
  token_url: 'https://login.example.com/token',
  apply: { headers: { authorization: 'Bearer {{token.access_token}}' } },
};
const until = (ms: number): string => new Date(nowMs + ms).toISOString();
const app = { client_id: 'id', client_secret: 'fresh', client_secret_previous: 'former', client_secret_previous_until: until(1) };
const granted = [200, { access_token: 'at' }] as const;
const refused = [401, { error: 'invalid_client' }] as const;

/** The secrets sent in turn, and how often the use of the former one was told. */
async function refresh(used: object, answers: readonly (readonly [number, unknown])[], how: AuthScheme = scheme): Promise<{ ok: boolean; sent: string[]; told: number }> {
  const sent: string[] = [];
  let told = 0;
  const tools = { nowMs, formerSecretTried: () => (told += 1) } as unknown as GrantTools;
  const outcome = await drive(obtainGrant(how, { type: 'stored' }, { app: used, token: { refresh_token: 'rt' }, secret: { client_secret: 'own' } }, tools), ({ request }) => {
    const [status, body] = answers[sent.length] ?? [500, {}];
    sent.push(new URLSearchParams(String(request.body)).get('client_secret') ?? '');
    return Promise.resolve({ ok: true, answer: { status, headers: {}, body } });
  });
  return { ok: outcome.ok, sent, told };
}

test('the former secret is tried when the new one is refused as such, and that is told', async () => {
  assert.deepEqual(await refresh(app, [refused, granted]), { ok: true, sent: ['fresh', 'former'], told: 1 });
  assert.deepEqual(await refresh(app, [[200, { error: 'bad_client_secret' }], granted]), { ok: true, sent: ['fresh', 'former'], told: 1 });
  assert.deepEqual(await refresh(app, [refused, refused]), { ok: false, sent: ['fresh', 'former'], told: 1 });
});

test('it is not tried first, after another refusal, in an outage, after its overlap, or without one', async () => {
  const once = { sent: ['fresh'], told: 0 };
  assert.deepEqual(await refresh(app, [granted]), { ok: true, ...once });
  for (const answer of [[400, { error: 'invalid_grant' }], [503, { error: 'invalid_client' }], [400, { error: 'unauthorized_client' }], [401, {}]] as const) {
    assert.deepEqual(await refresh(app, [answer, granted]), { ok: false, ...once }, JSON.stringify(answer));
  }
  for (const over of [until(0), until(-1), 'soon']) assert.deepEqual(await refresh({ ...app, client_secret_previous_until: over }, [refused, granted]), { ok: false, ...once });
  assert.deepEqual(await refresh({ client_id: 'id', client_secret: 'fresh' }, [refused, granted]), { ok: false, ...once });
});

test('a request that does not carry the app\'s secret is not repeated', async () => {
  const own: AuthScheme = { type: 'oauth2_client_credentials', id: 'own', token_url: 'https://login.example.com/token', client_id: 'x', client_secret: '{{secret.client_secret}}', apply: { headers: { authorization: '{{token.access_token}}' } } };
  assert.deepEqual(await refresh(app, [refused, granted], own), { ok: false, sent: ['own'], told: 0 });
});
