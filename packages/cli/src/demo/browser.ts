/** A browser without a screen: follows redirects, keeps cookies (RFC 6265, host-only), submits forms. */
import { readForms, readText, type HtmlForm } from './html-form.ts';

export interface WebPage {
  readonly url: string;
  readonly status: number;
  readonly forms: readonly HtmlForm[];
  /** What a reader sees, on one line. */
  readonly text: string;
}

interface Cookie {
  readonly value: string;
  readonly path: string;
}

/** One person's browser; nothing is shared between two of them. */
export class Browser {
  /** Host → name → cookie. Ports share cookies, as in any browser. */
  readonly #cookies = new Map<string, Map<string, Cookie>>();
  readonly #signal: AbortSignal | undefined;

  constructor(signal?: AbortSignal) {
    this.#signal = signal;
  }

  open(url: string): Promise<WebPage> {
    return this.#request(new URL(url), 'GET');
  }

  /** Fills the form's fields by name and presses the button with this name and value. */
  submit(page: WebPage, form: HtmlForm, fill: Readonly<Record<string, string>> = {}, button?: { readonly name: string; readonly value: string }): Promise<WebPage> {
    const target = new URL(form.action, page.url);
    const data = new URLSearchParams();
    for (const field of form.fields) data.append(field.name, fill[field.name] ?? field.value);
    if (button !== undefined) data.append(button.name, button.value);
    if (form.method === 'POST') return this.#request(target, 'POST', data, page.url);
    target.search = data.toString();
    return this.#request(target, 'GET', undefined, page.url);
  }

  async #request(start: URL, startMethod: string, data?: URLSearchParams, from?: string): Promise<WebPage> {
    let url = start;
    let method = startMethod;
    for (let hop = 0; hop <= 20; hop += 1) {
      const headers = new Headers({ accept: 'text/html', 'user-agent': 'Mozilla/5.0 (compatible; EvenkeelDemo)' });
      const cookies = this.#cookiesFor(url);
      if (cookies !== '') headers.set('cookie', cookies);
      if (method === 'POST') headers.set('origin', new URL(from ?? url).origin);
      const response = await fetch(url, { method, headers, redirect: 'manual', body: method === 'POST' ? (data ?? null) : null, signal: this.#signal ?? null });
      this.#keepCookies(url, response.headers.getSetCookie());
      const location = response.status >= 300 && response.status < 400 ? response.headers.get('location') : null;
      if (location === null) {
        const html = await response.text();
        return { url: url.href, status: response.status, forms: readForms(html), text: readText(html) };
      }
      await response.body?.cancel();
      url = new URL(location, url);
      if (response.status !== 307 && response.status !== 308) method = 'GET';
    }
    throw new Error(`${start.href} redirected more than 20 times; the last address was ${url.href}.`);
  }

  #cookiesFor(url: URL): string {
    const jar = this.#cookies.get(url.hostname) ?? new Map<string, Cookie>();
    return [...jar].filter(([, { path }]) => covers(path, url.pathname)).map(([name, { value }]) => `${name}=${value}`).join('; ');
  }

  #keepCookies(url: URL, lines: readonly string[]): void {
    const jar = this.#cookies.get(url.hostname) ?? new Map<string, Cookie>();
    this.#cookies.set(url.hostname, jar);
    for (const line of lines) {
      const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
      const at = pair.indexOf('=');
      if (at < 1) continue;
      const path = attributes.find((one) => /^path=\//i.test(one))?.slice(5) ?? url.pathname.slice(0, Math.max(1, url.pathname.lastIndexOf('/')));
      const ended = attributes.some((one) => /^max-age=(0|-\d+)$/i.test(one) || (/^expires=/i.test(one) && Date.parse(one.slice(8)) <= Date.now()));
      if (ended) jar.delete(pair.slice(0, at));
      else jar.set(pair.slice(0, at), { value: pair.slice(at + 1), path });
    }
  }
}

function covers(cookiePath: string, path: string): boolean {
  return path === cookiePath || path.startsWith(cookiePath.endsWith('/') ? cookiePath : `${cookiePath}/`);
}
