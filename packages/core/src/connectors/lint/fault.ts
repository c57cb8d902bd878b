/** A fault of a manifest, with where it stands and what was probably meant. */

export interface Fault {
  /** Dotted path of the faulty place, e.g. `resources.contacts.list.query.limit` or `auth[0].token_url`; `` is the manifest. */
  readonly path: string;
  readonly message: string;
  /** A name that exists and resembles the one written. */
  readonly suggestion?: string;
  readonly severity: 'error' | 'warning';
}

const plainKey = /^[A-Za-z_$][A-Za-z0-9_$-]*$/;

/** Appends a key or an index to a fault's path: `a.b`, `a[0]`, `a["odd key"]`. */
export function pathTo(parent: string, key: string | number): string {
  if (typeof key === 'number') return `${parent}[${key}]`;
  if (!plainKey.test(key)) return `${parent}[${JSON.stringify(key.slice(0, 80))}]`;
  return parent === '' ? key : `${parent}.${key}`;
}

export function error(path: string, message: string, suggestion?: string): Fault {
  return { path, message, severity: 'error', ...(suggestion === undefined ? {} : { suggestion }) };
}

export function warning(path: string, message: string, suggestion?: string): Fault {
  return { path, message, severity: 'warning', ...(suggestion === undefined ? {} : { suggestion }) };
}

/** The candidate nearest to `written` by edit distance, when it is near enough to have been meant. */
export function nearest(written: string, candidates: Iterable<string>): string | undefined {
  if (written.length > 64) return undefined;
  const tolerance = Math.max(1, Math.floor(written.length / 3));
  const folded = written.toLowerCase().replaceAll('-', '_');
  let best: string | undefined;
  let bestDistance = tolerance + 1;
  for (const candidate of candidates) {
    const distance = editDistance(folded, candidate.toLowerCase().replaceAll('-', '_'), tolerance);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Optimal string alignment distance (insert, delete, replace, swap of neighbours); anything above `most` is `most + 1`. */
function editDistance(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most) return most + 1;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let cost = Math.min(replaced, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1);
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return Math.min(last[b.length] ?? most + 1, most + 1);
}
