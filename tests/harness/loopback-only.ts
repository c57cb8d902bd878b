/**
 * Closes the network of a test process but for this machine: connecting anywhere else and looking up a name in DNS
 * throw at once, so that no test depends on the outside or reaches it by mistake. Loaded with --import.
 */
import { syncBuiltinESMExports } from 'node:module';
import dns from 'node:dns';
import net from 'node:net';

const isLocal = (host: string): boolean => host === '' || host === 'localhost' || host === '::1' || host === '::' || host === '0.0.0.0' || /^(::ffff:)?127\./.test(host);

function refuse(host: string): Error {
  return Object.assign(new Error(`Tests reach this machine only, not ${host}: use a server on 127.0.0.1`), { code: 'ENETUNREACH' });
}

/** The host of the arguments of `net.connect`, normalised by Node to `[options, callback]` or given plainly. */
function hostOf(args: readonly unknown[]): string {
  const first: unknown = Array.isArray(args[0]) ? args[0][0] : args[0];
  if (typeof first === 'object' && first !== null) return 'host' in first && typeof first.host === 'string' ? first.host : '';
  return typeof first === 'number' && typeof args[1] === 'string' ? args[1] : '';
}

const connect = Reflect.get(net.Socket.prototype, 'connect') as (...args: unknown[]) => net.Socket;
Reflect.set(net.Socket.prototype, 'connect', function (this: net.Socket, ...args: unknown[]): net.Socket {
  const host = hostOf(args);
  if (isLocal(host) || net.isIP(host) === 0) return Reflect.apply(connect, this, args) as net.Socket;
  process.nextTick(() => this.destroy(refuse(host)));
  return this;
});

const lookup = dns.lookup as (...args: unknown[]) => unknown;
function localLookup(...args: unknown[]): unknown {
  const [host] = args;
  const done = args.at(-1);
  if (typeof host === 'string' && !isLocal(host) && net.isIP(host) === 0 && typeof done === 'function') {
    process.nextTick(done as (error: Error) => void, Object.assign(refuse(host), { code: 'ENOTFOUND', hostname: host }));
    return {};
  }
  return Reflect.apply(lookup, dns, args);
}
Reflect.set(dns, 'lookup', localLookup);
syncBuiltinESMExports();
