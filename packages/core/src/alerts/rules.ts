/** From the rules of the playbook to what is run: defaults filled in, a detector and a lifecycle for each. */
import type { AlertRule, AlertsFile } from '@evenkeel/contract/playbook/alerts.ts';
import { AuthHealthDetector, TokenDriftDetector } from './detect-accounts.ts';
import { ShapeDetector } from './detect-drift.ts';
import { DeliveryRateDetector, LagDetector } from './detect-level.ts';
import { RatioDetector, type RatioWatch } from './detect-ratio.ts';
import { FlatLineDetector, TenantSuccessDetector } from './detect-silence.ts';
import type { Detector } from './detector.ts';
import type { FindingRule } from './facts.ts';
import type { LifecycleRule } from './lifecycle.ts';
import type { RateChangeRule } from './rate-change.ts';

export interface ActiveRule {
  readonly rule: FindingRule;
  readonly detector: Detector;
  readonly lifecycle: LifecycleRule;
}

export interface GroupingRule {
  readonly sharePercent: number;
  readonly minAccounts: number;
  readonly platformConnectors: number;
}

export function activeRules(file: AlertsFile): ActiveRule[] {
  return file.alerts
    .filter(({ enabled }) => enabled !== false)
    .map((rule) => ({ rule, detector: detectorOf(rule), lifecycle: { fireAfter: rule.evaluations ?? defaultLifecycle.fireAfter, resolveAfter: rule.resolve_evaluations ?? defaultLifecycle.resolveAfter } }));
}

export function groupingOf({ grouping }: AlertsFile): GroupingRule {
  return { sharePercent: grouping?.share_percent ?? 50, minAccounts: grouping?.min_accounts ?? 3, platformConnectors: grouping?.platform_connectors ?? 3 };
}

function detectorOf(rule: AlertRule): Detector {
  switch (rule.watch) {
    case 'error-rate':
      return new RatioDetector(ratioWatch(rule, 'call', rule.by, rule.origins ?? ['account', 'platform', 'upstream']));
    case 'refresh-failures':
      return new RatioDetector(ratioWatch(rule, 'refresh', 'connector', ['platform', 'upstream']));
    case 'delivery-rate':
      return new DeliveryRateDetector(rule);
    case 'webhook-lag':
      return new LagDetector(rule);
    case 'auth-health':
      return new AuthHealthDetector(rule);
    case 'token-drift':
      return new TokenDriftDetector(rule);
    case 'tenant-success':
      return new TenantSuccessDetector(rule);
    case 'flat-line':
      return new FlatLineDetector(rule);
    case 'drift':
      return new ShapeDetector(rule);
  }
}

/** What a rule of rate changes goes by where it says nothing else. */
export const defaultRateChange: RateChangeRule = { minRatioPpm: 20_000, factor: 4, minBad: 10, minTotal: 50, alpha: 1e-9, assumedRatioPpm: 5_000 };
export const defaultWindowMinutes = 15;
export const defaultLifecycle: LifecycleRule = { fireAfter: 2, resolveAfter: 5 };

type ChangeRule = Extract<AlertRule, { watch: 'error-rate' | 'refresh-failures' }>;

function ratioWatch(rule: ChangeRule, kind: RatioWatch['kind'], by: RatioWatch['by'], origins: RatioWatch['origins']): RatioWatch {
  return {
    kind,
    by,
    origins,
    windowMinutes: rule.window_minutes ?? defaultWindowMinutes,
    connectors: rule.connectors === undefined ? null : new Set(rule.connectors),
    rule: {
      minRatioPpm: ppm(rule.min_ratio_percent) ?? defaultRateChange.minRatioPpm,
      factor: rule.factor ?? defaultRateChange.factor,
      minBad: rule.min_bad ?? defaultRateChange.minBad,
      minTotal: rule.min_total ?? defaultRateChange.minTotal,
      alpha: rule.alpha ?? defaultRateChange.alpha,
      assumedRatioPpm: ppm(rule.assumed_ratio_percent) ?? defaultRateChange.assumedRatioPpm,
    },
  };
}

const ppm = (percent: number | undefined): number | undefined => (percent === undefined ? undefined : percent * 10_000);
