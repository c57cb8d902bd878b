import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FetchInput } from './backoff.ts';
import { Evenkeel } from './client.ts';

/** A client whose calls are answered by `reply`; what it sent is in `seen`. */
function answering(reply: (nth: number) => { status?: number; body?: unknown }) {
  const seen: string[] = [];
  const send = (input: FetchInput, init: RequestInit = {}): Promise<Response> => {
    const url = new URL(input instanceof Request ? input.url : input);
    seen.push(`${init.method ?? 'GET'} ${url.pathname}${decodeURIComponent(url.search)}${typeof init.body === 'string' ? ` ${init.body}` : ''} as ${new Headers(init.headers).get('evenkeel-account') ?? ''}`);
    const { status = 200, body } = reply(seen.length);
    return Promise.resolve(new Response(body === undefined ? null : JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } }));
  };
  return { seen, unified: new Evenkeel({ baseUrl: 'http://127.0.0.1:1', apiKey: 'ek_test', backoff: false, fetch: send }).unified('acc_1') };
}

test('a list runs over its pages with the filters, and names its fields in one parameter', async () => {
  const { seen, unified } = answering((nth) => ({ body: { results: [{ id: `${nth}`, emails: [] }], next_cursor: nth === 1 ? 'c2' : null } }));
  const ids: string[] = [];
  for await (const { id } of unified.list('crm.contacts', { email: 'a@b.example', sort: '-updated_at', fields: ['emails', 'title'], remote_data: true, limit: 1 })) ids.push(id);
  assert.deepEqual(ids, ['1', '2']);
  const query = 'email=a@b.example&sort=-updated_at&remote_data=true&limit=1&fields=emails,title';
  assert.deepEqual(seen, [`GET /v1/unified/crm/contacts?${query} as acc_1`, `GET /v1/unified/crm/contacts?${query}&cursor=c2 as acc_1`]);
});

test('one record is got, created, changed and deleted, its id encoded', async () => {
  const { seen, unified } = answering((nth) => (nth === 4 ? { status: 204 } : { status: nth === 2 ? 201 : 200, body: { id: 'a/1', name: 'Ada' } }));
  assert.equal((await unified.get('ticketing.tickets', 'a/1')).id, 'a/1');
  await unified.create('crm.contacts', { last_name: 'Okafor', emails: [{ address: 'ada@mail.example' }] });
  await unified.update('crm.contacts', 'a/1', { title: null });
  assert.equal(await unified.delete('crm.contacts', 'a/1'), undefined);
  assert.deepEqual(seen, [
    'GET /v1/unified/ticketing/tickets/a%2F1 as acc_1',
    'POST /v1/unified/crm/contacts {"last_name":"Okafor","emails":[{"address":"ada@mail.example"}]} as acc_1',
    'PATCH /v1/unified/crm/contacts/a%2F1 {"title":null} as acc_1',
    'DELETE /v1/unified/crm/contacts/a%2F1 as acc_1',
  ]);
});
