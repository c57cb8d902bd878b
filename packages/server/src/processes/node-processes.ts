/** The processes that answer on a node's port, as each of them sees them. */
import type { Metric, MetricSource } from '../telemetry/metrics/exposition.ts';
import type { Readiable } from '../http/probes.ts';

export interface NodeProcesses {
  /** How this process tells its metrics, and why it is not ready, when the node is asked by way of another. */
  tells(own: { readonly metrics: MetricSource; readonly faults: () => Promise<readonly string[]> }): void;
  /** Of all processes added up, this one included: the same whichever is asked. Rejects when the first process does not answer. */
  metrics(): Promise<readonly Metric[]>;
  /** What of the others has to be there for the node to be ready. */
  readonly checks: readonly Readiable[];
}
