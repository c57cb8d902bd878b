/** A connector's folder keeps each mapping in a file of its own; as data it is one document, and one version. */
import { isRecord } from '../lint/shape.ts';

export interface MappingFile {
  /** File name without its ending: `crm.contacts`. */
  readonly name: string;
  readonly mapping: unknown;
}

/** The manifest with the mappings of its folder; those it states itself give way to files of the same name. */
export function withMappings(manifest: unknown, files: readonly MappingFile[]): unknown {
  if (!isRecord(manifest) || files.length === 0) return manifest;
  const stated = isRecord(manifest['mappings']) ? manifest['mappings'] : {};
  return { ...manifest, mappings: { ...stated, ...Object.fromEntries(files.map(({ name, mapping }) => [name, mapping])) } };
}
