/**
 * No vendor's name in the TypeScript of the engine. The names are the ids and display names under connectors/.
 * Most are looked for anywhere, comments included, as a word or part of an identifier (getHubspotContacts).
 * Names that are also English words are looked for only where they can hardly be the word: as a whole string
 * literal, as a host ("api.linear.app"), and in the spelling of the display name inside a longer string.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { walk } from './syntax.ts';
import { lineAt, type Module, type Tree } from './tree.ts';
import type { Violation } from './violation.ts';

const engine = new Set(['contract', 'core', 'server', 'sdk', 'cli', 'console']);

/** Vendors named like English words (or words of this field); everything else is matched anywhere. */
const englishWords = new Set([
  'linear', 'front', 'lever', 'close', 'notion', 'slack', 'stripe', 'square', 'box', 'drift', 'monday', 'shortcut', 'copper',
  'harvest', 'float', 'workday', 'segment', 'plaid', 'ramp', 'wave', 'sage', 'pylon', 'plain', 'loop', 'teams', 'drive', 'calendar',
]);

export interface Vendor {
  readonly id: string;
  readonly name: string;
}

/** The connectors of the tree; a folder without a readable connector.json counts by its name. */
export function readVendors(root: string): Vendor[] {
  const folder = join(root, 'connectors');
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => {
      const file = join(folder, entry.name, 'connector.json');
      const manifest: unknown = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
      const name = typeof manifest === 'object' && manifest !== null && 'name' in manifest && typeof manifest.name === 'string' ? manifest.name : entry.name;
      return { id: entry.name, name };
    });
}

const escape = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Case-insensitive; spaces, dashes and underscores of the name may be missing, so that identifiers match too. */
const anywhere = (vendor: Vendor): RegExp => {
  const loose = (text: string): string => text.split(/[\s_-]+/).map(escape).join('[\\s_-]?');
  return new RegExp(`(?:${loose(vendor.id)}|${loose(vendor.name)})`, 'gi');
};

export function vendorNames(tree: Tree): Violation[] {
  const vendors = readVendors(tree.root);
  const found: Violation[] = [];
  for (const module of tree.modules.values()) {
    if (!engine.has(module.unit) || module.isTest) continue;
    for (const vendor of vendors) {
      const lines = englishWords.has(vendor.id) ? asLiteral(module, vendor) : asText(module, vendor);
      for (const line of new Set(lines)) found.push({ path: module.path, line, message: `names the vendor ${vendor.name}; express it in its manifest` });
    }
  }
  return found;
}

function asText(module: Module, vendor: Vendor): number[] {
  return [...module.source.matchAll(anywhere(vendor))]
    .filter(({ index }) => !module.source.slice(0, index).endsWith('https://') || !isComment(module, index))
    .map(({ index }) => lineAt(module.source, index));
}

/** A comment may cite a specification or an issue by its address. */
const isComment = (module: Module, at: number): boolean => module.comments.some((comment) => comment.start <= at && at < comment.end);

function asLiteral(module: Module, vendor: Vendor): number[] {
  const lines: number[] = [];
  const host = new RegExp(`(^|[./])${escape(vendor.id)}\\.(com|app|io|net|co|org|dev)\\b`, 'i');
  const display = new RegExp(`\\s${escape(vendor.name)}\\b`);
  walk(module.program, (node) => {
    const text = node.type === 'Literal' ? node.value : node.type === 'TemplateElement' ? node.value.cooked : undefined;
    if (typeof text !== 'string') return;
    if (text.toLowerCase() === vendor.id || text === vendor.name || host.test(text) || display.test(text)) lines.push(lineAt(module.source, node.start));
  });
  return lines;
}
