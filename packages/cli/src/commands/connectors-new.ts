/** `evenkeel connectors new`: the folder of a new connector. */
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { UsageError, type Command } from '../command.ts';
import { textOf } from '../connection.ts';
import { exitCodes } from '../exit-code.ts';
import { nameOf, scaffold } from '../scaffold.ts';

export const connectorsNew: Command = {
  words: ['connectors', 'new'],
  summary: 'Make the folder of a new connector, ready to be edited.',
  operands: '<id>',
  arity: [1, 1],
  options: {
    dir: { type: 'string', value: '<folder>', description: 'Folder to make it in; default connectors.' },
    name: { type: 'string', value: '<name>', description: 'Name of the vendor as people write it; default made from the id.' },
  },
  async run({ positionals, values, cwd, out }) {
    const [id = ''] = positionals;
    if (!/^[a-z][a-z0-9-]{0,62}$/.test(id)) throw new UsageError(`"${id}" cannot be the id of a connector: lower-case letters, digits and hyphens, a letter first, 63 at most.`);
    const parent = resolve(cwd, textOf(values['dir']) ?? 'connectors');
    const folder = join(parent, id);
    if (await stat(folder).then(() => true, () => false)) throw new UsageError(`${relative(cwd, folder)} is there already; nothing was changed.`);
    for (const [file, content] of Object.entries(scaffold(id, textOf(values['name']) ?? nameOf(id)))) {
      await mkdir(dirname(join(folder, file)), { recursive: true });
      await writeFile(join(folder, file), content, { flag: 'wx' });
      out.line(relative(cwd, join(folder, file)));
    }
    const shown = relative(cwd, folder);
    out.note(`Next: edit ${shown}/connector.json, then evenkeel connectors lint ${shown} and evenkeel connectors test ${shown}`);
    return exitCodes.ok.code;
  },
};
