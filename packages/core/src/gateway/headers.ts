/**
 * Which header fields cross. Hop-by-hop fields never do (RFC 9110 section 7.6.1); the caller's credentials never reach a
 * vendor; a vendor's cookies, challenges and infrastructure never reach a caller; quotas pass only in normalised form.
 */
export type Surface = 'proxy' | 'passthrough';
type Headers = Readonly<Record<string, string>>;

const hopByHop = new Set(['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'http2-settings']);

/** Of a proxied call only these: the connector decides everything else. */
const proxiedToVendor = ['accept-language', 'if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'idempotency-key', 'prefer'];

/** Never from a caller to a vendor: who the caller is, where it stands, and what belongs to this hop. */
const keptFromVendor = new Set(['host', 'authorization', 'cookie', 'content-length', 'expect', 'origin', 'referer', 'via', 'forwarded', 'x-real-ip', 'true-client-ip', 'x-client-ip', 'traceparent', 'tracestate', 'baggage', 'accept-encoding', 'account_id']);
const keptFromVendorPrefix = /^(?:evenkeel-|x-forwarded-|sec-|cf-|access-control-|:)/;

/** Of a proxied answer only these; its body is ours. */
const proxiedToCaller = ['etag', 'last-modified', 'content-language', 'content-disposition'];

const keptFromCaller = new Set(['set-cookie', 'set-cookie2', 'www-authenticate', 'authentication-info', 'strict-transport-security', 'public-key-pins', 'alt-svc', 'server', 'x-powered-by', 'via', 'content-security-policy', 'content-security-policy-report-only', 'permissions-policy', 'referrer-policy', 'x-frame-options', 'nel', 'report-to', 'reporting-endpoints', 'clear-site-data', 'age', 'content-length', 'retry-after', 'ratelimit', 'ratelimit-policy', 'ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset', 'refresh', 'service-worker-allowed', 'sourcemap']);
const keptFromCallerPrefix = /^(?:evenkeel-|access-control-|cross-origin-|sec-|cf-|x-amz-cf-|:)/;

const fieldName = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Fields of the caller, in lower case, that go to the vendor. What the connector sets wins over them. */
export function toVendor(surface: Surface, caller: Headers): Record<string, string> {
  if (surface === 'proxy') return pickNamed(caller, proxiedToVendor);
  const nominated = connectionOptions(caller);
  return pick(caller, (name) => !hopByHop.has(name) && !nominated.has(name) && !keptFromVendor.has(name) && !keptFromVendorPrefix.test(name));
}

/**
 * Fields of the vendor that go to the caller. `decoded` states that content codings were undone, so that the fields
 * that describe the coded bytes no longer hold; the `secrets` held are texts of which none may pass.
 */
export function toCaller(surface: Surface, vendor: Headers, decoded: boolean, held: { readonly secrets: readonly string[] }): Record<string, string> {
  const clean = (name: string): boolean => !held.secrets.some((secret) => vendor[name]?.includes(secret));
  if (surface === 'proxy') return pickNamed(vendor, proxiedToCaller, clean);
  const nominated = connectionOptions(vendor);
  return pick(vendor, (name) => {
    if (hopByHop.has(name) || nominated.has(name) || keptFromCaller.has(name) || keptFromCallerPrefix.test(name)) return false;
    return !(decoded && (name === 'content-encoding' || name === 'content-md5' || name === 'digest' || name === 'content-digest')) && clean(name);
  });
}

/** The fields a `Connection` field declares to be for this hop only. */
function connectionOptions(headers: Headers): Set<string> {
  const named = headers['connection'];
  return new Set(named === undefined ? [] : named.toLowerCase().split(',').map((option) => option.trim()));
}

/** Few names out of many fields: looked up, not searched. The fields have lower-case names. */
function pickNamed(headers: Headers, names: readonly string[], passes: (name: string) => boolean = () => true): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const name of names) {
    const value = headers[name];
    if (value !== undefined && fieldValue.test(value) && passes(name)) picked[name] = value;
  }
  return picked;
}

function pick(headers: Headers, passes: (name: string) => boolean): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const [written, value] of Object.entries(headers)) {
    const name = written.toLowerCase();
    if (name !== '__proto__' && fieldName.test(name) && fieldValue.test(value) && passes(name)) picked[name] = value;
  }
  return picked;
}
