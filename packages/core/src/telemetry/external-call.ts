/**
 * A client span of a team's own integration as a call that is counted: whose it was, what became of it, and who has to
 * act. By the HTTP client conventions of OpenTelemetry, the stable names before the former ones.
 */
import type { ErrorCode, Origin } from '@evenkeel/contract/errors.ts';
import type { Fact } from './outcome.ts';
import type { AttributeValue, Span } from './otlp-json.ts';

const clientKind = 3;
const errorStatus = 2;

export interface ExternalCall {
  readonly connectorId: string;
  readonly tenantId: string | null;
  readonly accountId: string | null;
  /** `GET /contacts/{id}`; the method alone where no template is given, because addresses are without number. */
  readonly endpoint: string;
  readonly endMs: number;
  readonly fact: Fact;
}

/** Null for a span that is no call over HTTP to somebody else, or has no proper times. */
export function externalCall({ kind, startMs, endMs, statusCode, attributes }: Span): ExternalCall | null {
  if (kind !== clientKind || !(endMs >= startMs)) return null;
  const method = textOf(attributes, 'http.request.method', 'http.method');
  const connector = textOf(attributes, 'evenkeel.connector', 'peer.service', 'server.address', 'net.peer.name', 'http.host');
  if (method === undefined || connector === undefined) return null;
  const template = textOf(attributes, 'evenkeel.endpoint', 'url.template', 'http.route');
  const status = Number(attributes.get('http.response.status_code') ?? attributes.get('http.status_code') ?? Number.NaN);
  const totalUs = Math.round((endMs - startMs) * 1000);
  return {
    connectorId: connector.slice(0, 63),
    tenantId: textOf(attributes, 'evenkeel.tenant_id', 'evenkeel.tenant') ?? null,
    accountId: textOf(attributes, 'evenkeel.account_id', 'evenkeel.account') ?? null,
    endpoint: template === undefined ? method : template.includes(' ') ? template.slice(0, 200) : `${method} ${template.slice(0, 180)}`,
    endMs,
    fact: { ...outcomeOf(status, statusCode, textOf(attributes, 'error.type')), totalUs, upstreamUs: totalUs },
  };
}

const failure = (origin: Origin, code: ErrorCode): Pick<Fact, 'outcome' | 'origin' | 'code'> => ({ outcome: 'failure', origin, code });

/** There is no more evidence than a status: a 401 is the account's, a 429 and what is above 500 the vendor's. */
function outcomeOf(status: number, statusCode: number, errorType: string | undefined): Pick<Fact, 'outcome' | 'origin' | 'code'> {
  if (status >= 500) return failure('upstream', 'upstream_unavailable');
  if (status === 429) return failure('upstream', 'rate_limited');
  if (status === 408) return failure('upstream', 'upstream_timeout');
  if (status === 401) return failure('account', 'reauth_required');
  if (status === 403) return failure('account', 'forbidden');
  if (status === 404) return failure('caller', 'not_found');
  if (status >= 400) return failure('caller', 'invalid_request');
  if (status >= 100) return { outcome: 'success', origin: null, code: null };
  if (statusCode !== errorStatus && errorType === undefined) return { outcome: 'success', origin: null, code: null };
  if (/abort|cancel/i.test(errorType ?? '')) return { outcome: 'aborted', origin: null, code: null };
  return failure('upstream', /time.?out/i.test(errorType ?? '') ? 'upstream_timeout' : 'upstream_unavailable');
}

function textOf(attributes: ReadonlyMap<string, AttributeValue>, ...names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = attributes.get(name);
    if (typeof value === 'string' && value !== '' && value.length <= 256 && !value.includes('\0') && value.isWellFormed()) return value;
  }
  return undefined;
}
