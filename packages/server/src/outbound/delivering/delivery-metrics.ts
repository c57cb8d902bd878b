/** The counts of a node's deliveries as metrics. */
import type { Metric } from '../../telemetry/metrics/exposition.ts';
import type { DeliveryCounts } from './delivery-counters.ts';

export function deliveryMetrics({ attempts, deliveries, underWay, unwritten, lanes }: DeliveryCounts): Metric[] {
  return [
    { name: 'evenkeel_delivery_attempts_total', type: 'counter', help: 'Attempts to deliver events to endpoints by outcome, on this node since its start.', samples: Object.entries(attempts).map(([outcome, n]) => [{ outcome }, n]) },
    { name: 'evenkeel_deliveries_total', type: 'counter', help: 'Deliveries that ended, delivered or failed for good, on this node since its start.', samples: Object.entries(deliveries).map(([state, n]) => [{ state }, n]) },
    { name: 'evenkeel_delivery_attempts_under_way', type: 'gauge', across: 'sum', help: 'Attempts under way on this node.', samples: [[{}, underWay]] },
    { name: 'evenkeel_delivery_results_unwritten', type: 'gauge', across: 'sum', help: 'Results of attempts that wait to be written.', samples: [[{}, unwritten]] },
    { name: 'evenkeel_delivery_lanes', type: 'gauge', across: 'sum', help: 'Endpoints this node is working for.', samples: [[{}, lanes]] },
  ];
}
