/** What became of the error rate around deployments: two windows an objective and deployment, read at their edges. */
import type { Deployment } from '@evenkeel/contract/api/objectives.ts';
import { effectOf } from '@evenkeel/core/objectives/deployment-effect.ts';
import type { Queryable } from '../../database/pool.ts';
import { readProgress } from '../counting/counting.ts';
import type { Definitions } from '../definitions.ts';
import { readTracks, readWindows, tracksOf } from '../evaluation/scopes.ts';
import { listDeployments, type DeploymentRow } from './gate-store.ts';

export async function withEffects(database: Queryable, { objectives, policy }: Definitions, rows: readonly DeploymentRow[]): Promise<Deployment[]> {
  const counted = objectives.filter(({ method, scopes }) => method === 'events' && scopes.includes('overall'));
  const rule = policy.deployments;
  const around = rows.map((row) => {
    // The minute of the deployment itself belongs to neither side.
    const minute = Math.floor(row.deployed_at.getTime() / 60_000);
    return { row, before: { from: minute - rule.compare_minutes, to: minute }, after: { from: minute + 1, to: minute + 1 + rule.compare_minutes } };
  });
  const { last_minute: last, thinned_to: thinnedTo } = await readProgress(database);
  const tracks = await readTracks(database, counted, { kind: 'overall', id: '' });
  const reader = await readWindows(database, tracks, around.flatMap(({ before, after }) => [before, after]));
  return around.map(({ row, before, after }) => ({
    ...row,
    deployed_at: row.deployed_at.toISOString(),
    // Minutes so far back are not told apart any more.
    effects: (thinnedTo !== null && before.from < thinnedTo ? [] : counted).flatMap((objective) => {
      const [track] = tracksOf(objective, tracks);
      if (track === undefined) return [];
      const side = (range: typeof before) => {
        const { events, bad } = reader.sums(track, range).tally;
        return { events, bad };
      };
      const sides = { before: side(before), after: side(after) };
      return [{ objective: objective.id, ...sides, ...effectOf(sides.before, sides.after, last !== null && last + 1 >= after.to, rule) }];
    }),
  }));
}

const lookBackMs = 7 * 86_400_000;

/** Deployments of the week before a mode began with which errors of its objective rose, newest first: what is to be looked at first. */
export async function worseningDeployments(database: Queryable, definitions: Definitions, objectiveId: string, since: Date): Promise<{ service: string; version: string; deployed_at: string; explanation: string }[]> {
  const rows = (await listDeployments(database, { since: new Date(since.getTime() - lookBackMs), before: null, limit: 50 })).filter(({ deployed_at: at }) => at <= since);
  if (rows.length === 0) return [];
  return (await withEffects(database, definitions, rows)).flatMap(({ service, version, deployed_at, effects }) =>
    effects.filter(({ objective, verdict }) => objective === objectiveId && verdict === 'worse').map(({ explanation }) => ({ service, version, deployed_at, explanation })),
  );
}
