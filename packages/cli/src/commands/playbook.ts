/** `evenkeel playbook …`: check the playbook's files, and what a target means. */
import { stat } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { defineObjectives, definePolicy, type BudgetPolicy, type ObjectiveDefinition } from '@evenkeel/core/objectives/definition.ts';
import { sloTable, type SloTable } from '@evenkeel/core/objectives/calculator.ts';
import { readPercent, whole } from '@evenkeel/core/objectives/share.ts';
import type { Playbook, PlaybookFault } from '@evenkeel/server/playbook/playbook.ts';
import { jsonOption, serverOptions, UsageError, type Command, type Invocation } from '../command.ts';
import type { AlertReplay, AlertReplayed } from '@evenkeel/sdk/generated/contract.ts';
import { connect, textOf } from '../connection.ts';
import { exitCodes } from '../exit-code.ts';
import { faultLine } from '../fault-line.ts';
import { table } from '../table.ts';

export const playbookOption = { playbook: { type: 'string', value: '<folder>', description: 'Folder of the playbook; default EVENKEEL_PLAYBOOK_DIR, else the one that comes with Evenkeel.' } } as const;

export const playbookCheck: Command = {
  words: ['playbook', 'check'],
  summary: 'Check the files of the playbook: objectives, agreements, budget policy, alert rules, contacts.',
  operands: '[folder]',
  arity: [0, 1],
  options: { replay: { type: 'string', value: '<hours>', description: 'Also ask the server what these alert rules would have told in the last hours it stored, at most 336.' }, ...serverOptions, ...jsonOption },
  details: ['Without a folder: EVENKEEL_PLAYBOOK_DIR, else the playbook that comes with Evenkeel. A file that the folder', 'does not have is taken from the latter. Warnings alone exit 0.'],
  async run(invocation) {
    const { positionals, values, out, cwd } = invocation;
    const reading = await read(invocation, positionals[0]);
    const faults = reading.faults.map((fault) => ({ ...fault, file: shownPath(fault.file, cwd) }));
    const errors = faults.filter(({ severity }) => severity === 'error').length;
    const replayed = reading.ok && values['replay'] !== undefined ? await replay(invocation, reading.playbook) : undefined;
    if (values['json'] === true) out.line(JSON.stringify(replayed === undefined ? faults : { faults, replayed }, null, 2));
    else for (const fault of faults) out.line(lineOf(fault));
    out.note(`${errors} error(s), ${faults.length - errors} warning(s)`);
    if (replayed !== undefined && values['json'] !== true) out.line(replayText(replayed));
    return errors > 0 ? exitCodes.findings.code : exitCodes.ok.code;
  },
};

async function replay(invocation: Invocation, { alerts }: Playbook): Promise<AlertReplayed> {
  const hours = Number(invocation.values['replay']);
  if (!(hours > 0 && hours <= 336)) throw new UsageError(`--replay must be a number of hours up to 336, not "${String(invocation.values['replay'])}".`);
  const until = Date.now();
  return connect(invocation).alerts.replay({ rules: alerts as NonNullable<AlertReplay['rules']>, since: new Date(until - hours * 3_600_000).toISOString(), until: new Date(until).toISOString() }, { signal: invocation.signal });
}

function replayText({ minutes, unmeasured, alerts }: AlertReplayed): string {
  const head = `${minutes} stored minute(s) judged, ${unmeasured} of them unmeasured: ${alerts.length} alert(s).`;
  if (alerts.length === 0) return head;
  return `${head}\n\n${table(['OPENED', 'RESOLVED', 'SEVERITY', 'RULES', 'OF', 'ORIGIN', 'ACCOUNTS'], alerts.map((one) => [one.opened_at, one.resolved_at ?? 'open', one.severity, one.rules.join(', '), one.account_id ?? one.connector ?? one.tenant_id ?? one.endpoint ?? one.scope, one.origin ?? '-', String(one.affected_accounts)]))}`;
}

