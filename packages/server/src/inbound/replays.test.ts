/** Which events a replay means, by each of its criteria, counted first and worked on again then; through HTTP. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startInboundEvenkeel } from '@evenkeel/tests/harness/inbound-evenkeel.ts';
import { bodyOf, webhookManifest } from '@evenkeel/tests/harness/webhook-vendor.ts';

const inbound = await startInboundEvenkeel();
const { call } = inbound.evenkeel;
await inbound.putConnector(webhookManifest());
await inbound.putConnector(webhookManifest({ id: 'other-crm' }));
const [one, two, other] = [await inbound.address(), await inbound.address(), await inbound.address({ connectorId: 'other-crm' })];

const early = new Date();
assert.equal(await inbound.send(one, bodyOf({ contact: { id: 'a1', name: 'A' } }, { type: 'contact.deleted', contact: { id: 'a2' } })), 200);
await inbound.settled(one.accountId);
// Events bear their request's time, in milliseconds.
await inbound.until(() => Promise.resolve(Date.now() > early.getTime() + 20), 'time has passed');
const between = new Date();
assert.equal(await inbound.send(two, bodyOf({ contact: { id: 'b1', name: 'B' } })), 200);
assert.equal(await inbound.send(other, bodyOf({ contact: { id: 'c1', name: 'C' } }, { type: 'contact.deleted', contact: { id: 'c2' } })), 200);
for (const { accountId } of [two, other]) await inbound.settled(accountId);

const since = early.toISOString();
const criteria: readonly (readonly [what: string, body: Record<string, string>, records: readonly string[]])[] = [
  ['all since a time', { since }, ['a1', 'a2', 'b1', 'c1', 'c2']],
  ['since a later time', { since: between.toISOString() }, ['b1', 'c1', 'c2']],
  ['until a time', { since, until: between.toISOString() }, ['a1', 'a2']],
  ['a connector', { since, connector: 'other-crm' }, ['c1', 'c2']],
  ['an account', { since, account_id: two.accountId }, ['b1']],
  ['a type of the vendor', { since, type: 'contact.deleted' }, ['a2', 'c2']],
  ['a unified type', { since, type: 'crm.contact.updated' }, ['a1', 'b1', 'c1']],
  ['several at once', { since: between.toISOString(), connector: 'other-crm', type: 'contact.deleted' }, ['c2']],
];

const replayedRecords = async (): Promise<string[]> => {
  const events = (await Promise.all([one, two, other].map(({ accountId }) => inbound.published(accountId)))).flat();
  return events.filter(({ payload }) => payload['replayed'] === true).map(({ payload }) => String(payload['record_id']));
};

for (const [what, body, records] of criteria) {
  test(`by ${what}: the dry run counts and does nothing, the replay does so many, and those`, async () => {
    const before = await replayedRecords();
    const dry = await call('POST', '/v1/inbound-events/replay', { body: { ...body, dry_run: true } });
    assert.deepEqual([dry.status, dry.json?.['total'], dry.json?.['queued']], [200, records.length, 0], dry.text);
    assert.deepEqual(await replayedRecords(), before);
    const replay = await call('POST', '/v1/inbound-events/replay', { body });
    assert.deepEqual([replay.status, replay.json?.['total']], [202, records.length], replay.text);
    await inbound.replayed(String(replay.json?.['id']));
    for (const { accountId } of [one, two, other]) await inbound.settled(accountId);
    const after = await replayedRecords();
    for (const record of before) after.splice(after.indexOf(record), 1);
    assert.deepEqual(after.toSorted(), records);
  });
}

test('however old what is replayed may be, no lag comes of it, and no traffic', async () => {
  // Counts are told by the half second, in order: with that of a last event those of all replays are there.
  assert.equal(await inbound.send(other, bodyOf({ contact: { id: 'c3', name: 'C' } })), 200);
  const counted = async (): Promise<(string | undefined)[]> => {
    const { text } = await call('GET', '/metrics');
    return ['inbox-crm', 'other-crm'].map((connector) => new RegExp(`^evenkeel_webhook_lag_seconds_count{connector="${connector}"} (\\d+)$`, 'm').exec(text)?.[1]);
  };
  await inbound.until(async () => Number((await counted())[1]) >= 3, 'the last event is counted');
  assert.deepEqual(await counted(), ['3', '3']);
});
