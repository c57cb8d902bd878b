/**
 * The address at which the owner of a dead account connects it again, for answers of `reauth_required`. Calls to a dead
 * account may come by the thousand: the link is a connect session made once and handed out until half its life is over.
 */
import { LRUCache } from 'lru-cache';
import type { Queryable } from '../../database/pool.ts';
import { createSession, sessionLifetimeMs } from './connect-session-store.ts';

export interface ReconnectLinks {
  linkFor(account: { id: string; tenant_id: string; connector_id: string; scheme_id: string }): Promise<string>;
}

export function createReconnectLinks(parts: { database: Queryable; publicUrl: string; now: () => number }): ReconnectLinks {
  const links = new LRUCache<string, { url: Promise<string>; until: number }>({ max: 10_000 });
  const make = async (account: { id: string; tenant_id: string; connector_id: string; scheme_id: string }): Promise<string> => {
    const { token } = await createSession(parts.database, {
      tenantId: account.tenant_id,
      connectorId: account.connector_id,
      schemeId: account.scheme_id,
      accountId: account.id,
      returnUrl: null,
      createdBy: 'system:reauth',
    });
    return `${parts.publicUrl}/connect/${token}`;
  };
  return {
    linkFor(account) {
      const known = links.get(account.id);
      if (known !== undefined && known.until > parts.now()) return known.url;
      const url = make(account);
      links.set(account.id, { url, until: parts.now() + sessionLifetimeMs / 2 });
      url.catch(() => links.delete(account.id));
      return url;
    },
  };
}
