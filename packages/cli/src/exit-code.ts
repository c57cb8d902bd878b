/** The exit codes of every command; `evenkeel help` prints them. */
export const exitCodes = {
  ok: { code: 0, meaning: 'done, nothing found' },
  findings: { code: 1, meaning: 'it ran and something is wrong: faults in a manifest, a failed fixture, a failed start' },
  usage: { code: 2, meaning: 'wrong arguments or configuration; nothing was done' },
  unreachable: { code: 3, meaning: 'the server cannot be reached' },
  refused: { code: 4, meaning: 'the server refused, or failed to do it' },
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]['code'];
