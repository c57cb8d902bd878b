/** `evenkeel demo`: everything on one machine, with simulated vendors. */
import type { Command } from '../command.ts';

export const demo: Command = {
  words: ['demo'],
  summary: 'Run the server with simulated vendors, connected accounts and traffic.',
  operands: '',
  arity: [0, 0],
  options: {
    'sandbox-port': { type: 'string', value: '<port>', description: 'Port of the simulated vendors; default 4410.' },
    'receiver-port': { type: 'string', value: '<port>', description: 'Port of the demo\'s own receiver of webhooks; default 4420.' },
    rate: { type: 'string', value: '<n>', description: 'Calls a second that the demo sends; default 4, 0 for none.' },
  },
  details: ['Reads the environment of evenkeel start, but EVENKEEL_HOST_MAP. Data is kept in .evenkeel/ of the checkout unless EVENKEEL_DATA_DIR says otherwise.'],
  async run(invocation) {
    const { runDemo } = await import('../demo/demo.ts'); // A second of modules that no other command needs.
    return runDemo(invocation);
  },
};
