/**
 * Changes of shape against a baseline that was learnt and only moves when somebody acknowledges a change. A path that
 * was there with probability p and is missed n times in a row is removed when (1 − p)^n < 10⁻⁶, over at least three
 * buckets of time; presence is counted given that the parent is there, and null apart from absent.
 */
import { isWithin, jsonTypes, met, parentOf, type JsonType, type ShapeTally, type TypeCounts } from './shape.ts';

export interface PathBaseline {
  /** Parents looked at, and of them those that had the path. */
  parents: number;
  present: number;
  types: TypeCounts;
  /** Since it was last there: parents without it, and the buckets those were in. */
  misses: number;
  missBuckets: number;
  lastMissBucket: number;
  /** Accounts it was seen at; only their answers can miss it. Full: everybody's can. */
  accounts: string[];
}

/** A path or a type that the baseline does not have. */
export interface Newcomer {
  types: TypeCounts;
  parents: number;
}

export interface ShapeState {
  learnt: boolean;
  samples: number;
  buckets: number;
  lastBucket: number;
  paths: Record<string, PathBaseline>;
  newcomers: Record<string, Newcomer>;
}

export type ChangeKind = 'removed' | 'added' | 'type' | 'null';

export interface ShapeChange {
  readonly kind: ChangeKind;
  readonly path: string;
  /** Of `type`: the one that is new. */
  readonly type: JsonType | null;
  /** Counts that a person can check. */
  readonly evidence: Readonly<Record<string, unknown>>;
}

/** A baseline is learnt from so many documents over so many buckets. */
export const learning = { samples: 30, buckets: 3 } as const;
const removedBelow = 1e-6;
const minMissBuckets = 3;
/** A newcomer may be an accident; three are none. */
const minSightings = 3;
const maxAccounts = 16;
const maxPaths = 2_000;

export const newShape = (): ShapeState => ({ learnt: false, samples: 0, buckets: 0, lastBucket: -1, paths: {}, newcomers: {} });

export interface ShapeSamples {
  readonly account: string;
  readonly documents: number;
  readonly tally: ShapeTally;
}

/** Takes documents of one account into the state, which is changed in place. `bucket` counts spans of time. */
export function observeShape(state: ShapeState, { account, documents, tally }: ShapeSamples, bucket: number): void {
  state.samples += documents;
  if (bucket > state.lastBucket) {
    state.lastBucket = bucket;
    state.buckets += 1;
  }
  if (!state.learnt) {
    learn(state, account, tally);
    state.learnt = state.samples >= learning.samples && state.buckets >= learning.buckets;
    return;
  }
  for (const [path, baseline] of Object.entries(state.paths)) notePresence(path, baseline, account, tally, bucket);
  for (const [path, counts] of tally) noteNewcomer(state, path, counts, parentsOf(tally, path));
}

function learn(state: ShapeState, account: string, tally: ShapeTally): void {
  for (const [path, counts] of tally) {
    const known = state.paths[path];
    if (known === undefined && Object.keys(state.paths).length >= maxPaths) continue;
    const baseline = (state.paths[path] ??= { parents: 0, present: 0, types: {}, misses: 0, missBuckets: 0, lastMissBucket: -1, accounts: [] });
    addTypes(baseline.types, counts);
    baseline.present += met(counts);
    noteAccount(baseline, account);
  }
  // Also the parents of the documents before the path was first met.
  for (const [path, baseline] of Object.entries(state.paths)) {
    const parent = parentOf(path);
    baseline.parents = parent === undefined ? baseline.present : Math.max(state.paths[parent]?.types.object ?? 0, baseline.present);
  }
}

function notePresence(path: string, baseline: PathBaseline, account: string, tally: ShapeTally, bucket: number): void {
  if (met(tally.get(path)) > 0) {
    Object.assign(baseline, { misses: 0, missBuckets: 0, lastMissBucket: -1 });
    noteAccount(baseline, account);
    return;
  }
  const parents = parentsOf(tally, path);
  if (parents === 0 || !(baseline.accounts.includes(account) || baseline.accounts.length >= maxAccounts)) return;
  baseline.misses += parents;
  if (bucket > baseline.lastMissBucket) {
    baseline.lastMissBucket = bucket;
    baseline.missBuckets += 1;
  }
}

