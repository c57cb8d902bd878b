/** What every watch of a rule looks like to the evaluation. A detector holds windows; given the same minutes it finds the same. */
import type { Finding, MinuteFacts } from './facts.ts';
import type { RecentFailures } from './recent-failures.ts';

export interface Detector {
  /** Takes in the next minute and tells of every subject that is bad or elevated. Minutes come in their order, each once. */
  minute(facts: MinuteFacts, recent: RecentFailures): readonly Finding[];
  /** The alert of this subject has resolved. */
  forget(key: string): void;
  /** The alert of this subject goes on from before a restart; `evidence` is what its finding said. */
  resume(key: string, evidence: Readonly<Record<string, unknown>>, finding: Finding): void;
  /** Minutes of history it needs to judge as if it had always run. */
  readonly historyMinutes: number;
}
