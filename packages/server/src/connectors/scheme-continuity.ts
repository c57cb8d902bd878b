/** Accounts live by the authentication scheme they were connected with: no new version may take it from them. */
import type { Manifest } from '@evenkeel/contract/manifest/manifest.ts';

/**
 * What the manifest would take from accounts, in words, or undefined. `before` is the manifest they work on now: a
 * scheme that keeps its id and changes its type could not use the credentials stored.
 */
export function lostSchemes(manifest: Manifest, inUse: readonly { schemeId: string; accounts: number }[], before?: Manifest): string | undefined {
  const typeOf = (source: Manifest | undefined, id: string): string | undefined => source?.auth.find((scheme) => scheme.id === id)?.type;
  const lost = inUse.flatMap(({ schemeId, accounts }) => {
    const type = typeOf(manifest, schemeId);
    const present = typeOf(before, schemeId);
    const whose = `${accounts} ${accounts === 1 ? 'account is' : 'accounts are'} connected`;
    if (type === undefined) return [`${whose} with the scheme "${schemeId}", which it lacks`];
    return present === undefined || present === type ? [] : [`${whose} with the scheme "${schemeId}" as ${present}, which becomes ${type}`];
  });
  return lost.length === 0 ? undefined : lost.join('; ');
}
