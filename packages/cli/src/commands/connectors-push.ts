/** `evenkeel connectors push` and `rollback`: versions of a connector on a running server. */
import { EvenkeelError } from '@evenkeel/sdk/error.ts';
import { jsonOption, serverOptions, UsageError, type Command } from '../command.ts';
import { connect } from '../connection.ts';
import { findConnectors, readJsonFile } from '../connector-folder.ts';
import { exitCodes } from '../exit-code.ts';
import { faultLine } from '../fault-line.ts';

export const connectorsPush: Command = {
  words: ['connectors', 'push'],
  summary: 'Put a connector on the server as a new version; it takes effect without a restart.',
  operands: '<folder>',
  arity: [1, 1],
  options: { ...jsonOption, ...serverOptions },
  async run(invocation) {
    const { positionals, cwd, out, signal, values } = invocation;
    const [connector] = await findConnectors(positionals, cwd);
    if (connector === undefined) throw new UsageError('no connector is named.');
    const manifest = await readJsonFile(`${connector.folder}/connector.json`);
    if (!manifest.ok) {
      out.note(`${connector.manifestPath}: ${manifest.message}`);
      return exitCodes.findings.code;
    }
    const id = (manifest.value as { id?: unknown } | null)?.id;
    if (typeof id !== 'string' || id === '') throw new UsageError(`${connector.manifestPath} has no id.`);
    try {
      const answer = await connect(invocation).connectors.put(id, manifest.value as object, { signal });
      out.line(values['json'] ? JSON.stringify(answer, null, 2) : `${id} is at version ${String(answer['version'])}.`);
      return exitCodes.ok.code;
    } catch (error) {
      if (!(error instanceof EvenkeelError) || error.code !== 'connector_invalid') throw error;
      const faults = error.problem?.errors ?? [];
      if (values['json']) out.line(JSON.stringify({ faults }, null, 2));
      else for (const fault of faults) out.line(faultLine(connector.manifestPath, fault));
      out.note(`evenkeel: ${id} was refused with ${faults.length} faults; the server keeps the version it has.`);
      return exitCodes.findings.code;
    }
  },
};

export const connectorsRollback: Command = {
  words: ['connectors', 'rollback'],
  summary: 'Take a connector back to the version before.',
  operands: '<id>',
  arity: [1, 1],
  options: { ...jsonOption, ...serverOptions },
  async run(invocation) {
    const [id = ''] = invocation.positionals;
    const answer = await connect(invocation).connectors.rollback(id, { signal: invocation.signal });
    invocation.out.line(invocation.values['json'] ? JSON.stringify(answer, null, 2) : `${id} is back at version ${String(answer['version'])}.`);
    return exitCodes.ok.code;
  },
};
