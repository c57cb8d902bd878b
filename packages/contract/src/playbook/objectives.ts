/** `playbook/objectives.yaml`: what is measured (indicators, SLIs) and what is aimed at (objectives, SLOs). */
import Type from 'typebox';
import { Strict, Tagged } from '../manifest/value.ts';
import { Duration, OneOf, Percent, Slug, TimeZone } from './share.ts';

const UpstreamShare = Type.Union([Type.Literal('excluded'), Type.Literal('included')], {
  description: 'excluded: calls that failed at the vendor are no events of this indicator. included: they are bad ones, as the customer sees it.',
});

export const Availability = Strict(
  { measure: Type.Literal('availability'), upstream: UpstreamShare },
  { description: 'Calls answered without a 5xx, of all calls that were not hung up on.' },
);

export const FastAnswers = Strict(
  { measure: Type.Literal('fast_answers'), upstream: UpstreamShare },
  {
    description:
      'Calls answered without a 5xx in less than 500 ms. With upstream excluded, the 500 ms are Evenkeel\'s own share of the time and vendor failures are left out; with upstream included, they are the whole time.',
  },
);

export const OverheadLatency = Strict(
  {
    measure: Type.Literal('overhead_latency'),
    percentile: Type.Integer({ minimum: 1, maximum: 99, description: 'Such as 95.' }),
    threshold_ms: Type.Integer({ minimum: 1, maximum: 60_000, description: 'A minute is good when the percentile of the overhead (total less upstream time of each call) is at most this.' }),
  },
  { description: 'The percentile of the overhead a minute. Counted in time slices only.' },
);

export const Freshness = Strict({ measure: Type.Literal('freshness') }, { description: 'Events delivered within 60 s of being accepted, of all deliveries that ended.' });

export const Indicator = Tagged('measure', [Availability, FastAnswers, OverheadLatency, Freshness]);
export type Indicator = Type.Static<typeof Indicator>;

export const scopeKinds = ['overall', 'connector', 'category', 'tenant'] as const;
export const ScopeKind = OneOf(scopeKinds);
export type ScopeKind = (typeof scopeKinds)[number];

export const calendarUnits = ['week', 'month', 'quarter'] as const;
export type CalendarUnit = (typeof calendarUnits)[number];

export const Window = Strict(
  {
    rolling_days: Type.Optional(Type.Integer({ minimum: 1, maximum: 90, description: 'The last so many times 24 hours.' })),
    calendar: Type.Optional(OneOf(calendarUnits, 'The current week (from Monday), month or quarter.')),
    time_zone: Type.Optional(TimeZone('Where the calendar unit begins.')),
  },
  { description: 'Either rolling_days, or calendar with time_zone.' },
);
export type Window = Type.Static<typeof Window>;

export const Slice = Strict(
  { bad_above: Percent('A minute is bad when more than this share of its events is bad.') },
  { description: 'Of the time-slice method; slices are minutes.' },
);

export const Minimum = Strict(
  {
    events: Type.Integer({ minimum: 1, description: 'With fewer events (or measured minutes) in the window, and fewer bad ones than below, the answer is "insufficient data".' }),
    bad: Type.Integer({ minimum: 1, description: 'So many bad events are enough to tell whatever the volume; a burn-rate alert never fires on fewer.' }),
    measured: Type.Optional(Duration('Of an objective counted in events: before so much of its window was measured, its budget and mode are "insufficient data", whatever failed; burn-rate alerts do not wait for it. At most half of the window counts. Default: what the policy says, else 7d.')),
  },
  { description: 'How much has to be seen before anything is said.' },
);
export type Minimum = Type.Static<typeof Minimum>;

export const Objective = Strict({
  id: Slug(),
  title: Type.String({ minLength: 1, maxLength: 120 }),
  description: Type.Optional(Type.String()),
  indicator: Slug('A name of the indicators above.'),
  target: Percent('The share of good events (or minutes) aimed at, in percent.'),
  window: Window,
  method: Type.Union([Type.Literal('events'), Type.Literal('time_slices')], { description: 'events: bad events of all. time_slices: bad minutes of those measured.' }),
  slice: Type.Optional(Slice),
  scopes: Type.Array(ScopeKind, { minItems: 1, description: 'One budget for each: overall, each connector, each category, each tenant.' }),
  minimum: Type.Optional(Minimum),
  terms: Type.Optional(Slug('The terms of agreements.yaml that this objective protects: its target should be stricter.')),
  service: Type.Optional(Slug('Name of the service in exported rules; default evenkeel.')),
  openslo: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: 'What an imported OpenSLO document held beyond what Evenkeel knows; given back on export.' })),
});
export type Objective = Type.Static<typeof Objective>;

export const ObjectivesFile = Strict(
  {
    $schema: Type.Optional(Type.String()),
    version: Type.Literal(1),
    indicators: Type.Record(Type.String({ pattern: '^[a-z][a-z0-9-]{0,62}$' }), Indicator, { additionalProperties: false }),
    objectives: Type.Array(Objective),
  },
  { $id: 'https://evenkeel.dev/schemas/objectives.v1.json', title: 'Evenkeel playbook: objectives, format 1' },
);
export type ObjectivesFile = Type.Static<typeof ObjectivesFile>;
