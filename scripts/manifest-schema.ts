/**
 * The published JSON Schemas of the manifest and of a mapping: the TypeBox schema with its named parts moved to $defs, because each
 * use of a part is a copy of it and the whole would be twenty times as long.
 */
import * as auth from '@evenkeel/contract/manifest/auth.ts';
import { Manifest } from '@evenkeel/contract/manifest/manifest.ts';
import * as manifest from '@evenkeel/contract/manifest/manifest.ts';
import { Mapping } from '@evenkeel/contract/manifest/mapping.ts';
import * as mapping from '@evenkeel/contract/manifest/mapping.ts';
import * as request from '@evenkeel/contract/manifest/request.ts';
import * as response from '@evenkeel/contract/manifest/response.ts';
import * as value from '@evenkeel/contract/manifest/value.ts';
import * as webhooks from '@evenkeel/contract/manifest/webhooks.ts';

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

function toJson(schema: unknown): Json {
  const parsed: unknown = JSON.parse(JSON.stringify(schema));
  return parsed as Json;
}

/** Branches told apart by `const` alone are an `enum`, which editors complete. */
function asEnum({ anyOf, ...rest }: { [key: string]: Json }): { [key: string]: Json } | undefined {
  if (!Array.isArray(anyOf)) return undefined;
  const constants = anyOf.map((branch) => (branch !== null && typeof branch === 'object' && !Array.isArray(branch) ? branch['const'] : undefined));
  return constants.every((constant) => typeof constant === 'string') ? { type: 'string', enum: constants, ...rest } : undefined;
}

/** The linter's own annotations, and a keyword of OpenAPI that `oneOf` over constants makes unnecessary. */
const unpublished: ReadonlySet<string> = new Set([value.holdsKey, 'discriminator']);

export const manifestSchema = (): Json => published(Manifest);
export const mappingSchema = (): Json => ({ $id: 'https://evenkeel.dev/schemas/mapping.v1.json', ...(published(Mapping) as { [key: string]: Json }) });

/** Equal parts become one definition; a part shorter than a reference to it stays where it is. */
export function published(top: object, rooms: readonly object[] = [value, request, response, auth, mapping, webhooks, manifest]): Json {
  const names = new Map<string, string>();
  for (const room of rooms) {
    for (const [name, schema] of Object.entries(room) as [string, unknown][]) {
      if (schema === top || typeof schema !== 'object' || schema === null || !('type' in schema || 'anyOf' in schema)) continue;
      const text = JSON.stringify(schema);
      if (text.length > 80 && !names.has(text)) names.set(text, name);
    }
  }
  const definitions: Record<string, Json> = {};
  const fold = (node: Json, top = false): Json => {
    if (Array.isArray(node)) return node.map((item) => fold(item));
    if (node === null || typeof node !== 'object') return node;
    const name = top ? undefined : names.get(JSON.stringify(node));
    if (name === undefined) {
      const kept = Object.entries(asEnum(node) ?? node).filter(([key]) => !unpublished.has(key));
      return Object.fromEntries(kept.map(([key, child]) => [key, fold(child)]));
    }
    if (!(name in definitions)) {
      definitions[name] = {};
      definitions[name] = fold(node, true);
    }
    return { $ref: `#/$defs/${name}` };
  };
  const root = fold(toJson(top), true);
  const $defs = Object.fromEntries(Object.entries(definitions).sort(([a], [b]) => (a < b ? -1 : 1)));
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', ...(root as { [key: string]: Json }), $defs };
}
