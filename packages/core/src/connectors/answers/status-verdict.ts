/** What a status means when no rule of the manifest decided (RFC 9110 section 15), and scope refusals by RFC 6750. */
import { errorRegistry, type ErrorCode, type Origin } from '@evenkeel/contract/errors.ts';
import type { UpstreamAnswer } from './upstream-answer.ts';
import { scopeList, type Finding, type JudgeContext } from './verdict.ts';

export interface ScopeKnowledge {
  readonly requiredScopes: readonly string[];
  readonly grantedScopes: { readonly header?: string; readonly separator?: string } | undefined;
}

/** Statuses with a meaning of their own; the rest go by class. 52x and 59x are those of gateways in front of vendors. */
const codes: Readonly<Record<number, ErrorCode>> = {
  400: 'invalid_request',
  402: 'forbidden',
  404: 'not_found',
  405: 'unsupported_operation',
  408: 'upstream_timeout',
  409: 'conflict',
  410: 'not_found',
  412: 'conflict',
  422: 'validation_failed',
  423: 'conflict',
  425: 'upstream_unavailable',
  429: 'rate_limited',
  451: 'forbidden',
  504: 'upstream_timeout',
  522: 'upstream_timeout',
  524: 'upstream_timeout',
  598: 'upstream_timeout',
  599: 'upstream_timeout',
};
/** A connector that names a method, type or version the vendor does not have is at fault itself. */
const builtWrongly = new Set([405, 406, 415, 505, 501]);

/** Undefined for a success: 2xx, and 304 to a conditional request. */
export function judgeStatus(answer: UpstreamAnswer, scopes: ScopeKnowledge, context: JudgeContext): Finding | undefined {
  const { status } = answer;
  if ((status >= 200 && status < 300) || status === 304) return undefined;
  const rule = `status:${status}`;
  if (status === 401) return isScopeRefusal(answer) ? scopeFinding(answer, scopes, context) : { code: 'reauth_required', origin: 'account', rule, credentialRefused: true };
  if (status === 403) return judgeForbidden(answer, scopes, context);
  const code = codes[status] ?? (status >= 500 ? 'upstream_unavailable' : status >= 400 ? 'invalid_request' : 'upstream_invalid_response');
  return { code, origin: originOf(status, code, context), rule };
}

function originOf(status: number, code: ErrorCode, context: JudgeContext): Origin {
  if (builtWrongly.has(status)) return context.surface === 'passthrough' ? 'caller' : 'platform';
  if (status === 402) return 'account';
  return errorRegistry[code].origin;
}

/** The account lacks a right, unless the caller chose the request. */
function judgeForbidden(answer: UpstreamAnswer, scopes: ScopeKnowledge, context: JudgeContext): Finding {
  const finding = scopeFinding(answer, scopes, context);
  if (finding !== undefined) return finding;
  return { code: 'forbidden', origin: context.surface === 'passthrough' ? 'caller' : 'account', rule: 'status:403' };
}

/** `error="insufficient_scope"` of RFC 6750 section 3.1 names the scopes; else what is required and was not granted. */
function scopeFinding(answer: UpstreamAnswer, scopes: ScopeKnowledge, context: JudgeContext): Finding | undefined {
  const granted = grantedScopes(answer, scopes, context);
  if (isScopeRefusal(answer)) {
    const named = scopeList(/\bscope="([^"]{0,4000})"/i.exec(answer.headers['www-authenticate'] ?? '')?.[1]);
    const lacking = named.length > 0 ? named : scopes.requiredScopes;
    const missing = granted === undefined ? lacking : lacking.filter((scope) => !granted.includes(scope));
    return { code: 'missing_scopes', origin: 'account', rule: 'scopes:www-authenticate', missingScopes: missing.length > 0 ? missing : lacking };
  }
  const missing = granted === undefined ? [] : scopes.requiredScopes.filter((scope) => !granted.includes(scope));
  return missing.length === 0 ? undefined : { code: 'missing_scopes', origin: 'account', rule: 'scopes:granted', missingScopes: missing };
}

function isScopeRefusal(answer: UpstreamAnswer): boolean {
  return /\berror="?insufficient_scope\b/i.test(answer.headers['www-authenticate'] ?? '');
}

function grantedScopes(answer: UpstreamAnswer, scopes: ScopeKnowledge, context: JudgeContext): readonly string[] | undefined {
  const header = scopes.grantedScopes?.header?.toLowerCase();
  const said = header !== undefined && Object.hasOwn(answer.headers, header) ? answer.headers[header] : undefined;
  return said === undefined ? context.grantedScopes : scopeList(said, scopes.grantedScopes?.separator);
}
