/** The watch of shapes: a change of a vendor's answers that nobody has acknowledged. */
import type { AlertRule } from '@evenkeel/contract/playbook/alerts.ts';
import type { Detector } from './detector.ts';
import { nobody, type Finding, type MinuteFacts } from './facts.ts';

type Rule = Extract<AlertRule, { watch: 'drift' }>;

export class ShapeDetector implements Detector {
  readonly historyMinutes = 1;
  readonly #rule: Rule;

  constructor(rule: Rule) {
    this.#rule = rule;
  }

  minute(facts: MinuteFacts): readonly Finding[] {
    const { classes = ['breaking'], connectors } = this.#rule;
    const changes = facts.shapeChanges.filter(({ change, connectorId }) => classes.includes(change) && (connectors?.includes(connectorId) ?? true));
    return [...Map.groupBy(changes, ({ connectorId }) => connectorId)].map(([connectorId, own]) => ({
      key: connectorId,
      verdict: 'bad',
      subject: { ...nobody, connectorId, endpoint: own.length === 1 ? (own[0]?.endpoint ?? null) : null },
      origin: 'upstream',
      evidence: { changes: own.map(({ id, endpoint, change }) => ({ id, endpoint, class: change })).slice(0, 50), count: own.length },
      affected: [],
    }));
  }

  forget(): void {}
  resume(): void {}
}
