/** `evenkeel export …`: what other systems read, generated: Prometheus rules and Grafana dashboards. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { monitoringDashboard, type Dashboard } from '@evenkeel/core/telemetry/grafana-dashboard.ts';
import { categoryRuleGroups, type PrometheusGroup } from '@evenkeel/core/telemetry/prometheus-rules.ts';
import { stringify } from 'yaml';
import { objectivesDashboard } from '@evenkeel/core/objectives/interchange/grafana.ts';
import { objectiveRuleGroups } from '@evenkeel/core/objectives/interchange/prometheus.ts';
import { UsageError, type Command, type Invocation } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { openObjectives, playbookOption } from './playbook.ts';

/** Where rules come from; each adds its groups to the one file. Those of objectives are read from the playbook. */
const ruleSources: Readonly<Record<string, (invocation: Invocation) => readonly PrometheusGroup[] | Promise<readonly PrometheusGroup[]>>> = {
  monitoring: categoryRuleGroups,
  objectives: async (invocation) => {
    const { objectives, policy } = await openObjectives(invocation);
    return objectiveRuleGroups(objectives, policy);
  },
};
const dashboards: Readonly<Record<string, (invocation: Invocation) => Dashboard | Promise<Dashboard>>> = {
  monitoring: monitoringDashboard,
  objectives: async (invocation) => objectivesDashboard((await openObjectives(invocation)).objectives),
};

const outOption = { out: { type: 'string', value: '<folder>', description: 'Write files into this folder instead of printing.' }, ...playbookOption } as const;

export const exportPrometheus: Command = {
  words: ['export', 'prometheus'],
  summary: 'Prometheus rules: recordings and alerts of the six categories, and of the objectives with the names Sloth uses.',
  operands: `[${Object.keys(ruleSources).join('|')}]`,
  arity: [0, 1],
  options: outOption,
  details: ['Without an operand all groups are in the file. Check it with: promtool check rules evenkeel.rules.yaml'],
  async run(invocation) {
    const { positionals, values, cwd, out } = invocation;
    const groups = await Promise.all(chosen(ruleSources, positionals[0]).map(async ([, source]) => source(invocation)));
    const text = stringify({ groups: groups.flat() }, { lineWidth: 0, aliasDuplicateObjects: false });
    if (typeof values['out'] !== 'string') out.line(text.trimEnd());
    else out.note(`wrote ${await write(resolve(cwd, values['out']), 'evenkeel.rules.yaml', text)}`);
    return exitCodes.ok.code;
  },
};

export const exportGrafana: Command = {
  words: ['export', 'grafana'],
  summary: 'Grafana dashboards, in the JSON that Grafana imports.',
  operands: `[${Object.keys(dashboards).join('|')}]`,
  arity: [0, 1],
  options: outOption,
  async run(invocation) {
    const { positionals, values, cwd, out } = invocation;
    const made = chosen(dashboards, positionals[0] ?? (values['out'] === undefined ? 'monitoring' : undefined));
    for (const [name, dashboard] of made) {
      const text = `${JSON.stringify(await dashboard(invocation), null, 2)}\n`;
      if (typeof values['out'] !== 'string') out.line(text.trimEnd());
      else out.note(`wrote ${await write(resolve(cwd, values['out']), `evenkeel-${name}.json`, text)}`);
    }
    return exitCodes.ok.code;
  },
};

function chosen<Source>(sources: Readonly<Record<string, Source>>, name: string | undefined): [string, Source][] {
  const found = Object.entries(sources).filter(([one]) => name === undefined || one === name);
  if (found.length === 0) throw new UsageError(`there is no "${name}" to export; there is ${Object.keys(sources).join(', ')}.`);
  return found;
}

async function write(folder: string, file: string, text: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, file);
  await writeFile(path, text);
  return path;
}
