/**
 * How much of a node's work under way one vendor or one account may have: a quarter, or a sixteenth, of what is free. So
 * each vendor that hangs takes a fifth of what those before it left, and a dozen of them leave something for the others.
 * Thresholds of shared buffers: Choudhury and Hahne, IEEE/ACM Transactions on Networking 6(2), 1998.
 */
export interface UnderWay {
  readonly total: number;
  readonly byConnector: ReadonlyMap<string, number>;
  readonly byAccount: ReadonlyMap<string, number>;
}

/** What to take next. */
export interface NextShare {
  /** 0: nothing before something ends. */
  readonly atMost: number;
  /** Of these nothing. */
  readonly fullConnectors: readonly string[];
  readonly fullAccounts: readonly string[];
}

const [partOfConnector, partOfAccount] = [1 / 4, 1 / 16];

/** `room`: pieces of work at once. */
export function nextShare({ total, byConnector, byAccount }: UnderWay, room: number): NextShare {
  const free = Math.max(0, room - total);
  const from = (counts: ReadonlyMap<string, number>, limit: number): string[] => [...counts].flatMap(([id, n]) => (n >= limit ? [id] : []));
  return { atMost: Math.floor(free * partOfAccount), fullConnectors: from(byConnector, free * partOfConnector), fullAccounts: from(byAccount, free * partOfAccount) };
}
