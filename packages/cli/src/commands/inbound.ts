/** `evenkeel inbound …`: what vendors sent, and working on it once more. */
import { setTimeout as pause } from 'node:timers/promises';
import { inboundEventStates, type InboundEventState } from '@evenkeel/contract/api/inbound.ts';
import type { InboundEvent, Replay, ReplayRequest } from '@evenkeel/sdk/generated/contract.ts';
import { jsonOption, serverOptions, UsageError, type Command, type Invocation } from '../command.ts';
import { connect, textOf } from '../connection.ts';
import { exitCodes } from '../exit-code.ts';
import { progressBar } from '../progress-bar.ts';
import { printable, table } from '../table.ts';

const filters = {
  since: { type: 'string', value: '<time>', description: 'From this time on, such as 2026-11-24T00:00:00Z.' },
  until: { type: 'string', value: '<time>', description: 'Before this time.' },
  connector: { type: 'string', value: '<id>', description: 'Only events of this connector.' },
  account: { type: 'string', value: '<id>', description: 'Only events of this account.' },
  type: { type: 'string', value: '<type>', description: 'Only this type, in the vendor\'s words or the unified one.' },
  state: { type: 'string', value: '<state>', description: `Only events in this state: ${inboundEventStates.join(', ')}.` },
} as const;
const shownAtMost = 50;

export const inboundList: Command = {
  words: ['inbound', 'list'],
  summary: 'List the newest events that came in from vendors.',
  operands: '',
  arity: [0, 0],
  options: { ...filters, ...jsonOption, ...serverOptions },
  async run(invocation) {
    const { values, out, signal } = invocation;
    const events: InboundEvent[] = (await connect(invocation).inbound.list({ ...criteriaOf(invocation), limit: shownAtMost }, { signal }).page()).results;
    if (values['json']) out.line(JSON.stringify(events, null, 2));
    else if (events.length === 0) out.note('No events match.');
    else out.line(table(['ID', 'RECEIVED', 'CONNECTOR', 'TYPE', 'STATE', 'REASON'], events.map((one) => [one.id, one.received_at, one.connector, printable(one.unified_type ?? one.type ?? ''), one.state, printable(one.reason ?? '').slice(0, 80)])));
    return exitCodes.ok.code;
  },
};

export const inboundReplay: Command = {
  words: ['inbound', 'replay'],
  summary: 'Work on events once more, and publish what they tell anew.',
  operands: '',
  arity: [0, 0],
  options: { ...filters, 'dry-run': { type: 'boolean', description: 'Only count them.' }, ...jsonOption, ...serverOptions },
  details: ['Without --state events that were processed are published again too.', 'The replay goes on at the server whether or not somebody waits.'],
  async run(invocation) {
    const { values, out, signal } = invocation;
    const { since, ...rest } = criteriaOf(invocation);
    if (since === undefined) throw new UsageError('--since is needed: from when on are events to be replayed?');
    const { inbound } = connect(invocation);
    const criteria: ReplayRequest = { ...rest, since, dry_run: values['dry-run'] === true };
    const begun = await inbound.replay(criteria, { signal });
    const ended = begun.id === null ? begun : await untilWorkedOff(invocation, begun, begun.id);
    if (values['json']) out.line(JSON.stringify(ended, null, 2));
    else if (ended.dry_run) out.line(`${ended.total} events would be replayed.`);
    else out.line(`${ended.queued} events were replayed.`);
    return exitCodes.ok.code;
  },
};

async function untilWorkedOff(invocation: Invocation, begun: Replay, id: string): Promise<Replay> {
  const { out, signal } = invocation;
  const { inbound } = connect(invocation);
  const draw = progressBar(out, 'events');
  let replay = begun;
  while (replay.finished_at === null || replay.pending > 0) {
    draw(replay.queued - replay.pending, replay.total);
    await pause(500, undefined, { signal });
    replay = await inbound.replayProgress(id, { signal });
  }
  draw(replay.queued, replay.total);
  return replay;
}

function criteriaOf({ values }: Invocation): Omit<ReplayRequest, 'since' | 'dry_run'> & { since?: string } {
  const state = textOf(values['state']);
  const known = inboundEventStates.find((one) => one === state);
  if (state !== undefined && known === undefined) throw new UsageError(`--state must be one of ${inboundEventStates.join(', ')}, not "${state}".`);
  const [since, until, connector, account, type] = ['since', 'until', 'connector', 'account', 'type'].map((name) => textOf(values[name]));
  return {
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
    ...(connector === undefined ? {} : { connector }),
    ...(account === undefined ? {} : { account_id: account }),
    ...(type === undefined ? {} : { type }),
    ...(known === undefined ? {} : { state: known satisfies InboundEventState }),
  };
}
