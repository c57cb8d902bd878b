/**
 * Public keys that vendors publish, fetched when a request needs one and kept for as long as the manifest says. Whoever
 * knows an address can name keys, so that the vendor is asked for few unknown ones an address and minute, and for few at
 * once. Keys that were good are no strangers: they are asked for anew whatever else is named.
 */
import type { Connector } from '@evenkeel/core/connectors/connector.ts';
import { compilePath } from '@evenkeel/core/connectors/values/path.ts';
import type { Scope } from '@evenkeel/core/connectors/values/scope.ts';
import type { FetchedKey, KeyNeed } from '@evenkeel/core/inbound/public-key.ts';
import { LRUCache } from 'lru-cache';
import type { UpstreamClient } from '../../upstream/client.ts';

interface Kept {
  readonly key: FetchedKey;
  readonly untilMs: number;
}
/** A key id that is not in a set asks again at most this often: anyone can invent key ids. */
const askAgainMs = 60_000;
const unavailableMs = 5_000;
const maxKeyBytes = 256 * 1024;
const [strangersAMinute, minuteMs] = [10, 60_000];
/** Of a connector. */
const strangersAtOnce = 8;

export class VendorKeys {
  readonly #upstream: UpstreamClient;
  readonly #now: () => number;
  readonly #kept = new LRUCache<string, Kept>({ max: 2_000 });
  readonly #fetching = new Map<string, Promise<void>>();
  readonly #good = new LRUCache<string, true>({ max: 2_000 });
  readonly #strangers = new LRUCache<string, { readonly sinceMs: number; count: number }>({ max: 10_000 });
  readonly #atOnce = new Map<string, number>();

  constructor(upstream: UpstreamClient, now: () => number) {
    this.#upstream = upstream;
    this.#now = now;
  }

  /** What is known of this connector's keys, by the id of a need. */
  known(connectorId: string): (id: string) => FetchedKey | undefined {
    return (id) => {
      const kept = this.#kept.get(`${connectorId} ${id}`);
      return kept === undefined || this.#now() >= kept.untilMs ? undefined : kept.key;
    };
  }

  /**
   * Resolves when `known` has an answer, with true; with false when too much is asked at the moment. Never rejects: a
   * vendor that cannot be asked is an answer too.
   */
  async fetch(address: { readonly id: string; readonly connectorId: string }, connector: Connector, need: KeyNeed, scope: Scope): Promise<boolean> {
    const { connectorId } = address;
    const id = `${connectorId} ${need.id}`;
    const present = this.#fetching.get(id);
    if (present !== undefined) return present.then(() => true);
    const stranger = !this.#good.has(id);
    if (stranger && !this.#mayAsk(address)) return false;
    if (stranger) this.#atOnce.set(connectorId, (this.#atOnce.get(connectorId) ?? 0) + 1);
    const fetching = this.#ask(connector, need, scope)
      .catch((): FetchedKey => ({ kind: 'unavailable' }))
      .then((key) => {
        const keptMs = key.kind === 'unavailable' ? unavailableMs : key.kind === 'unknown' || need.from === 'jwks' ? Math.min(need.maxAgeS * 1000, askAgainMs) : need.maxAgeS * 1000;
        this.#kept.set(id, { key, untilMs: this.#now() + keptMs });
        if (key.kind === 'json' || key.kind === 'pem') this.#good.set(id, true);
      })
      .finally(() => {
        this.#fetching.delete(id);
        if (stranger) this.#atOnce.set(connectorId, (this.#atOnce.get(connectorId) ?? 1) - 1);
      });
    this.#fetching.set(id, fetching);
    return fetching.then(() => true);
  }

  #mayAsk({ id, connectorId }: { readonly id: string; readonly connectorId: string }): boolean {
    if ((this.#atOnce.get(connectorId) ?? 0) >= strangersAtOnce) return false;
    const present = this.#strangers.get(id);
    const counted = present === undefined || this.#now() >= present.sinceMs + minuteMs ? { sinceMs: this.#now(), count: 0 } : present;
    this.#strangers.set(id, counted);
    if (counted.count >= strangersAMinute) return false;
    counted.count += 1;
    return true;
  }

  async #ask(connector: Connector, need: KeyNeed, scope: Scope): Promise<FetchedKey> {
    const request = await requestOf(connector, need, scope);
    if (request === undefined) return { kind: 'unavailable' };
    const reply = await this.#upstream.send(request, { maxBodyBytes: maxKeyBytes });
    const bytes = await reply.bytes();
    if (reply.status === 404 || reply.status === 400) return { kind: 'unknown' };
    if (reply.status < 200 || reply.status > 299) return { kind: 'unavailable' };
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
    if (need.from === 'certificate') return { kind: 'pem', text };
    const value = JSON.parse(text) as unknown;
    return { kind: 'json', value: need.from === 'jwks' || need.path === '' ? value : compilePath(need.path)(value) };
  }
}

async function requestOf(connector: Connector, need: KeyNeed, scope: Scope) {
  if (need.request !== null) {
    const built = await connector.request(need.request).build({ ...scope, ...need.scope });
    return built.ok ? built.request : undefined;
  }
  return need.url === null ? undefined : { method: 'GET', url: need.url, headers: { accept: 'application/json, application/x-pem-file, */*' }, body: null, timeoutMs: 5_000 };
}
