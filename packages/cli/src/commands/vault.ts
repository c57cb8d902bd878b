/** `evenkeel vault …`: the master keys, what stands under each, and their rotation. */
import { setTimeout as pause } from 'node:timers/promises';
import type { VaultStatus } from '@evenkeel/sdk/generated/contract.ts';
import { jsonOption, serverOptions, type Command, type Invocation } from '../command.ts';
import { connect } from '../connection.ts';
import { exitCodes, type ExitCode } from '../exit-code.ts';
import { progressBar } from '../progress-bar.ts';
import { printable, table } from '../table.ts';

export const vaultStatus: Command = {
  words: ['vault', 'status'],
  summary: 'Show the master keys, what is sealed with each, and how far a rotation is.',
  operands: '',
  arity: [0, 0],
  options: { ...jsonOption, ...serverOptions },
  details: ['Exits 1 when records cannot be opened.'],
  async run(invocation) {
    return show(invocation, await connect(invocation).vault.status({ signal: invocation.signal }));
  },
};

export const vaultRotate: Command = {
  words: ['vault', 'rotate'],
  summary: 'Seal with the new master key that every node was given, and re-encrypt what stands under the old one.',
  operands: '',
  arity: [0, 0],
  options: { wait: { type: 'boolean', description: 'Wait until the old key is retired.' }, ...jsonOption, ...serverOptions },
  details: ['Every node must have been restarted with the new key first; see docs/guides/keys.md.', 'The rotation goes on at the server whether or not somebody waits; repeating the command is harmless.'],
  async run(invocation) {
    const { values, signal } = invocation;
    const begun = await connect(invocation).vault.rotate({ signal });
    return show(invocation, values['wait'] === true ? await untilRetired(invocation, begun) : begun);
  },
};

async function untilRetired(invocation: Invocation, begun: VaultStatus): Promise<VaultStatus> {
  const { out, signal } = invocation;
  const client = connect(invocation);
  const draw = progressBar(out, 'records');
  let status = begun;
  let waiting = false;
  for (;;) {
    const { progress } = status;
    if (progress === null) return status;
    draw(progress.done, progress.total);
    if (progress.finished_at !== null || isStuck(progress)) return status;
    if (progress.remaining === 0 && !waiting) {
      waiting = true;
      out.note('Waiting until no node can still write with the old key.');
    }
    // Counting a million records takes the database a tenth of a second.
    try {
      await pause(progress.remaining > 100_000 ? 5_000 : 1_000, undefined, { signal });
      status = await client.vault.status({ signal });
    } catch (error) {
      if (!signal.aborted) throw error;
      out.note('No longer waiting; the rotation goes on at the server.');
      return status;
    }
  }
}

const isStuck = ({ remaining, unreadable }: { remaining: number; unreadable: number }): boolean => unreadable > 0 && remaining === unreadable;

function show({ values, out }: Invocation, status: VaultStatus): ExitCode {
  const { keys, nodes, progress } = status;
  if (values['json'] === true) out.line(JSON.stringify(status, null, 2));
  else {
    out.line(table(['KEY', 'STATE', 'RECORDS', 'SINCE'], keys.map((key) => [key.id, key.state, String(key.records), key.retired_at ?? key.promoted_at ?? key.created_at])));
    out.line(`\n${table(['NODE', 'SEALS WITH', 'KNOWS'], nodes.map((node) => [printable(node.id), node.sealing_with, node.keys.join(' ')]))}`);
    if (progress !== null) out.line(`\nRotation to ${progress.to}: ${progress.done} of ${progress.total} records re-encrypted${progress.unreadable > 0 ? `, ${progress.unreadable} cannot be opened` : ''}${progress.finished_at === null ? '' : `; finished ${progress.finished_at}`}.`);
    out.line(`\n${printable(status.next_step)}`);
  }
  return progress !== null && progress.unreadable > 0 ? exitCodes.findings.code : exitCodes.ok.code;
}
