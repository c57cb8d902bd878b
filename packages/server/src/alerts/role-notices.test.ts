/** What becomes of a notice to a role: silenced, too late, refused, taken, and nobody there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runMigrations } from 'graphile-worker';
import type { FindingRule, FiringFinding } from '@evenkeel/core/alerts/facts.ts';
import { nobody } from '@evenkeel/core/alerts/facts.ts';
import { createTestDatabase } from '@evenkeel/tests/harness/database.ts';
import { startReceiver } from '@evenkeel/tests/harness/outbound-node.ts';
import { startSmtpServer } from '@evenkeel/tests/harness/smtp-server.ts';
import { createLog } from '../log.ts';
import { createMailer } from '../mail/mailer.ts';
import { createUpstreamClient } from '../upstream/client.ts';
import { maxAttempts } from './alert-notice.ts';
import { insertAlert, resolveAlert } from './alert-store.ts';
import { listRoleNotices, tellRoles, tellRolesOfEnd, tellRoleJobName, type RoleBook } from './role-notices.ts';
import { endSilence, insertSilence } from './silence-store.ts';
import { tellRoleJob } from './tell-role.ts';

const { pool } = await createTestDatabase();
await runMigrations({ pgPool: pool });
const lines: string[] = [];
const log = createLog('warn', { write: (line: string) => void lines.push(line) });
const smtp = await startSmtpServer();
const hook = await startReceiver((_one, response) => void response.writeHead(failing ? 500 : 200).end());
let failing = false;
const upstream = createUpstreamClient({ allowPrivate: ['127.0.0.0/8'] });
const mailer = createMailer(smtp.url, 'evenkeel@example.com');
const act = tellRoleJob({ database: pool, upstream, mailer, publicUrl: 'https://evenkeel.example.com', log, now: Date.now });
const withoutMail = tellRoleJob({ database: pool, upstream, mailer: null, publicUrl: 'https://evenkeel.example.com', log, now: Date.now });

const book: RoleBook = {
  contacts: { version: 1, roles: { vp: [{ mail: 'vp@example.com' }], pager: [{ webhook: `${hook.url}/`, severities: ['P1'] }], operators: [{ operator: 'mail' }], empty: [] } },
  operator: undefined,
};
const rule = (notify: string[]): FindingRule => ({ id: 'burn-rate:fast', title: 'It burns', severity: 'P1', watch: 'burn-rate', notify });
const finding = (notify: string[]): FiringFinding => ({ rule: rule(notify), finding: { key: 'calls x overall', verdict: 'bad', subject: nobody, origin: 'platform', evidence: {}, affected: [] } });
let alerts = 0;
async function openAlert(notify: string[], severity: 'P1' | 'P2' = 'P1'): Promise<{ id: string; key: string }> {
  const key = `burn ${(alerts += 1)}`;
  const findings = [finding(notify)];
  const id = await insertAlert(pool, { key, scope: 'installation', subject: nobody, origin: 'platform', severity, title: 'It burns', runbook: null, findings, affected: [] }, new Date());
  await tellRoles(pool, book, log, { id, severity, round: severity }, findings);
  return { id, key };
}
/** Runs what is queued once; failures are the runner's affair. */
async function runJobs(job = act): Promise<void> {
  const { rows } = await pool.query<{ id: string; payload: unknown }>(`select j.id, j.payload from graphile_worker._private_jobs j join graphile_worker._private_tasks t on t.id = j.task_id where t.identifier = $1 order by j.id`, [tellRoleJobName]);
  await pool.query('delete from graphile_worker._private_jobs where id = any($1::bigint[])', [rows.map(({ id }) => id)]);
  for (const { payload } of rows) await job.execute(payload, AbortSignal.timeout(5_000)).catch(() => undefined);
}
const shown = async (id: string) => (await listRoleNotices(pool, id)).map(({ role, status, channel, state, attempts }) => `${role} ${status} ${channel} ${state} ${attempts}`).toSorted();

test('each role is told once, again when it is worse, and of the end', async () => {
  const { id, key } = await openAlert(['vp', 'pager'], 'P2');
  await tellRoles(pool, book, log, { id, severity: 'P2', round: 'P2' }, [finding(['vp'])]);
  await runJobs();
  assert.deepEqual(await shown(id), ['vp firing mail sent 1'], 'the pager asks for P1 only');
  await tellRoles(pool, book, log, { id, severity: 'P1', round: 'P1' }, [finding(['vp', 'pager'])]);
  await runJobs();
  await resolveAlert(pool, key, null, new Date());
  await tellRolesOfEnd(pool, id);
  await runJobs();
  assert.deepEqual(await shown(id), ['pager firing webhook sent 1', 'pager resolved webhook sent 1', 'vp firing mail sent 1', 'vp firing mail sent 1', 'vp resolved mail sent 1']);
  assert.deepEqual(hook.received.map(({ body }) => (JSON.parse(body.toString()) as { status: string; receiver: string })).map(({ status, receiver }) => `${receiver} ${status}`), ['pager firing', 'pager resolved']);
});

test('a role that nobody stands for is recorded and warned of', async () => {
  const { id } = await openAlert(['empty', 'operators', 'unheard_of']);
  assert.deepEqual(await shown(id), ['empty firing none unaddressed 0', 'operators firing none unaddressed 0', 'unheard_of firing none unaddressed 0']);
  assert.equal(lines.filter((line) => line.includes(id) && line.includes('nobody stands for it')).length, 3);
});

test('a silence holds it back until it ends; an end that comes first makes it void', async () => {
  const silence = await insertSilence(pool, { matchers: { rule: 'burn-rate:fast' }, reason: 'test', createdBy: 'key', expiresAt: new Date(Date.now() + 3_600_000) });
  const [kept, ended] = [await openAlert(['vp']), await openAlert(['vp'])];
  await runJobs();
  assert.deepEqual([...(await shown(kept.id)), ...(await shown(ended.id))], ['vp firing mail pending 0', 'vp firing mail pending 0']);
  await resolveAlert(pool, ended.key, null, new Date());
  await tellRolesOfEnd(pool, ended.id);
  await endSilence(pool, silence.id);
  await runJobs();
  assert.deepEqual(await shown(kept.id), ['vp firing mail sent 1']);
  assert.deepEqual(await shown(ended.id), ['vp firing mail passed 0', 'vp resolved mail passed 0'], 'nobody is told of the end of what they were not told of');
});

test('what is refused is tried again and in the end recorded as failed, with the reason', async () => {
  failing = true;
  const { id } = await openAlert(['pager']);
  await runJobs();
  const [notice] = await listRoleNotices(pool, id);
  assert.deepEqual([notice?.state, notice?.attempts, notice?.detail], ['pending', 1, 'the webhook of the role pager answered 500']);
  for (let attempt = 1; attempt < maxAttempts; attempt += 1) await act.execute({ notice_id: notice?.id }, AbortSignal.timeout(5_000)).catch(() => undefined);
  assert.deepEqual(await shown(id), [`pager firing webhook failed ${maxAttempts}`]);
  const unsent = await openAlert(['vp']);
  await runJobs(withoutMail);
  assert.deepEqual((await listRoleNotices(pool, unsent.id)).map(({ state, detail }) => [state, detail]), [['pending', 'SMTP_URL is not set, so no mail can be sent']]);
});
