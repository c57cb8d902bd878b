/** What a process has used of the processor, so that a benchmark can tell its cost on a machine that others use too. */
import { readFile } from 'node:fs/promises';

/** Microseconds of user and system time of all of them, in steps of 10 ms, without children; NaN where there is no /proc. */
export async function cpuUs(pids: readonly number[]): Promise<number> {
  const times = await Promise.all(pids.map(cpuUsOf));
  return pids.length === 0 ? Number.NaN : times.reduce((sum, us) => sum + us, 0);
}

/**
 * Microseconds of a process that starts the others and waits for their end, and of all of these, those that have ended
 * included: what ended stands in the first one's account, what runs in its own. NaN where the kernel does not tell.
 */
export async function cpuUsOfFamily(pid: number): Promise<number> {
  for (;;) {
    const before = await readStat(pid);
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => 'unknown');
    const running = await Promise.all(children.split(' ').filter((child) => child.trim() !== '').map((child) => readStat(Number(child))));
    const after = await readStat(pid);
    // A child that ended meanwhile would be counted twice, or not at all.
    if (running.some((child) => child === undefined) && after?.endedUs !== before?.endedUs) continue;
    return [after, ...running].reduce((sum, each) => sum + (each === undefined ? Number.NaN : each.ownUs + each.endedUs), 0);
  }
}

/** The process that started it; NaN where it is gone. */
export const parentOf = async (pid: number): Promise<number> => (await readStat(pid))?.parent ?? Number.NaN;

const cpuUsOf = async (pid: number): Promise<number> => (await readStat(pid))?.ownUs ?? Number.NaN;

interface Stat {
  readonly parent: number;
  readonly ownUs: number;
  /** Of children that have ended. */
  readonly endedUs: number;
}

async function readStat(pid: number): Promise<Stat | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (stat === undefined) return undefined;
  // Behind the name in brackets, which may hold spaces, the second field is the parent; the 12th to 15th are the user and
  // system time of its own and of children, in hundredths of a second.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ').map(Number);
  const us = (first: number): number => ((fields[first] ?? Number.NaN) + (fields[first + 1] ?? Number.NaN)) * 10_000;
  return { parent: fields[1] ?? Number.NaN, ownUs: us(11), endedUs: us(13) };
}
