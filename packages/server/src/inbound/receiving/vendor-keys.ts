/** Public keys that vendors publish, fetched when a request needs one and kept for as long as the manifest says. */
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

export class VendorKeys {
  readonly #upstream: UpstreamClient;
  readonly #now: () => number;
  readonly #kept = new LRUCache<string, Kept>({ max: 2_000 });
  readonly #fetching = new Map<string, Promise<void>>();

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

  /** Resolves when `known` has an answer. Never rejects: a vendor that cannot be asked is an answer too. */
  async fetch(connectorId: string, connector: Connector, need: KeyNeed, scope: Scope): Promise<void> {
    const id = `${connectorId} ${need.id}`;
    const present = this.#fetching.get(id);
    if (present !== undefined) return present;
    const fetching = this.#ask(connector, need, scope)
      .catch((): FetchedKey => ({ kind: 'unavailable' }))
      .then((key) => {
        const keptMs = key.kind === 'unavailable' ? unavailableMs : key.kind === 'unknown' || need.from === 'jwks' ? Math.min(need.maxAgeS * 1000, askAgainMs) : need.maxAgeS * 1000;
        this.#kept.set(id, { key, untilMs: this.#now() + keptMs });
      })
      .finally(() => this.#fetching.delete(id));
    this.#fetching.set(id, fetching);
    return fetching;
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
