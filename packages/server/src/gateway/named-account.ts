/** The account that a request names: by the header, or by the query where no header can be set. */
import { accountHeader } from '@evenkeel/contract/api/proxy.ts';
import type { FastifyRequest } from 'fastify';

export function accountOf(raw: FastifyRequest): string | undefined {
  const named = raw.headers[accountHeader];
  if (typeof named === 'string') return named;
  const { account_id: queried } = raw.query as { account_id?: unknown };
  return typeof queried === 'string' ? queried : undefined;
}
