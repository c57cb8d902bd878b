/** How soon the guide says that each fault is told of: read from its table, so that what it states is what is tested. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const guide = await readFile(fileURLToPath(new URL('../../docs/guides/alerts.md', import.meta.url)), 'utf8');

/** Minutes that the guide states for the rule `watch` and a fault whose description begins with `fault`. */
export function statedMinutes(watch: string, fault: string): number {
  const rows = guide.split('\n').flatMap((line) => {
    const [, of, what, minutes] = /^\| `([a-z-]+)` \| (.+) \| (\d+) \|$/.exec(line) ?? [];
    return of === watch && what?.startsWith(fault) === true ? [Number(minutes)] : [];
  });
  const [minutes, ...others] = rows;
  assert.ok(minutes !== undefined && others.length === 0, `docs/guides/alerts.md states ${rows.length} times how soon ${watch} tells of: ${fault}`);
  return minutes;
}

/** The alert opened no later after `from`, when the fault began, than the guide states, and not before it. */
export function assertInTime(alert: { readonly opened_at: string } | undefined, from: Date, watch: string, fault: string): void {
  const minutes = (Date.parse(alert?.opened_at ?? '') - from.getTime()) / 60_000;
  assert.ok(minutes > 0 && minutes <= statedMinutes(watch, fault), `${watch}, ${fault}: told ${minutes} minutes after it began, stated are ${statedMinutes(watch, fault)}`);
}
