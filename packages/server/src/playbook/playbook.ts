/**
 * The playbook: what a team agrees on before it is needed, as YAML files. Each is one entry of the table: its schema and
 * what only the files together can tell. A file that the installation's folder does not have is taken from the one that
 * comes with Evenkeel.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type Type from 'typebox';
import { AlertsFile } from '@evenkeel/contract/playbook/alerts.ts';
import { AgreementsFile } from '@evenkeel/contract/playbook/agreements.ts';
import { BudgetPolicyFile } from '@evenkeel/contract/playbook/budget-policy.ts';
import { ContactsFile } from '@evenkeel/contract/playbook/contacts.ts';
import { ObjectivesFile } from '@evenkeel/contract/playbook/objectives.ts';
import type { Fault } from '@evenkeel/core/connectors/lint/fault.ts';
import { checkShape } from '@evenkeel/core/connectors/lint/shape.ts';
import { lintContacts } from '@evenkeel/core/alerts/contacts-lint.ts';
import { lintAlerts } from '@evenkeel/core/alerts/rules-lint.ts';
import { lintAgreements } from '@evenkeel/core/objectives/agreement-lint.ts';
import { lintObjectives, lintPolicy } from '@evenkeel/core/objectives/playbook-lint.ts';
import { readYaml, type YamlSource } from './yaml-source.ts';

export const builtInPlaybook = join(import.meta.dirname, '../../../../playbook');

export interface Playbook {
  readonly objectives: ObjectivesFile;
  readonly agreements: AgreementsFile;
  readonly budgetPolicy: BudgetPolicyFile;
  readonly alerts: AlertsFile;
  readonly contacts: ContactsFile;
}

interface PlaybookFile {
  readonly name: string;
  readonly schema: Type.TSchema;
  /** Faults beyond the shape. Of the other files, only those with a right shape are there. */
  readonly lint: (all: Partial<Playbook>) => readonly Fault[];
}

/** Every file of the playbook. A room adds its own here, and its type to Playbook. */
const files: { readonly [Key in keyof Playbook]: PlaybookFile } = {
  objectives: {
    name: 'objectives.yaml',
    schema: ObjectivesFile,
    lint: ({ objectives, agreements, budgetPolicy }) => (objectives === undefined ? [] : lintObjectives(objectives, agreements, budgetPolicy)),
  },
  agreements: { name: 'agreements.yaml', schema: AgreementsFile, lint: ({ agreements }) => (agreements === undefined ? [] : lintAgreements(agreements)) },
  budgetPolicy: { name: 'budget-policy.yaml', schema: BudgetPolicyFile, lint: ({ budgetPolicy }) => (budgetPolicy === undefined ? [] : lintPolicy(budgetPolicy)) },
  alerts: { name: 'alerts.yaml', schema: AlertsFile, lint: ({ alerts }) => (alerts === undefined ? [] : lintAlerts(alerts)) },
  contacts: { name: 'contacts.yaml', schema: ContactsFile, lint: ({ contacts, budgetPolicy }) => (contacts === undefined ? [] : lintContacts(contacts, budgetPolicy)) },
};

export interface PlaybookFault extends Fault {
  /** The file as it was opened. */
  readonly file: string;
  readonly line?: number;
}

export type PlaybookReading =
  | { readonly ok: true; readonly playbook: Playbook; readonly faults: readonly PlaybookFault[] }
  | { readonly ok: false; readonly faults: readonly PlaybookFault[] };

/** Reads and checks the playbook of a folder, or the one that comes with Evenkeel. `ok` with faults: all are warnings. */
export async function readPlaybook(dir: string | undefined): Promise<PlaybookReading> {
  const keys = Object.keys(files) as (keyof Playbook)[];
  const sources = new Map<keyof Playbook, { file: string; source: YamlSource }>();
  for (const key of keys) sources.set(key, await open(dir, files[key].name));
  const shaped: Partial<Record<keyof Playbook, unknown>> = {};
  const faults: PlaybookFault[] = [];
  const report = (key: keyof Playbook, found: readonly Fault[]): void => {
    const { file, source } = sources.get(key) ?? { file: files[key].name, source: undefined };
    for (const fault of found) {
      const line = source?.ok === true ? source.lineOf(fault.path) : undefined;
      faults.push({ file, ...fault, ...(line === undefined ? {} : { line }) });
    }
  };
  for (const [key, { file, source }] of sources) {
    if (!source.ok) {
      faults.push(...source.faults.map(({ line, message }) => ({ file, line, path: '', message, severity: 'error' as const })));
      continue;
    }
    const { faults: wrong } = checkShape(files[key].schema, source.value);
    report(key, wrong);
    if (wrong.length === 0) shaped[key] = source.value;
  }
  for (const key of keys) report(key, files[key].lint(shaped as Partial<Playbook>));
  if (faults.some(({ severity }) => severity === 'error')) return { ok: false, faults };
  return { ok: true, playbook: shaped as unknown as Playbook, faults };
}

async function open(dir: string | undefined, name: string): Promise<{ file: string; source: YamlSource }> {
  for (const folder of dir === undefined ? [builtInPlaybook] : [dir, builtInPlaybook]) {
    const file = join(folder, name);
    try {
      return { file, source: readYaml(await readFile(file, 'utf8')) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
      return { file, source: { ok: false, faults: [{ line: 1, message: `cannot be read: ${(error as Error).message}` }] } };
    }
  }
  return { file: name, source: { ok: false, faults: [{ line: 1, message: `is neither in ${dir ?? builtInPlaybook} nor in the playbook that comes with Evenkeel.` }] } };
}
