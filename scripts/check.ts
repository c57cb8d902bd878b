/** `npm run check [name…]`: runs the checks two at a time, prints what failed, and exits 1 if any did. */
import { checks, runCheck } from './checks.ts';

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !checks.some((check) => check.name === name));
if (unknown.length > 0) {
  console.error(`No check is called ${unknown.join(', ')}. There are: ${checks.map((check) => check.name).join(', ')}.`);
  process.exit(2);
}

const queue = checks.filter((check) => wanted.length === 0 || wanted.includes(check.name));
let failed = 0;
async function work(): Promise<void> {
  for (let check = queue.shift(); check !== undefined; check = queue.shift()) {
    const { ok, output, elapsedMs } = await runCheck(check);
    console.log(`${ok ? '✔' : '✖'} ${check.name} (${(elapsedMs / 1000).toFixed(1)} s): ${check.keeps}`);
    if (!ok) {
      failed += 1;
      console.log(output.replace(/^/gm, '    '));
    }
  }
}
await Promise.all([work(), work()]);
process.exitCode = failed === 0 ? 0 : 1;
