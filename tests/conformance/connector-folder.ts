/** A connector's folder as the conformance suite sees it: what was read from disk, nothing judged yet. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Fixture } from '@evenkeel/contract/fixture.ts';
import { WebhookFixture } from '@evenkeel/contract/webhook-fixture.ts';
import { withMappings } from '@evenkeel/core/connectors/mapping/mapping-files.ts';
import type { Fault } from '@evenkeel/core/connectors/lint/fault.ts';
import { checkShape } from '@evenkeel/core/connectors/lint/shape.ts';

const connectorsRoot = join(import.meta.dirname, '../../connectors');

export interface FixtureFile {
  /** File name without its ending. */
  readonly name: string;
  readonly fixture: Fixture;
  /** Of its shape; a fixture with faults must not be replayed. */
  readonly faults: readonly Fault[];
}
export interface WebhookFixtureFile {
  readonly name: string;
  readonly fixture: WebhookFixture;
  readonly faults: readonly Fault[];
}
export interface ConnectorFolder {
  readonly id: string;
  readonly path: string;
  readonly manifest: unknown;
  readonly fixtures: readonly FixtureFile[];
  readonly webhookFixtures: readonly WebhookFixtureFile[];
  /** Empty when the file is missing. */
  readonly readme: string;
  readonly icon: string;
}

/** Every folder under connectors/, by name. */
export function connectorFolders(): ConnectorFolder[] {
  return readdirSync(connectorsRoot, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => readFolder(entry.name))
    .toSorted((one, other) => (one.id < other.id ? -1 : 1));
}

function readFolder(id: string): ConnectorFolder {
  const path = join(connectorsRoot, id);
  return {
    id,
    path,
    manifest: withMappings(readJson(join(path, 'connector.json')), readMappings(join(path, 'mappings'))),
    fixtures: readFixtures<Fixture>(join(path, 'fixtures'), Fixture),
    webhookFixtures: readFixtures<WebhookFixture>(join(path, 'fixtures/webhooks'), WebhookFixture),
    readme: readText(join(path, 'README.md')),
    icon: readText(join(path, 'icon.svg')),
  };
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8')) as unknown;
}

function readMappings(path: string): { name: string; mapping: unknown }[] {
  if (!existsSync(path)) return [];
  return readdirSync(path)
    .filter((file) => file.endsWith('.json'))
    .toSorted()
    .map((file) => ({ name: basename(file, '.json'), mapping: readJson(join(path, file)) }));
}

function readText(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

function readFixtures<Kind>(path: string, schema: object): { name: string; fixture: Kind; faults: readonly Fault[] }[] {
  if (!existsSync(path)) return [];
  return readdirSync(path)
    .filter((file) => file.endsWith('.json'))
    .toSorted()
    .map((file) => {
      const fixture: unknown = JSON.parse(readFileSync(join(path, file), 'utf8'));
      return { name: basename(file, '.json'), fixture: fixture as Kind, faults: checkShape(schema, fixture).faults };
    });
}
