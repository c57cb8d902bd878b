/**
 * What a minute knows of itself: in which half seconds some node lived, and in which seconds counts are missing. What a
 * node has counted is stored as far as its last row. A node that lives and has not written is behind: the time since is
 * missing until it is written. One that has died took all of it along, up to the moment it was missed, and at least the
 * two half seconds behind its last row: what its next row would have held, and what it counted during a write. Silence
 * is never taken for health.
 */

export const halvesPerMinute = 120;

/** One row of a node; `half` in half seconds since the epoch. */
export interface Beat {
  readonly half: number;
  readonly beat: boolean;
  readonly last: boolean;
  readonly lost: boolean;
}

/** Whether a node is there besides its rows; `unknown` for one that does not show it. */
export type Presence = 'unknown' | 'present' | { readonly goneHalf: number };

export interface NodeMinute {
  readonly nodeId: string;
  /** Of its last row before this minute; null when it is new. */
  readonly lastHalf: number | null;
  /** Of one without any row: the half second it began in. It may have been killed before its first row. */
  readonly beganHalf?: number;
  /** Its rows in this minute. */
  readonly rows: readonly Beat[];
  /** There are rows of it after this minute. */
  readonly seenLater: boolean;
  readonly presence: Presence;
}

export interface NodeFate {
  readonly nodeId: string;
  readonly lastHalf: number | null;
  readonly fate: 'alive' | 'stopped' | 'vanished';
}

/** Half seconds of one minute in which counts of one node are not known; a place for each. */
export interface Losses {
  readonly nodeId: string;
  /** Not written: a later row of the node tells that there was nothing, or brings it. */
  readonly missing: readonly boolean[];
  /** Given up, or not to be read: for good. */
  readonly lost: readonly boolean[];
}

export interface Coverage {
  /** A place for each half second of the minute. */
  readonly covered: readonly boolean[];
  readonly coveredSeconds: number;
  readonly lostSeconds: number;
  /** Of the nodes that have any. */
  readonly losses: readonly Losses[];
  readonly nodes: readonly NodeFate[];
}

/** `firstHalf`: the minute's first half second. `nowHalf`: the present one; nothing after it is missing. `nodes`: every node that is not known to have ended. */
export function coverMinute(firstHalf: number, nodes: readonly NodeMinute[], nowHalf = Number.POSITIVE_INFINITY): Coverage {
  const covered = noHalves();
  const losses: Losses[] = [];
  const fates = nodes.map((node): NodeFate => {
    const lost = noHalves();
    for (const row of node.rows) {
      if (row.beat) covered[row.half - firstHalf] = true;
      if (row.lost) lost[row.half - firstHalf] = true;
    }
    const { nodeId } = node;
    const lastRow = node.rows.reduce<number | null>((latest, { half }) => (latest === null || half > latest ? half : latest), node.lastHalf);
    const lastHalf = lastRow ?? node.beganHalf ?? null;
    // What is counted in the half second it begins in comes with the next one's row.
    const missingFrom = lastRow === null ? lastHalf : lastRow + 1;
    const missingTo = node.rows.some(({ last }) => last) || node.seenLater || lastHalf === null ? null : missingUntil(node.presence, lastHalf, nowHalf);
    const missing = lost.map((_, at) => missingTo !== null && missingFrom !== null && firstHalf + at >= missingFrom && firstHalf + at <= missingTo);
    if (missing.includes(true) || lost.includes(true)) losses.push({ nodeId, missing, lost });
    if (node.rows.some(({ last }) => last)) return { nodeId, lastHalf, fate: 'stopped' };
    const dead = missingTo !== null && node.presence !== 'present' && missingTo < firstHalf + halvesPerMinute;
    return { nodeId, lastHalf, fate: dead ? 'vanished' : 'alive' };
  });
  return { covered, coveredSeconds: coveredSeconds(covered), lostSeconds: lostSeconds(losses), losses, nodes: fates };
}

function missingUntil(presence: Presence, lastHalf: number, nowHalf: number): number {
  if (presence === 'present') return nowHalf;
  return presence === 'unknown' ? lastHalf + 2 : Math.max(lastHalf + 2, presence.goneHalf);
}

/** What is left of `losses` of the minute that begins with `firstHalf` when a row of `half` has come: rows come in their order. */
export function settleLosses(losses: Losses, firstHalf: number, half: number): Losses {
  return { ...losses, missing: losses.missing.map((missing, at) => missing && firstHalf + at > half) };
}

/** Seconds of one minute in which counts of any node are not known. */
export function lostSeconds(losses: readonly Losses[]): number {
  let seconds = 0;
  const unknown = (at: number): boolean => losses.some(({ missing, lost }) => missing[at] === true || lost[at] === true);
  for (let at = 0; at < halvesPerMinute; at += 2) if (unknown(at) || unknown(at + 1)) seconds += 1;
  return seconds;
}

export const noHalves = (): boolean[] => Array.from({ length: halvesPerMinute }, () => false);

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
