/** The rules of a vendor: of the catalogue's connector, or of the section beside this file in a manifest of its own. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileConnector, type Connector } from '@evenkeel/core/connectors/compile.ts';
import { connectorFolders } from '../connector-folder.ts';

export const catalogue: ReadonlyMap<string, unknown> = new Map(connectorFolders().map(({ id, manifest }) => [id, manifest]));

/** A further vendor's section stands alone; the rest of its manifest does not matter here. */
export function manifestOf(vendor: string): unknown {
  const known = catalogue.get(vendor);
  if (known !== undefined) return known;
  const webhooks: unknown = JSON.parse(readFileSync(join(import.meta.dirname, `${vendor}.json`), 'utf8'));
  const names = (root: string): string[] => [...new Set([...JSON.stringify(webhooks).matchAll(new RegExp(`\\{\\{${root}\\.(\\w+)`, 'g'))].map(([, name = '']) => name))];
  const field = (name: string, secret: boolean): object => ({ name, label: name, secret, required: false });
  return {
    manifest: 1, id: vendor, name: vendor, categories: [],
    app_fields: names('app').filter((name) => !name.startsWith('client_')).map((name) => field(name, true)),
    auth: [{ type: 'api_key', id: 'key', fields: names('secret').map((name) => field(name, true)), apply: {} }],
    http: { base_url: 'https://api.vendor.example' },
    resources: { things: { list: { method: 'GET', path: '/things' } } },
    validation: { request: { method: 'GET', path: '/me' } },
    webhooks,
  };
}

const connectors = new Map<string, Connector>();
export function connectorOf(vendor: string): Connector {
  const known = connectors.get(vendor);
  if (known !== undefined) return known;
  const compiled = compileConnector(manifestOf(vendor));
  if (!compiled.ok) assert.fail(JSON.stringify(compiled.faults, null, 1));
  connectors.set(vendor, compiled.connector);
  return compiled.connector;
}
