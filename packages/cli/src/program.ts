/** From arguments to a command: finds it, parses its options, prints help, and turns failures into exit codes. */
import { parseArgs } from 'node:util';
import { nearest } from '@evenkeel/core/connectors/lint/fault.ts';
import { EvenkeelError } from '@evenkeel/sdk/error.ts';
import type { Command, Invocation } from './command.ts';
import { UsageError } from './command.ts';
import { exitCodes, type ExitCode } from './exit-code.ts';

export type Surroundings = Omit<Invocation, 'positionals' | 'values'>;

/** Runs one command line. Expected failures become an exit code and one line on standard error; bugs are thrown. */
export async function runProgram(args: readonly string[], commands: readonly Command[], around: Surroundings): Promise<ExitCode> {
  try {
    return await dispatch(args, commands, around);
  } catch (error) {
    if (error instanceof UsageError) {
      around.out.note(`evenkeel: ${error.message}`);
      return exitCodes.usage.code;
    }
    if (error instanceof EvenkeelError) return reportRefusal(error, around);
    throw error;
  }
}

async function dispatch(args: readonly string[], commands: readonly Command[], around: Surroundings): Promise<ExitCode> {
  const words = args[0] === 'help' ? args.slice(1) : args;
  const wantsHelp = args[0] === 'help' || args.includes('--help') || args.includes('-h');
  const command = commands.find((one) => one.words.every((word, index) => words[index] === word));
  if (command === undefined) {
    const group = commands.filter((one) => one.words.length > 1 && one.words[0] === words[0]);
    const wrong = words[group.length > 0 ? 1 : 0];
    if (wrong !== undefined && !wrong.startsWith('-')) throw new UsageError(unknownCommand(words, group.length > 0 ? group : commands));
    if (wantsHelp) around.out.line(overview(group.length > 0 ? group : commands));
    else around.out.note(overview(group.length > 0 ? group : commands));
    return wantsHelp ? exitCodes.ok.code : exitCodes.usage.code;
  }
  if (wantsHelp) {
    around.out.line(helpOf(command));
    return exitCodes.ok.code;
  }
  return command.run({ ...around, ...parse(command, words.slice(command.words.length)) });
}

function parse(command: Command, args: readonly string[]): Pick<Invocation, 'positionals' | 'values'> {
  const options = Object.fromEntries(Object.entries(command.options).map(([name, { type }]) => [name, { type }]));
  const name = `evenkeel ${command.words.join(' ')}`;
  const unknown = args.find((arg) => arg.startsWith('--') && arg.length > 2 && !Object.hasOwn(options, arg.slice(2).split('=', 1)[0] ?? ''));
  const stop = args.indexOf('--');
  if (unknown !== undefined && (stop === -1 || args.indexOf(unknown) < stop)) {
    throw new UsageError(`${name} has no option ${unknown}.${suggestion(unknown.slice(2), Object.keys(options), '--')} See ${name} --help.`);
  }
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    const [least, most] = command.arity;
    if (positionals.length < least) throw new UsageError(`${name} needs ${command.operands}. See ${name} --help.`);
    if (positionals.length > most) throw new UsageError(`${name} takes ${command.operands || 'no arguments'}; "${positionals[most]}" is too much.`);
    return { values, positionals };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${(error as Error).message.split('. ')[0]}. See ${name} --help.`);
  }
}

function unknownCommand(words: readonly string[], candidates: readonly Command[]): string {
  const depth = candidates.every((one) => one.words[0] === words[0]) ? 1 : 0;
  const written = words[depth] ?? '';
  const names = candidates.map((one) => one.words[depth] ?? '');
  const prefix = depth === 0 ? '' : `${words[0]} `;
  return `there is no command "${prefix}${written}".${suggestion(written, names, prefix)} See evenkeel help.`;
}

function suggestion(written: string, names: readonly string[], prefix: string): string {
  const meant = nearest(written, names);
  return meant === undefined ? '' : ` Did you mean ${prefix}${meant}?`;
}

/** A server that cannot be reached differs from one that says no: scripts retry the first. */
function reportRefusal(error: EvenkeelError, { out }: Surroundings): ExitCode {
  const request = error.requestId === undefined ? '' : ` (request ${error.requestId})`;
  out.note(`evenkeel: ${error.message}${error.code === 'network_error' ? '' : ` [${error.code}, ${error.origin}]${request}`}`);
  if (error.code === 'network_error') return exitCodes.unreachable.code;
  return exitCodes.refused.code;
}

function synopsis({ words, operands }: Command): string {
  return `evenkeel ${words.join(' ')}${operands === '' ? '' : ` ${operands}`}`;
}

function overview(commands: readonly Command[]): string {
  const width = Math.max(...commands.map((command) => synopsis(command).length));
  const codes = Object.values(exitCodes).map(({ code, meaning }) => `  ${code}  ${meaning}`);
  return [
    ...commands.map((command) => `  ${synopsis(command).padEnd(width)}  ${command.summary}`),
    '',
    'evenkeel <command> --help tells more about one. Exit codes:',
    ...codes,
  ].join('\n');
}

function helpOf(command: Command): string {
  const rows = Object.entries(command.options).map(([name, { value, description }]) => [`--${name}${value === undefined ? '' : ` ${value}`}`, description] as const);
  const width = Math.max(0, ...rows.map(([flag]) => flag.length));
  return [
    synopsis(command),
    `  ${command.summary}`,
    ...(command.details === undefined ? [] : ['', ...command.details.map((line) => `  ${line}`)]),
    ...(rows.length === 0 ? [] : ['', ...rows.map(([flag, description]) => `  ${flag.padEnd(width)}  ${description}`)]),
  ].join('\n');
}
