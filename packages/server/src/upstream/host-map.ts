/**
 * Leads addresses of vendors somewhere else, by configuration: to the sandbox in demos and tests, to a relay in a closed
 * network. It applies at the last moment, so that origin checks and signatures see the real address. Also used for
 * browser redirects to authorize pages.
 */

/** Host (`api.example.com`), suffix (`*.example.com`) or `*` → base URL, in which `{host}` stands for the real host. */
export type HostMapEntries = Readonly<Record<string, string>>;

export interface HostMap {
  /** The base URL that replaces an origin such as `https://api.example.com`, without trailing slash; null when none does. */
  base(origin: string): string | null;
  /** The whole URL as it is really called or shown; unchanged when nothing matches. */
  apply(url: string): string;
}

/** Throws on an entry whose target is no http(s) URL. The most specific entry wins: exact, longest suffix, `*`. */
export function createHostMap(entries: HostMapEntries = {}): HostMap {
  for (const [pattern, target] of Object.entries(entries)) {
    const sample = target.replaceAll('{host}', 'example.com');
    if (!/^https?:\/\//.test(sample) || !URL.canParse(sample)) {
      throw new Error(`The host map entry "${pattern}" leads to "${target}", which is not an http or https URL.`);
    }
  }
  const suffixes = Object.keys(entries)
    .filter((pattern) => pattern.startsWith('*.'))
    .toSorted((a, b) => b.length - a.length);
  const find = (host: string): string | undefined => {
    const bare = host.replace(/:\d+$/, '');
    for (const exact of [host, bare]) if (Object.hasOwn(entries, exact)) return entries[exact];
    const suffix = suffixes.find((pattern) => bare.endsWith(pattern.slice(1)));
    if (suffix !== undefined) return entries[suffix];
    return Object.hasOwn(entries, '*') ? entries['*'] : undefined;
  };
  const base = (origin: string): string | null => {
    const host = new URL(origin).host;
    const target = find(host);
    return target === undefined ? null : target.replaceAll('{host}', host).replace(/\/+$/, '');
  };
  const apply = (url: string): string => {
    const parsed = new URL(url);
    const mapped = base(parsed.origin);
    return mapped === null ? url : mapped + parsed.pathname + parsed.search + parsed.hash;
  };
  return { base, apply };
}
