/**
 * Headers as they stand in a stored request: one line each in the order and spelling received, ISO 8859-1 as on the
 * wire. Values that are credentials by themselves are not written down; signatures are.
 */
import { mask } from '@evenkeel/core/telemetry/masking.ts';

const credentials = new Set(['authorization', 'proxy-authorization', 'cookie']);

/** `raw` alternates names and values, as node:http gives them. */
export function writeHeaderLines(raw: readonly string[]): string {
  let text = '';
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] ?? '';
    text += `${name}: ${credentials.has(name.toLowerCase()) ? mask : (raw[index + 1] ?? '')}\r\n`;
  }
  return text;
}

/** Names and values in turn, as `writeHeaderLines` took them. */
export function readHeaderLines(bytes: Buffer): string[] {
  return bytes
    .toString('latin1')
    .split('\r\n')
    .flatMap((line) => {
      const colon = line.indexOf(': ');
      return colon === -1 ? [] : [line.slice(0, colon), line.slice(colon + 2)];
    });
}
