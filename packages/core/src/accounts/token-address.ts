/**
 * Addresses of authorization servers out of templates. What a placeholder yields can come from a form or a callback, so
 * it must not move the request to another host: inside the authority it may be host labels only, elsewhere it is
 * percent-encoded, and a placeholder that is the whole beginning must be an http(s) origin or base URL of its own.
 */
import { percentEncode } from '../connectors/values/bytes.ts';
import type { Scope } from '../connectors/values/scope.ts';
import { compilePlaceholder, parseTemplate, toTextOrAbsent } from '../connectors/values/template.ts';

const hostLabels = /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/;
const baseUrl = /^https?:\/\/[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d{1,5})?(?:\/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?$/;

/** Throws a TypeError that names the placeholder (never its value) when the address cannot or must not be built. */
export function buildAddress(template: string, scope: Scope): string {
  const parsed = parseTemplate(template);
  if (!parsed.ok) throw new TypeError(parsed.message);
  let address = '';
  for (const part of parsed.parts) {
    if (typeof part === 'string') {
      address += part;
      continue;
    }
    const text = toTextOrAbsent(compilePlaceholder(part)(scope));
    if (text === undefined || text === '') throw new TypeError(`The address ${template} needs {{${part.written}}}, which is absent.`);
    address += placed(text, address, `{{${part.written}}}`);
  }
  if (!/^https?:\/\/[^/?#@\\\s]+(?:[/?#][^\s\\]*)?$/.test(address)) throw new TypeError(`The address ${template} does not become an http(s) URL.`);
  return address;
}

function placed(text: string, before: string, written: string): string {
  if (before === '') {
    if (!baseUrl.test(text)) throw new TypeError(`${written} begins an address and is no http(s) base URL.`);
    return text.replace(/\/+$/, '');
  }
  const inAuthority = /^https?:\/\/[^/?#]*$/.test(before);
  if (!inAuthority) return percentEncode(text);
  if (!hostLabels.test(text)) throw new TypeError(`${written} stands in the host of an address and holds more than host labels.`);
  return text;
}

/** Appends parameters in the given order; a null or absent value is left out. */
export function withQuery(address: string, parameters: Iterable<readonly [string, string]>): string {
  const pairs = Array.from(parameters, ([name, value]) => `${percentEncode(name)}=${percentEncode(value)}`);
  if (pairs.length === 0) return address;
  const [base = '', ...fragment] = address.split('#');
  const joined = `${base}${base.includes('?') ? (/[?&]$/.test(base) ? '' : '&') : '?'}${pairs.join('&')}`;
  return fragment.length === 0 ? joined : `${joined}#${fragment.join('#')}`;
}
