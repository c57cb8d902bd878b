/** Gentle traffic over the connected accounts: lists, single records, a few creates, and the failures that life has. */
import { trafficOf, type DemoRead } from '@evenkeel/sandbox/demonstration.ts';
import type { Evenkeel } from '@evenkeel/sdk/client.ts';
import { EvenkeelError } from '@evenkeel/sdk/error.ts';
import type { VendorRecord } from '@evenkeel/sdk/proxy.ts';
import type { CastMember } from './cast.ts';

export interface TrafficOptions {
  readonly client: Evenkeel;
  readonly members: readonly CastMember[];
  /** Calls a second, over all accounts. */
  readonly rate: number;
  readonly random?: () => number;
}

export interface Traffic {
  /** Sends nothing more, waits for what is under way, and soon loses patience with it. */
  stop(): Promise<void>;
}

/** Calls under way at the same time, so that a vendor that hangs cannot pile them up. */
const underWayAtMost = 8;
/** How long calls under way may take to end by themselves. */
const patienceMs = 2000;

export function startTraffic({ client, members, rate, random = Math.random }: TrafficOptions): Traffic {
  const stopped = new AbortController();
  const underWay = new Set<Promise<void>>();
  const seenIds = new Map<string, string[]>();
  const quietUntilMs = new Map<string, number>();
  let count = 0;
  const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)];

  const callOne = async ({ plan, account }: CastMember): Promise<void> => {
    const traffic = trafficOf(plan);
    const read = pick(traffic.reads);
    if (read === undefined) return;
    const proxy = client.proxy(account.id);
    const options = { signal: stopped.signal };
    const dice = random();
    const known = seenIds.get(`${account.id}/${read.resource}`) ?? [];
    if (dice < 0.03) await proxy.get(read.resource, 'no-such-record', read.query, options);
    else if (dice < 0.06 && traffic.create !== undefined) await proxy.create(traffic.create.resource, traffic.create.body(Date.now() + count), options);
    else if (dice < 0.5 && known.length > 0) await proxy.get(read.resource, pick(known) ?? '', read.query, options);
    else {
      const page = await proxy.list(read.resource, { ...read.query, limit: 10 }, options).page();
      seenIds.set(`${account.id}/${read.resource}`, idsOf(page.results, read));
    }
  };

  const send = (member: CastMember): void => {
    const sending = callOne(member)
      .catch((error: unknown) => {
        // Failures are what the overview is there to show; only the wish for silence concerns this side.
        if (error instanceof EvenkeelError && error.code === 'rate_limited') quietUntilMs.set(member.account.id, Date.now() + (error.retryAfter ?? 10) * 1000);
      })
      .finally(() => underWay.delete(sending));
    underWay.add(sending);
  };

  const timer = setInterval(() => {
    const member = pick(members);
    count += 1;
    if (member === undefined || underWay.size >= underWayAtMost || (quietUntilMs.get(member.account.id) ?? 0) > Date.now()) return;
    send(member);
  }, 1000 / rate);

  return {
    async stop() {
      clearInterval(timer);
      const patience = setTimeout(() => stopped.abort(new Error('the demonstration ends')), patienceMs);
      await Promise.all(underWay);
      clearTimeout(patience);
    },
  };
}

function idsOf(records: readonly VendorRecord[], { id = 'id' }: DemoRead): string[] {
  return records.map((record) => record[id]).filter((value) => typeof value === 'string' || typeof value === 'number').map(String);
}
