/** `evenkeel connectors lint`: every fault of a manifest, with its place and what was probably meant. */
import type { Fault } from '@evenkeel/core/connectors/lint/fault.ts';
import { jsonOption, type Command } from '../command.ts';
import { findConnectors, readManifest, type ConnectorFolder } from '../connector-folder.ts';
import { exitCodes } from '../exit-code.ts';
import { faultLine } from '../fault-line.ts';

export const connectorsLint: Command = {
  words: ['connectors', 'lint'],
  summary: 'Check connector manifests; without a path, those in ./connectors.',
  operands: '[path…]',
  arity: [0, Infinity],
  options: { ...jsonOption },
  details: ['A path is a connector\'s folder or its connector.json. Warnings alone exit 0.'],
  async run({ positionals, cwd, out, values }) {
    const connectors = await findConnectors(positionals, cwd);
    const reports = await Promise.all(connectors.map(async (connector) => ({ file: connector.manifestPath, faults: await lintFolder(connector) })));
    const faults = reports.flatMap((report) => report.faults);
    const errors = faults.filter(({ severity }) => severity === 'error').length;
    if (values['json']) out.line(JSON.stringify(reports, null, 2));
    else for (const report of reports) for (const fault of report.faults) out.line(faultLine(report.file, fault));
    out.note(`${count(connectors.length, 'connector')}, ${count(errors, 'error')}, ${count(faults.length - errors, 'warning')}`);
    return errors > 0 ? exitCodes.findings.code : exitCodes.ok.code;
  },
};

async function lintFolder(connector: ConnectorFolder): Promise<readonly Fault[]> {
  const manifest = await readManifest(connector.folder);
  if (!manifest.ok) return [{ path: '', message: manifest.message, severity: 'error' }];
  const { lintManifest } = await import('@evenkeel/core/connectors/lint/lint.ts');
  const faults = [...lintManifest(manifest.value)];
  const id = (manifest.value as { id?: unknown } | null)?.id;
  if (typeof id === 'string' && id !== connector.name) {
    faults.push({ path: 'id', message: `differs from its folder, which is called "${connector.name}"`, severity: 'error' });
  }
  return faults;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
