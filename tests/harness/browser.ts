/** A browser as small as it gets: cookies by origin, redirects followed one by one, no script. */

export interface Visited {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export class Browser {
  readonly #jars = new Map<string, Map<string, string>>();
  /** Every address a redirect led to, in order. */
  readonly trail: string[] = [];

  get(url: string): Promise<Visited> {
    return this.#go(url, { method: 'GET' });
  }

  submit(url: string, fields: Record<string, string> = {}): Promise<Visited> {
    return this.#go(url, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams(fields).toString() });
  }

  async #go(address: string, first: { method: string; headers?: Record<string, string>; body?: string }): Promise<Visited> {
    let [url, request] = [address, first];
    for (let hop = 0; hop < 15; hop += 1) {
      const jar = this.#jarOf(url);
      const cookie = Array.from(jar, ([name, value]) => `${name}=${value}`).join('; ');
      const response = await fetch(url, { ...request, redirect: 'manual', headers: { ...request.headers, ...(cookie === '' ? {} : { cookie }) } });
      for (const line of response.headers.getSetCookie()) this.#keep(jar, line);
      const location = response.headers.get('location');
      if (location === null) return { url, status: response.status, headers: response.headers, text: await response.text() };
      await response.arrayBuffer();
      url = new URL(location, url).href;
      this.trail.push(url);
      request = { method: 'GET' };
    }
    throw new Error(`redirected in a circle at ${url}`);
  }

  #jarOf(url: string): Map<string, string> {
    const { origin } = new URL(url);
    const jar = this.#jars.get(origin) ?? new Map<string, string>();
    this.#jars.set(origin, jar);
    return jar;
  }

  #keep(jar: Map<string, string>, line: string): void {
    const [pair = '', ...attributes] = line.split(';');
    const [name = '', ...value] = pair.split('=');
    const ended = attributes.some((attribute) => /^\s*expires=/i.test(attribute) && Date.parse(attribute.split('=')[1] ?? '') < Date.now());
    if (ended) jar.delete(name.trim());
    else jar.set(name.trim(), value.join('='));
  }
}
