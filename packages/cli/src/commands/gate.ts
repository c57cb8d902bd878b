/** `evenkeel gate`: may this deployment go ahead? For a step in CI: one line, and an exit code. */
import { changeKinds } from '@evenkeel/core/objectives/deploy-gate.ts';
import { jsonOption, serverOptions, UsageError, type Command } from '../command.ts';
import { connect, textOf } from '../connection.ts';
import { exitCodes } from '../exit-code.ts';
import { printable } from '../table.ts';

export const gate: Command = {
  words: ['gate'],
  summary: 'Ask the deploy gate of an objective; exits 0 to go ahead, 1 to stop.',
  operands: '<objective>',
  arity: [1, 1],
  options: {
    change: { type: 'string', value: '<kind>', description: `What is deployed: ${changeKinds.join(', ')}; default normal.` },
    scope: { type: 'string', value: '<scope>', description: 'overall (default), connector:<id>, category:<id> or tenant:<id>.' },
    ...jsonOption,
    ...serverOptions,
  },
  details: ['Exits 0 when the gate is open, 1 when it is closed, 3 when the server cannot be reached, 4 when it refuses the question.', 'While nothing can be said, the answer is the policy\'s gate.when_unknown.'],
  async run(invocation) {
    const { positionals, values, out, signal } = invocation;
    const written = textOf(values['change']);
    const change = changeKinds.find((kind) => kind === (written ?? 'normal'));
    if (change === undefined) throw new UsageError(`--change must be one of ${changeKinds.join(', ')}, not "${written}".`);
    const scope = textOf(values['scope']);
    const answer = await connect(invocation).objectives.gate({ objective: positionals[0] ?? '', change, ...(scope === undefined ? {} : { scope }) }, { signal });
    out.line(values['json'] === true ? JSON.stringify(answer, null, 2) : `${answer.decision}: ${printable(answer.reason)}`);
    return answer.decision === 'allow' ? exitCodes.ok.code : exitCodes.findings.code;
  },
};
