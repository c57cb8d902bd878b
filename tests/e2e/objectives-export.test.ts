/** The exported rules, run by Prometheus' own evaluator: they fire and end in the minutes that Evenkeel's arithmetic names. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { decideBurn } from '@evenkeel/core/objectives/burn-alert.ts';
import { detectionSeconds } from '@evenkeel/core/objectives/burn-time.ts';
import { defineObjectives, definePolicy } from '@evenkeel/core/objectives/definition.ts';
import { floor, fraction } from '@evenkeel/core/objectives/share.ts';
import { readPlaybook } from '@evenkeel/server/playbook/playbook.ts';
import { evenkeel } from '../../packages/cli/test/command-line.ts';

const run = promisify(execFile);
const folder = await mkdtemp(join(tmpdir(), 'evenkeel-rules-'));
after(() => rm(folder, { recursive: true, force: true }));
/** Fails with what the program says; needs promtool (apt-get install prometheus). */
const promtool = async (...parameters: string[]): Promise<string> => (await run('promtool', parameters, { cwd: folder })).stdout;

const reading = await readPlaybook(undefined);
assert.ok(reading.ok);
const policy = definePolicy(reading.playbook.budgetPolicy);
const objectives = defineObjectives(reading.playbook.objectives, policy);
const full = fraction(1n, 1n);
const usual = 10_000;

/** Bad events of each minute: quiet, then a step, then quiet again. */
const quiet = 361;
const step = (bad: number, minutes: number): number[] => [...Array<number>(quiet).fill(0), ...Array<number>(minutes).fill(bad), ...Array<number>(60).fill(0)];

/** Ends of the minutes in which the alert fires and ends, minute by minute by burn-alert.ts. */
function predicted(objective: (typeof objectives)[number], tier: (typeof policy.tiers)[number], bad: readonly number[], perMinute: number): { fires: number; ends: number } {
  let firing = false;
  let fires = -1;
  for (let end = 1; end <= bad.length; end += 1) {
    const window = (minutes: number) => ({ total: Math.min(minutes, end) * perMinute, bad: bad.slice(Math.max(0, end - minutes), end).reduce((sum, one) => sum + one, 0), coverage: full });
    const decision = decideBurn({ tier, budget: objective.budget, long: window(tier.longMinutes), short: window(tier.shortMinutes), minimum: objective.minimum, minCoverage: 0n, firing });
    if (decision === 'fire') [firing, fires] = [true, end];
    if (decision === 'resolve') return { fires, ends: end };
  }
  return { fires, ends: -1 };
}

test('export prometheus passes promtool; page and ticket fire and end in the predicted minutes', async () => {
  await evenkeel(['export', 'prometheus', '--out', folder]);
  assert.match(await promtool('check', 'rules', 'evenkeel.rules.yaml'), /SUCCESS: \d+ rules found/);
  // Fired are those of one objective alone: promtool takes its time for each rule and minute.
  const one = join(folder, 'one');
  await mkdir(one);
  await writeFile(join(one, 'objectives.yaml'), `version: 1
indicators: { customer: { measure: availability, upstream: included } }
objectives: [{ id: customer-availability, title: One, indicator: customer, target: 99.9, window: { rolling_days: 30 }, method: events, scopes: [overall], minimum: { events: 1000, bad: 5 } }]
`);
  const exported = await evenkeel(['export', 'prometheus', 'objectives', '--playbook', one, '--out', folder]);
  assert.equal(exported.code, 0, exported.stderr);
  const [objective] = objectives.filter(({ id }) => id === 'customer-availability');
  assert.ok(objective !== undefined);
  const tests = [];
  const kinds = { P1: 'page', P2: 'ticket' } as Record<string, string>;
  // 99.9 %: 5 % errors, 2 %, and 1 %, which is under the fast tier's 1.44 %; and half of so few calls that an hour says nothing (900 events).
  for (const [bad, minutes, perMinute] of [[500, 60, usual], [200, 60, usual], [100, 260, usual], [7, 20, 15]] as const) {
    const history = step(bad, minutes);
    const expectations = policy.tiers.flatMap((tier) => {
      const { fires, ends } = predicted(objective, tier, history, perMinute);
      const after = detectionSeconds(tier, objective.budget, fraction(BigInt(bad), BigInt(perMinute)));
      // The closed form and the minute-by-minute evaluation agree, or the alert comes after the step is over.
      if (perMinute === usual && after !== null && fires !== -1) assert.equal(fires, quiet + Number(floor({ num: after.num, den: after.den * 60n })) + 1);
      if (after === null) assert.equal(fires, -1);
      const count = `count(ALERTS{alertname="evenkeel-${objective.id}-${kinds[tier.severity]}", alertstate="firing"}) or vector(0)`;
      const at = (minute: number, value: number) => ({ expr: count, eval_time: `${minute}m`, exp_samples: [{ labels: '{}', value }] });
      if (fires === -1) return [at(quiet + minutes, 0)];
      return [at(fires - 1, 0), at(fires, 1), ...(ends === -1 ? [] : [at(ends - 1, 1), at(ends, 0)])];
    });
    const counter = (metric: string, values: string) => ({ series: `${metric}{objective="${objective.id}",scope="overall",instance="a"}`, values });
    // The sample at minute n holds the minutes before it.
    tests.push({
      interval: '1m',
      input_series: [counter('evenkeel_objective_events_total', `0+${perMinute}x${history.length}`), counter('evenkeel_objective_bad_total', `0x${quiet} ${bad}+${bad}x${minutes - 1} ${bad * minutes}x60`)],
      promql_expr_test: expectations,
    });
  }
  const groups = [...(await evenkeel(['export', 'prometheus', 'objectives', '--playbook', one])).stdout.matchAll(/^ {2}- name: (.+)$/gm)].map(([, name]) => name);
  await writeFile(join(folder, 'tests.yaml'), JSON.stringify({ rule_files: ['evenkeel.rules.yaml'], evaluation_interval: '1m', group_eval_order: groups, tests }));
  assert.match(await promtool('test', 'rules', 'tests.yaml'), /SUCCESS/);
});

test('the dashboard asks for recordings that the rules make', async () => {
  const rules = (await evenkeel(['export', 'prometheus', 'objectives'])).stdout;
  const dashboard = (await evenkeel(['export', 'grafana', 'objectives'])).stdout;
  const made = new Set([...rules.matchAll(/record: (\S+)/g)].map(([, name]) => name));
  const asked = [...dashboard.matchAll(/"(slo:[a-z_:]+:ratio)\{/g)].map(([, name]) => name);
  assert.ok(asked.length >= 3);
  assert.deepEqual(asked.filter((name) => !made.has(name)), []);
});

test('export openslo and playbook import are each other\'s way back', async () => {
  const documents = await evenkeel(['export', 'openslo']);
  await writeFile(join(folder, 'openslo.yaml'), documents.stdout);
  const back = await evenkeel(['playbook', 'import', join(folder, 'openslo.yaml')]);
  assert.equal(back.code, 0, back.stderr);
  const built = await readFile(join(import.meta.dirname, '../../playbook/objectives.yaml'), 'utf8');
  await writeFile(join(folder, 'objectives.yaml'), `${built.slice(0, built.indexOf('\nobjectives:'))}\n${back.stdout}`);
  assert.deepEqual([(await evenkeel(['playbook', 'check', folder])).code, (await evenkeel(['export', 'openslo', '--playbook', folder])).stdout], [0, documents.stdout]);
});
