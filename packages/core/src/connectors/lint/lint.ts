/** Everything that can be said about a manifest before it meets a vendor: its shape first, then what it means. */
import { Manifest } from '@evenkeel/contract/manifest/manifest.ts';
import { error, type Fault } from './fault.ts';
import { mappingFaults } from './mapping-lint.ts';
import { referenceFaults } from './lint-references.ts';
import { structureFaults } from './lint-structure.ts';
import { readTexts } from './lint-text.ts';
import { checkShape, isRecord } from './shape.ts';
import { webhookFaults } from './webhook-lint.ts';

const maxNodes = 100_000;
const maxDepth = 64;
const maxFaults = 1_000;

/** All faults of a manifest: errors, which refuse it, and warnings. Each place and message once. Never throws, whatever it is given. */
export function lintManifest(input: unknown): Fault[] {
  try {
    const size = sizeFault(input);
    return size === undefined ? collect(input) : [size];
  } catch {
    return [error('', 'The manifest is not plain JSON data.')];
  }
}

function collect(input: unknown): Fault[] {
  const { faults, held } = checkShape(Manifest, input);
  const texts = readTexts(held);
  // Mappings have rules of their own, and are the larger part.
  const own = withoutMappings(input);
  const all = [...faults, ...texts.faults, ...referenceFaults(own, texts.references), ...structureFaults(own, texts.references), ...(faults.length === 0 ? [...mappingFaults(input), ...webhookFaults(input)] : [])];
  const told = new Set<string>();
  const once = all.filter(({ path, message }) => {
    const key = `${path}\n${message}`;
    const repeated = told.has(key);
    told.add(key);
    return !repeated;
  });
  if (once.length <= maxFaults) return once;
  return [...once.slice(0, maxFaults), error('', `There are ${once.length - maxFaults} further faults.`)];
}

function withoutMappings(input: unknown): unknown {
  if (!isRecord(input) || input['mappings'] === undefined) return input;
  const { mappings: _apart, ...own } = input;
  return own;
}

/** Bounds the work of everything that follows, and finds cycles: they have no bottom. */
function sizeFault(input: unknown): Fault | undefined {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return error('', 'A manifest is a JSON object.');
  let nodes = 0;
  let level: unknown[] = [input];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > maxDepth) return error('', `The manifest nests deeper than ${maxDepth} levels.`);
    const below: unknown[] = [];
    for (const node of level) {
      if (typeof node !== 'object' || node === null) continue;
      const members: unknown[] = Array.isArray(node) ? node : Object.values(node);
      nodes += members.length;
      if (nodes > maxNodes) return error('', `The manifest holds more than ${maxNodes} values.`);
      for (const member of members) below.push(member);
    }
    level = below;
  }
  return undefined;
}
