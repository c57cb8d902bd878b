/** HubSpot's error bodies: {status:"error", message, correlationId, category, …}. */
import { randomUUID } from 'node:crypto';
import { json, type Reply } from '../../exchange.ts';
import type { Json, JsonObject } from '../../json.ts';

export function hubspotError(status: number, category: string, message: string, more: JsonObject = {}): Reply {
  return json(status, { status: 'error', message, correlationId: randomUUID(), ...more, category });
}

export const notFound = (): Reply => hubspotError(404, 'OBJECT_NOT_FOUND', 'resource not found');

export function missingScopes(scopes: readonly string[]): Reply {
  return hubspotError(403, 'MISSING_SCOPES', "This app hasn't been granted all required scopes to make this call. Read more about required scopes here: https://developers.hubspot.com/scopes.", {
    errors: [{ message: 'One or more of the following scopes are required.', context: { requiredGranularScopes: [...scopes] } }],
    links: { scopes: 'https://developers.hubspot.com/scopes' },
  });
}

export function expired(secondsAgo: number): Reply {
  return hubspotError(401, 'EXPIRED_AUTHENTICATION', `The OAuth token used to make this call expired ${secondsAgo} second(s) ago.`, {
    context: { 'expire time': [new Date(Date.now() - secondsAgo * 1000).toISOString()] } as Record<string, Json>,
  });
}

export const unauthenticated = (): Reply =>
  hubspotError(401, 'INVALID_AUTHENTICATION', 'Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview');

export function rateLimited(policy: 'TEN_SECONDLY_ROLLING' | 'SECONDLY' | 'DAILY'): Reply {
  const name = policy === 'TEN_SECONDLY_ROLLING' ? 'ten_secondly_rolling' : policy === 'DAILY' ? 'daily' : 'secondly';
  return json(429, { status: 'error', message: `You have reached your ${name} limit.`, errorType: 'RATE_LIMIT', correlationId: randomUUID(), policyName: policy, requestId: randomUUID() });
}

export const validation = (message: string): Reply => hubspotError(400, 'VALIDATION_ERROR', message);
