/** What a process has used of the processor, so that a benchmark can tell its cost on a machine that others use too. */
import { readFile } from 'node:fs/promises';

/** Microseconds of user and system time of all of them, in steps of 10 ms, without children; NaN where there is no /proc. */
export async function cpuUs(pids: readonly number[]): Promise<number> {
  const times = await Promise.all(pids.map(cpuUsOf));
  return pids.length === 0 ? Number.NaN : times.reduce((sum, us) => sum + us, 0);
}

async function cpuUsOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // Behind the name in brackets, which may hold spaces: utime and stime are the 12th and 13th field.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11] ?? Number.NaN) + Number(fields[12] ?? Number.NaN)) * 10_000;
}
