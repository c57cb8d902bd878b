/** Where a scheme keeps its rules of renewal: on itself, or on the grant of an assertion. */
import type { AuthScheme, Expiry, Refresh } from '@evenkeel/contract/manifest/auth.ts';

export function refreshOf(scheme: AuthScheme): Refresh | undefined {
  switch (scheme.type) {
    case 'oauth2_code':
    case 'oauth2_client_credentials':
    case 'session':
      return scheme.refresh;
    case 'jwt_bearer':
      return scheme.grant.type === 'direct' ? undefined : scheme.grant.refresh;
    case 'api_key':
    case 'basic':
    case 'oauth1':
    case 'aws_sigv4':
    case 'none':
      return undefined;
  }
}

/** Where a scheme says that the end of its tokens is known from; undefined: it says nothing, or has no tokens. */
export function expiryOf(scheme: AuthScheme): Expiry | undefined {
  if (scheme.type === 'jwt_bearer') return scheme.grant.type === 'direct' ? undefined : scheme.grant.expiry;
  return 'expiry' in scheme ? scheme.expiry : undefined;
}

const defaultConcurrency = 32;

/** Refreshes of one connector under way at once, on all nodes together: the least that its schemes state, default 32. */
export function concurrencyOf(schemes: readonly AuthScheme[]): number {
  const stated = schemes.flatMap((scheme) => refreshOf(scheme)?.max_concurrent ?? []);
  return stated.length === 0 ? defaultConcurrency : Math.min(...stated);
}
