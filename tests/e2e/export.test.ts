/** Exports: valid to Prometheus' own checker, and about metrics that exist. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, test, after } from 'node:test';
import { promisify } from 'node:util';
import { startTestEvenkeel } from '../harness/evenkeel.ts';
import { evenkeel } from '../../packages/cli/test/command-line.ts';

const run = promisify(execFile);
let folder = '';
before(async () => void (folder = await mkdtemp(join(tmpdir(), 'evenkeel-export-'))));
after(() => rm(folder, { recursive: true, force: true }));

/** Fails with what the program says; needs promtool (apt-get install prometheus). */
const promtool = async (...parameters: string[]): Promise<string> => (await run('promtool', parameters, { cwd: folder })).stdout;

test('the rules pass promtool, and fire on the jump they describe and on no steady rate', async () => {
  const exported = await evenkeel(['export', 'prometheus', '--out', folder]);
  assert.equal(exported.code, 0, exported.stderr);
  assert.match(await promtool('check', 'rules', 'evenkeel.rules.yaml'), /SUCCESS: \d+ rules found/);
  const series = (outcome: string, values: string, endpoint: string) => ({ series: `evenkeel_endpoint_calls_total{connector="a",endpoint="${endpoint}",way="direct",outcome="${outcome}"}`, values });
  const lag = (le: string, values: string) => ({ series: `evenkeel_webhook_lag_seconds_bucket{connector="a",le="${le}"}`, values });
  const cases = {
    rule_files: ['evenkeel.rules.yaml'],
    evaluation_interval: '30s',
    tests: [
      {
        interval: '1m',
        input_series: [
          // 0.5 % for 40 minutes, then 5 %; and 5 % all the time, which is no news.
          series('success', '0+1000x80', 'contacts.list'),
          series('upstream', '0+5x40 205+50x40', 'contacts.list'),
          series('success', '0+1000x80', 'deals.list'),
          series('upstream', '0+50x80', 'deals.list'),
          lag('10', '0+10x80'),
          lag('30', '0+20x80'),
          lag('60', '0+100x80'),
          lag('+Inf', '0+100x80'),
          { series: 'evenkeel_accounts{connector="a",state="needs_reauth"}', values: '2x64 40x20' },
          { series: 'evenkeel_accounts{connector="b",state="needs_reauth"}', values: '30x80' },
          { series: 'evenkeel_telemetry_sealed_age_seconds', values: '20x80' },
          { series: 'evenkeel_database_reachable', values: '1x80' },
        ],
        alert_rule_test: [
          ...['5m', '14m', '38m', '79m'].map((eval_time) => ({ eval_time, alertname: 'EvenkeelEndpointErrorsRising', exp_alerts: [] })),
          ...['5m', '63m'].map((eval_time) => ({ eval_time, alertname: 'EvenkeelNeedsReauthRising', exp_alerts: [] })),
          { eval_time: '66m', alertname: 'EvenkeelCountsStale', exp_alerts: [] },
        ],
        // What fires is compared as the series ALERTS, without the figures of the annotations.
        promql_expr_test: [
          { expr: 'evenkeel:webhook_lag_seconds:p95_5m > bool 30', eval_time: '30m', exp_samples: [{ labels: '{connector="a"}', value: 1 }] },
          { expr: 'ALERTS{alertname="EvenkeelNeedsReauthRising", alertstate="firing"}', eval_time: '69m', exp_samples: [{ labels: 'ALERTS{alertname="EvenkeelNeedsReauthRising", alertstate="firing", category="auth-health", connector="a", severity="critical"}', value: 1 }] },
          { expr: 'ALERTS{alertname="EvenkeelEndpointErrorsRising", alertstate="firing"}', eval_time: '54m', exp_samples: [{ labels: 'ALERTS{alertname="EvenkeelEndpointErrorsRising", alertstate="firing", category="error-rate", connector="a", endpoint="contacts.list", severity="critical", way="direct"}', value: 1 }] },
          { expr: 'ALERTS{alertname="EvenkeelWebhookLag", alertstate="firing"}', eval_time: '30m', exp_samples: [{ labels: 'ALERTS{alertname="EvenkeelWebhookLag", alertstate="firing", category="webhook-lag", connector="a", severity="critical"}', value: 1 }] },
        ],
      },
    ],
  };
  await writeFile(join(folder, 'tests.yaml'), JSON.stringify(cases));
  assert.match(await promtool('test', 'rules', 'tests.yaml'), /SUCCESS/);
});

test('every metric that a rule or a dashboard asks for is there to be scraped', async () => {
  const server = await startTestEvenkeel();
  const { text, status } = await server.call('GET', '/metrics');
  assert.equal(status, 200, text);
  const present = new Set([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name = '', type]) => (type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name])));
  const rules = (await evenkeel(['export', 'prometheus'])).stdout;
  const dashboard = (await evenkeel(['export', 'grafana'])).stdout;
  const asked = new Set([...`${rules}\n${dashboard}`.matchAll(/\bevenkeel_[a-z0-9_]+/g)].map(([name]) => name));
  assert.ok(asked.size > 10);
  assert.deepEqual([...asked].filter((name) => !present.has(name)), []);
  const lint = spawn('promtool', ['check', 'metrics'], { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  lint.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  lint.stdin.end(text);
  await once(lint, 'close');
  assert.equal(said, '', 'promtool finds nothing in the exposition');
});

test('dashboards are JSON with ids of their own for each panel, none over another', async () => {
  const exported = await evenkeel(['export', 'grafana', '--out', folder]);
  assert.equal(exported.code, 0, exported.stderr);
  const dashboard = JSON.parse(await readFile(join(folder, 'evenkeel-monitoring.json'), 'utf8')) as { uid: string; panels: { id: number; gridPos: { x: number; y: number; w: number; h: number } }[] };
  assert.equal(dashboard.uid, 'evenkeel-monitoring');
  assert.equal(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length);
  const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) => Array.from({ length: w * h }, (_, at) => `${x + (at % w)} ${y + Math.floor(at / w)}`));
  assert.equal(new Set(cells).size, cells.length);
});

test('what there is not to export is named', async () => {
  const answer = await evenkeel(['export', 'grafana', 'weather']);
  assert.deepEqual([answer.code, /there is monitoring/.test(answer.stderr)], [2, true]);
});
