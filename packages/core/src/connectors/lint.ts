/** Everything that can be said about a manifest before it meets a vendor: its shape first, then what it means. */
import type { Fault } from './fault.ts';
import { error } from './fault.ts';

/** All faults of a manifest, errors and warnings, in the order of the manifest. Never throws, whatever it is given. */
export function lintManifest(input: unknown): Fault[] {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return [error('', 'A manifest is a JSON object.')];
  return [];
}
