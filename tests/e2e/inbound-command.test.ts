/** `evenkeel inbound …` against a running server. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commands } from 'evenkeel/commands.ts';
import { runProgram } from 'evenkeel/program.ts';
import { startInboundEvenkeel } from '../harness/inbound-evenkeel.ts';
import { bodyOf, webhookManifest } from '../harness/webhook-vendor.ts';

const inbound = await startInboundEvenkeel();
const environment = { EVENKEEL_URL: inbound.evenkeel.url, EVENKEEL_API_KEY: inbound.evenkeel.adminKey };
await inbound.putConnector(webhookManifest());

async function evenkeel(args: readonly string[], { environment: given }: { environment: Record<string, string> }): Promise<{ code: number; stdout: string; stderr: string }> {
  let stdout = '';
  let stderr = '';
  const out = { line: (text: string) => void (stdout += `${text}\n`), note: (text: string) => void (stderr += `${text}\n`), interactive: false };
  const code = await runProgram(args, commands, { environment: given, cwd: process.cwd(), signal: new AbortController().signal, out });
  return { code, stdout, stderr };
}

test('inbound list and replay show, count and work on events again', async () => {
  const one = await inbound.address();
  assert.equal(await inbound.send(one, bodyOf({ contact: { id: '1', name: 'Ada' } }, { contact: { name: 'nobody' } })), 200);
  await inbound.settled(one.accountId);
  const listed = await evenkeel(['inbound', 'list', '--account', one.accountId], { environment });
  assert.match(listed.stdout, /crm\.contact\.updated +processed/);
  assert.match(listed.stdout, /dead/);
  const dry = await evenkeel(['inbound', 'replay', '--since', '2020-01-01T00:00:00Z', '--state', 'processed', '--dry-run'], { environment });
  assert.equal(dry.stdout, '1 events would be replayed.\n');
  assert.equal((await inbound.published(one.accountId)).length, 1, 'a dry run publishes nothing');
  const replayed = await evenkeel(['inbound', 'replay', '--since', '2020-01-01T00:00:00Z', '--state', 'processed', '--json'], { environment });
  assert.equal(replayed.code, 0, replayed.stderr);
  assert.equal((JSON.parse(replayed.stdout) as { queued: number }).queued, 1);
  await inbound.settled(one.accountId);
  assert.deepEqual((await inbound.published(one.accountId)).map(({ payload }) => payload['replayed']), [false, true]);
});

test('inbound replay says what it needs', async () => {
  assert.equal((await evenkeel(['inbound', 'replay'], { environment })).code, 2);
  assert.match((await evenkeel(['inbound', 'list', '--state', 'lost'], { environment })).stderr, /pending, processed, ignored, dead/);
});
