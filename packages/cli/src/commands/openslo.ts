/** `evenkeel export openslo` and `evenkeel playbook import`: objectives as OpenSLO v1 documents, and back. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { isOpenSlo, readSlo } from '@evenkeel/core/objectives/interchange/openslo-reading.ts';
import { openSloDocuments } from '@evenkeel/core/objectives/interchange/openslo.ts';
import { parseAllDocuments, stringify } from 'yaml';
import { UsageError, type Command } from '../command.ts';
import { textOf } from '../connection.ts';
import { exitCodes } from '../exit-code.ts';
import { openObjectives, openPlaybook, playbookOption } from './playbook.ts';

const written = (value: object): string => stringify(value, { lineWidth: 0, aliasDuplicateObjects: false }).trimEnd();

export const exportOpenSlo: Command = {
  words: ['export', 'openslo'],
  summary: 'The objectives as OpenSLO v1 documents.',
  operands: '',
  arity: [0, 0],
  options: { ...playbookOption },
  details: ['The second window of an alert stands in an annotation: OpenSLO has one window a condition.'],
  async run(invocation) {
    const { objectives, policy } = await openObjectives(invocation);
    invocation.out.line(openSloDocuments(objectives, policy).map(written).join('\n---\n'));
    return exitCodes.ok.code;
  },
};

export const playbookImport: Command = {
  words: ['playbook', 'import'],
  summary: 'OpenSLO v1 documents as objectives for objectives.yaml, on standard output.',
  operands: '<file>',
  arity: [1, 1],
  options: { indicator: { type: 'string', value: '<name>', description: 'Indicator of the playbook for all of them; default the one each names.' }, ...playbookOption },
  details: ['Fields Evenkeel does not know are kept with the objective, and given back by export openslo.'],
  async run(invocation) {
    const { positionals, values, out, cwd } = invocation;
    const [file = ''] = positionals;
    const text = await readFile(resolve(cwd, file), 'utf8').catch(() => {
      throw new UsageError(`${file} cannot be read.`);
    });
    const playbook = await openPlaybook(invocation);
    const documents = parseAllDocuments(text).map((document) => {
      if (document.errors[0] !== undefined) throw new UsageError(`${file} is not YAML: ${document.errors[0].message}`);
      return document.toJS() as unknown;
    });
    const slos = documents.filter(isOpenSlo).filter(({ kind }) => kind === 'SLO');
    if (slos.length === 0) throw new UsageError(`${file} holds no document of apiVersion openslo/v1 and kind SLO.`);
    const indicator = textOf(values['indicator']);
    const readings = slos.map((document) => ({ name: document.metadata['name'], reading: readSlo(document, Object.keys(playbook.objectives.indicators), indicator) }));
    for (const { name, reading } of readings) if (!reading.ok) for (const fault of reading.faults) out.note(`${file}: ${String(name as string)}: ${fault}`);
    const objectives = readings.flatMap(({ reading }) => (reading.ok ? [reading.objective] : []));
    if (objectives.length > 0) out.line(written({ objectives }));
    return objectives.length === readings.length ? exitCodes.ok.code : exitCodes.findings.code;
  },
};