export const playbookSlo: Command = {
  words: ['playbook', 'slo'],
  summary: 'What a target means: allowed downtime, when the alerts fire, what a breach costs.',
  operands: '<percent>',
  arity: [1, 1],
  options: { fee: { type: 'string', value: '<amount>', description: 'Monthly fee for the example of credits; default 5000.' }, terms: { type: 'string', value: '<name>', description: 'Terms of agreements.yaml whose credits are shown; default the first.' }, ...playbookOption, ...jsonOption },
  async run(invocation) {
    const { positionals, values, out } = invocation;
    const target = readPercent((positionals[0] ?? '').replace(/ ?%$/, ''));
    if (target === undefined || target === whole || target === 0n) throw new UsageError(`the target must be a share in percent between 0 and 100 with at most seven decimals, not "${positionals[0]}".`);
    const fee = /^\d{1,12}$/.test(textOf(values['fee']) ?? '5000') ? BigInt(textOf(values['fee']) ?? '5000') * 100n : undefined;
    if (fee === undefined) throw new UsageError(`--fee must be a whole number, not "${String(values['fee'])}".`);
    const playbook = await openPlaybook(invocation);
    const names = Object.keys(playbook.agreements.terms);
    const name = textOf(values['terms']) ?? names[0];
    const terms = name === undefined ? undefined : playbook.agreements.terms[name];
    if (name !== undefined && terms === undefined) throw new UsageError(`agreements.yaml has no terms "${name}"; it has ${names.join(', ')}.`);
    const shown = sloTable(target, definePolicy(playbook.budgetPolicy).tiers, terms?.credits ?? [], fee);
    out.line(values['json'] === true ? JSON.stringify(shown, null, 2) : text(shown));
    return exitCodes.ok.code;
  },
};

function text({ target, budget, windows, alerts, credits }: SloTable): string {
  const parts = [
    `Target ${target}, budget ${budget}\n`,
    table(['WINDOW', 'ALLOWED DOWNTIME', 'SECONDS'], windows.map(({ window, allowed, seconds }) => [window, allowed, seconds])),
    `\n${table(['ALERT', 'SEVERITY', 'BURN RATE', 'OVER', 'FIRES ABOVE', 'BUDGET SPENT', '30-DAY BUDGET GONE IN'], alerts.map((one) => [one.id, one.severity, `> ${one.factor}`, one.windows, one.fires_above, one.spent, one.exhausts_in]))}`,
    `\n${table(['ALERT', 'ERRORS', 'FIRES AFTER', 'RESETS AFTER'], alerts.flatMap(({ id, times }) => times.map((one) => [id, one.errors, one.fires_after, one.resets_after])))}`,
  ];
  if (credits.length > 0) parts.push(`\n${table(['UPTIME FROM', 'TO BELOW', 'CREDIT', 'EXAMPLE'], credits.map(({ from, below, credit, example }) => [from, below, credit, example]))}`);
  return parts.join('\n');
}

/** The playbook a command works with. Faults go to standard error and end the command. */
export async function openPlaybook(invocation: Invocation): Promise<Playbook> {
  const reading = await read(invocation, textOf(invocation.values['playbook']));
  if (reading.ok) return reading.playbook;
  for (const fault of reading.faults) invocation.out.note(lineOf({ ...fault, file: shownPath(fault.file, invocation.cwd) }));
  throw new UsageError('the playbook has faults; evenkeel playbook check lists them.');
}

/** The playbook's objectives and policy as exact values. */
export async function openObjectives(invocation: Invocation): Promise<{ playbook: Playbook; objectives: ObjectiveDefinition[]; policy: BudgetPolicy }> {
  const playbook = await openPlaybook(invocation);
  const policy = definePolicy(playbook.budgetPolicy);
  return { playbook, policy, objectives: defineObjectives(playbook.objectives, policy) };
}

async function read({ environment, cwd }: Invocation, folder: string | undefined) {
  const named = folder ?? textOf(environment['EVENKEEL_PLAYBOOK_DIR']);
  const dir = named === undefined ? undefined : resolve(cwd, named);
  if (dir !== undefined && !(await stat(dir).then((found) => found.isDirectory(), () => false))) throw new UsageError(`there is no folder ${named}.`);
  const { readPlaybook } = await import('@evenkeel/server/playbook/playbook.ts');
  return readPlaybook(dir);
}

const lineOf = (fault: PlaybookFault): string => faultLine(fault.line === undefined ? fault.file : `${fault.file}:${fault.line}`, fault);

function shownPath(file: string, cwd: string): string {
  const path = relative(cwd, file);
  return path === '' || path.startsWith('..') ? file : path;
}
