/**
 * Which addresses an endpoint may have. This tells its owner at once what cannot work; what keeps deliveries out of private
 * networks is the guard at every connection (upstream/dialer.ts), since a name can lead anywhere later.
 */
import { isIP } from 'node:net';
import { Refusal } from '../http/problem.ts';
import type { AddressGuard } from '../upstream/address-guard.ts';

export interface AddressRules {
  readonly guard: AddressGuard;
  /** The installation lets endpoints be in private networks: then plain http is possible, too. */
  readonly plainAllowed: boolean;
}

/** Its normal form. Refuses with invalid_request. */
export function checkAddress(url: string, { guard, plainAllowed }: AddressRules): string {
  const parsed = URL.parse(url);
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) throw new Refusal('invalid_request', `"${url}" is no https address.`);
  if (parsed.username !== '' || parsed.password !== '') throw new Refusal('invalid_request', 'The address holds user information. Send credentials in headers instead.');
  if (parsed.protocol === 'http:' && !plainAllowed) throw new Refusal('invalid_request', 'The address has to be https: deliveries hold your customers\' data. Plain http is possible where EVENKEEL_ALLOW_PRIVATE_ENDPOINTS is set.');
  const host = parsed.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0) {
    const verdict = guard.judge(host);
    if (!verdict.ok) throw new Refusal('invalid_request', `${host} is an address that may not be called (${verdict.range}). Allow its range in EVENKEEL_ALLOW_PRIVATE_ENDPOINTS if this is meant.`);
  }
  parsed.hash = '';
  return parsed.href;
}

const ownHeaders = /^(webhook-.*|evenkeel-.*|content-type|content-length|transfer-encoding|host|connection|keep-alive|upgrade|expect|te|trailer|proxy-.*)$/;

/** Lower-case names. Refuses with invalid_request what cannot be sent or is Evenkeel's own. */
export function checkHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  const checked: Record<string, string> = {};
  if (Object.keys(headers).length > 20) throw new Refusal('invalid_request', 'An endpoint can have 20 headers of its own.');
  for (const [given, value] of Object.entries(headers)) {
    const name = given.toLowerCase();
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]{1,100}$/.test(name)) throw new Refusal('invalid_request', `"${given}" is no name of a header.`);
    if (ownHeaders.test(name)) throw new Refusal('invalid_request', `The header ${given} is set by Evenkeel.`);
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) throw new Refusal('invalid_request', `The value of the header ${given} holds characters that no header can carry.`);
    checked[name] = value;
  }
  return checked;
}
