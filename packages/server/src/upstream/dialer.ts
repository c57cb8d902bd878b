/**
 * Opens connections to vendors. The address guard is asked with the resolved address, and exactly the addresses that
 * passed are handed to the socket: there is no second resolution between check and connection (DNS rebinding).
 * Literal addresses never reach a resolver and are judged as they stand.
 */
import { lookup as systemLookup, type LookupAddress, type LookupAllOptions } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { buildConnector } from 'undici';
import type { AddressGuard } from './address-guard.ts';
import { UpstreamError } from './failure.ts';
import { onread } from './wire/reading.ts';

/** Resolves a name to all its addresses; a port so that tests can play a rebinding name server. */
export type Resolve = (hostname: string, options: LookupAllOptions, done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void) => void;

export const resolveBySystem: Resolve = (hostname, options, done) => systemLookup(hostname, options, done);

/** `guard: null` dials anything: only for targets the operator mapped by hand. */
export function createDialer(options: { guard: AddressGuard | null; connectTimeoutMs: number; resolve?: Resolve }): buildConnector.connector {
  const { guard, connectTimeoutMs: timeout } = options;
  const base = { timeout, keepAliveInitialDelay: 30_000, autoSelectFamily: true, onread };
  if (guard === null) return buildConnector(base);
  const connect = buildConnector({ ...base, lookup: guardedLookup(guard, options.resolve ?? resolveBySystem) });
  return (target, done) => {
    const literal = target.hostname.startsWith('[') ? target.hostname.slice(1, -1) : target.hostname;
    if (isIP(literal) !== 0) {
      const verdict = guard.judge(literal);
      if (!verdict.ok) {
        done(blocked(target.hostname, verdict.range), null);
        return;
      }
    }
    connect(target, done);
  };
}

function guardedLookup(guard: AddressGuard, resolve: Resolve): LookupFunction {
  return (hostname, options, done) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) {
        done(error, []);
        return;
      }
      let refusedRange = 'no address';
      const passed: LookupAddress[] = [];
      for (const candidate of addresses) {
        const verdict = guard.judge(candidate.address);
        if (verdict.ok) passed.push(candidate);
        else refusedRange = verdict.range;
      }
      const first = passed[0];
      if (first === undefined) done(blocked(hostname, refusedRange), []);
      else if (options.all === true) done(null, passed);
      else done(null, first.address, first.family);
    });
  };
}

function blocked(hostname: string, range: string): UpstreamError {
  return new UpstreamError('blocked', 'connect', `${hostname} leads to an address that may not be called (${range}). Allow its range in EVENKEEL_ALLOW_PRIVATE if this is meant.`, 'EBLOCKED');
}
