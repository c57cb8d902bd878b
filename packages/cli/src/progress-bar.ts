/** A line that shows how far something is, drawn over itself on a terminal and only at its end elsewhere. */
import type { Output } from './command.ts';

const width = 30;
/** Up one line, and clear it. */
const over = '\u001b[1A\u001b[2K';

/** Call with each new count; `unit` is what is counted, in the plural. */
export function progressBar(out: Output, unit: string): (done: number, total: number) => void {
  let drawn = '';
  const beganAt = performance.now();
  let beganWith: number | undefined;
  return (done, total) => {
    beganWith ??= done;
    const share = total === 0 ? 1 : Math.min(1, done / total);
    if (!out.interactive && share < 1) return;
    const filled = Math.floor(share * width);
    const since = done - beganWith;
    const leftS = since > 0 && share < 1 ? Math.ceil(((performance.now() - beganAt) / since) * (total - done) / 1000) : undefined;
    const line = `${'█'.repeat(filled)}${'░'.repeat(width - filled)} ${Math.floor(share * 100)} %  ${done} of ${total} ${unit}${leftS === undefined ? '' : `, about ${leftS} s left`}`;
    if (line === drawn) return;
    out.note(drawn === '' || !out.interactive ? line : over + line);
    drawn = line;
  };
}
