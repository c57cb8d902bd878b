/** `evenkeel start`: the server in production, configured by the environment alone. */
import { variables } from '@evenkeel/server/configuration.ts';
import type { Command } from '../command.ts';
import type { ExitCode } from '../exit-code.ts';

const width = Math.max(...Object.values(variables).map(({ name }) => name.length));

export const start: Command = {
  words: ['start'],
  summary: 'Run the server until it is told to end.',
  operands: '',
  arity: [0, 0],
  options: {},
  details: ['Environment:', ...Object.values(variables).map(({ name, description }) => `${name.padEnd(width)}  ${description}`)],
  async run({ environment }) {
    const { runServer } = await import('@evenkeel/server/main.ts'); // Half a second of modules that no other command needs.
    return (await runServer(environment)) as ExitCode;
  },
};
