/**
 * What a minute knows of itself: in which half seconds some node lived, and in which seconds counts were lost. A node
 * that vanished took with it what its next row would have held, and, if it died during the write, what it counted in
 * the meantime: both half seconds are lost. Silence is never taken for health.
 */

export const halvesPerMinute = 120;

/** One row of a node; `half` in half seconds since the epoch. */
export interface Beat {
  readonly half: number;
  readonly beat: boolean;
  readonly last: boolean;
  readonly lost: boolean;
}

export interface NodeMinute {
  readonly nodeId: string;
  /** Of its last row before this minute; null when it is new. */
  readonly lastHalf: number | null;
  /** Its rows in this minute. */
  readonly rows: readonly Beat[];
  /** There are rows of it after this minute. */
  readonly seenLater: boolean;
}

export interface NodeFate {
  readonly nodeId: string;
  readonly lastHalf: number | null;
  readonly fate: 'alive' | 'stopped' | 'vanished';
}

export interface Coverage {
  /** A place for each half second of the minute. */
  readonly covered: readonly boolean[];
  readonly coveredSeconds: number;
  readonly lostSeconds: number;
  readonly nodes: readonly NodeFate[];
}

/** `firstHalf`: the minute's first half second. `nodes`: every node that is not known to have ended. */
export function coverMinute(firstHalf: number, nodes: readonly NodeMinute[]): Coverage {
  const covered = Array.from({ length: halvesPerMinute }, () => false);
  const lost = new Set<number>();
  const loseHalf = (half: number): void => {
    if (half >= firstHalf && half < firstHalf + halvesPerMinute) lost.add(Math.floor((half - firstHalf) / 2));
  };
  const fates = nodes.map((node): NodeFate => {
    for (const row of node.rows) {
      if (row.beat) covered[row.half - firstHalf] = true;
      if (row.lost) loseHalf(row.half);
    }
    const { nodeId } = node;
    const lastHalf = node.rows.reduce<number | null>((latest, { half }) => (latest === null || half > latest ? half : latest), node.lastHalf);
    if (node.rows.some(({ last }) => last)) return { nodeId, lastHalf, fate: 'stopped' };
    if (node.seenLater || lastHalf === null) return { nodeId, lastHalf, fate: 'alive' };
    loseHalf(lastHalf + 1);
    loseHalf(lastHalf + 2);
    return { nodeId, lastHalf, fate: lastHalf + 2 < firstHalf + halvesPerMinute ? 'vanished' : 'alive' };
  });
  return { covered, coveredSeconds: coveredSeconds(covered), lostSeconds: lost.size, nodes: fates };
}

/** A second is covered when both of its halves are. */
export function coveredSeconds(covered: readonly boolean[]): number {
  let seconds = 0;
  for (let at = 0; at + 1 < covered.length; at += 2) if (covered[at] === true && covered[at + 1] === true) seconds += 1;
  return seconds;
}

/** What late heartbeats add to a minute that was sealed with `covered`: how many more seconds of it are covered. */
export function coverLate(firstHalf: number, covered: readonly boolean[], rows: readonly Beat[]): number {
  const after = Array.from({ length: halvesPerMinute }, (_, at) => covered[at] === true);
  for (const { half, beat } of rows) if (beat && half >= firstHalf && half < firstHalf + halvesPerMinute) after[half - firstHalf] = true;
  return coveredSeconds(after) - coveredSeconds(covered);
}