function noteNewcomer(state: ShapeState, path: string, counts: TypeCounts, parents: number): void {
  const known = state.paths[path];
  const fresh = jsonTypes.filter((type) => counts[type] !== undefined && known?.types[type] === undefined);
  if (fresh.length === 0 || (state.newcomers[path] === undefined && Object.keys(state.newcomers).length >= maxPaths)) return;
  const newcomer = (state.newcomers[path] ??= { types: {}, parents: 0 });
  newcomer.parents += parents;
  for (const type of fresh) newcomer.types[type] = (newcomer.types[type] ?? 0) + (counts[type] ?? 0);
}

/** Parents that could have had the path. Members of lists and maps may be none at any time: they are never missed. */
function parentsOf(tally: ShapeTally, path: string): number {
  const parent = parentOf(path);
  if (parent === undefined || path.endsWith('[]') || path.endsWith('{}')) return 0;
  return tally.get(parent)?.object ?? 0;
}

/** Every change there is now, each time it is asked for, the topmost of what was removed or added. */
export function shapeChanges(state: ShapeState): ShapeChange[] {
  if (!state.learnt) return [];
  const removed = Object.entries(state.paths).flatMap(([path, baseline]): ShapeChange[] => {
    // One more parent than were met: even what was always there is not certain.
    const p = baseline.present / (baseline.parents + 1);
    const chance = (1 - p) ** baseline.misses;
    if (baseline.missBuckets < minMissBuckets || chance >= removedBelow) return [];
    return [{ kind: 'removed', path, type: null, evidence: { presence: p, missed: baseline.misses, buckets: baseline.missBuckets, chance } }];
  });
  const others = Object.entries(state.newcomers).flatMap(([path, { types, parents }]): ShapeChange[] => {
    const known = state.paths[path];
    if (known === undefined) return isFirstBelowKnown(state, path) && met(types) >= minSightings ? [{ kind: 'added', path, type: null, evidence: { types, parents } }] : [];
    return jsonTypes
      .filter((type) => (types[type] ?? 0) >= minSightings)
      .map((type) => (type === 'null' ? { kind: 'null', path, type: null, evidence: { nulls: types.null, before: known.types } } : { kind: 'type', path, type, evidence: { seen: types[type], before: known.types } }));
  });
  return [...removed.filter(({ path }) => !removed.some((other) => other.path !== path && isWithin(path, other.path))), ...others];
}

function isFirstBelowKnown(state: ShapeState, path: string): boolean {
  const parent = parentOf(path);
  if (parent === undefined) return true;
  // What is below a type that is new itself is told of with that.
  const needed: JsonType = path.endsWith('[]') ? 'array' : 'object';
  return state.paths[parent]?.types[needed] !== undefined;
}

/** Moves the baseline: what changed is normal from now on. Changes `state` in place. */
export function acceptChange(state: ShapeState, { kind, path, type }: Pick<ShapeChange, 'kind' | 'path' | 'type'>): void {
  if (kind === 'removed') {
    for (const one of Object.keys(state.paths)) if (isWithin(one, path)) delete state.paths[one];
    return;
  }
  const wanted = kind === 'null' ? 'null' : type;
  for (const [one, newcomer] of Object.entries(state.newcomers)) {
    const whole = one !== path && (kind === 'added' || kind === 'type');
    if (!isWithin(one, path) || (one !== path && !whole)) continue;
    const taken: TypeCounts = kind === 'added' || whole || wanted === null ? newcomer.types : { [wanted]: newcomer.types[wanted] ?? 0 };
    const present = met(taken);
    const baseline = (state.paths[one] ??= { parents: Math.max(newcomer.parents, present), present: 0, types: {}, misses: 0, missBuckets: 0, lastMissBucket: -1, accounts: [] });
    addTypes(baseline.types, taken);
    baseline.present = Math.min(baseline.parents, baseline.present + present);
    if (kind === 'added' || whole || wanted === null) delete state.newcomers[one];
    else delete newcomer.types[wanted];
    if (met(newcomer.types) === 0) delete state.newcomers[one];
  }
}

export type ChangeClass = 'breaking' | 'warning' | 'information';

/** `read`: a mapping or the engine reads the path or something below it. */
export function classOfChange(kind: ChangeKind, read: boolean): ChangeClass {
  if (!read || kind === 'added') return 'information';
  return kind === 'removed' ? 'breaking' : 'warning';
}

function addTypes(into: TypeCounts, counts: TypeCounts): void {
  for (const type of jsonTypes) if (counts[type] !== undefined) into[type] = (into[type] ?? 0) + (counts[type] ?? 0);
}

function noteAccount(baseline: PathBaseline, account: string): void {
  if (baseline.accounts.length < maxAccounts && !baseline.accounts.includes(account)) baseline.accounts.push(account);
}
