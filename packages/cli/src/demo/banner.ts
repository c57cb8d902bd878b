/** What the demo tells when everything runs. */
import { trafficOf } from '@evenkeel/sandbox/demonstration.ts';
import type { CastReport } from './cast.ts';

export interface Scene {
  readonly url: string;
  readonly sandboxUrl: string;
  readonly receiverUrl: string;
  readonly apiKey: string;
  /** Where the key is kept; undefined when it came from the environment. */
  readonly keyFile: string | undefined;
  readonly cast: CastReport;
}

export function banner({ url, sandboxUrl, receiverUrl, apiKey, keyFile, cast }: Scene): string {
  const tenants = new Set(cast.members.map(({ plan }) => plan.tenant)).size;
  const connectors = new Set(cast.members.map(({ plan }) => plan.connector)).size;
  const state = cast.connected === 0 ? 'still connected' : cast.connected === cast.members.length ? 'connected' : `connected, ${cast.connected} of them just now`;
  const example = exampleOf(cast);
  return [
    '',
    'Evenkeel is running.',
    '',
    `  Console   ${url}`,
    `  API docs  ${url}/docs`,
    `  API key   ${apiKey}${keyFile === undefined ? '' : `  (admin; kept in ${keyFile})`}`,
    `  Receiver  ${receiverUrl}  (a product's side: the webhooks it was sent, newest first)`,
    `  Vendors   ${sandboxUrl}/_sandbox/vendors  (simulated)`,
    '',
    `${cast.members.length} accounts of ${tenants} tenants at ${connectors} vendors are ${state}. Programs call them; one more call:`,
    '',
    ...(example === undefined ? [] : [`  curl -H 'Authorization: Bearer ${apiKey}' '${url}/v1/proxy/${example}'`, '']),
    'Ctrl-C ends it. The next start takes up from here.',
  ].join('\n');
}

/** A list that needs nothing but the account. */
function exampleOf({ members }: CastReport): string | undefined {
  for (const { plan, account } of members) {
    const [read] = trafficOf(plan).reads;
    if (read !== undefined && read.query === undefined) return `${read.resource}?account_id=${account.id}&limit=3`;
  }
  return undefined;
}
