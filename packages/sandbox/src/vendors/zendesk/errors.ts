/** Zendesk's answers to refusals. */
import { json, text, type Reply } from '../../exchange.ts';

export const zendeskError = (status: number, error: string, description: string): Reply => json(status, { error, description });
export const notFound = (): Reply => zendeskError(404, 'RecordNotFound', 'Not found');
export const invalid = (field: string, message: string): Reply => json(422, { error: 'RecordInvalid', description: 'Record validation errors', details: { [field]: [{ description: message, error: 'BlankValue' }] } });
export const tokenRefused = (): Reply => json(401, { error: 'invalid_token', error_description: 'The access token provided is expired, revoked, malformed or invalid for other reasons.' }, { 'www-authenticate': 'Bearer realm="Web Password" error="invalid_token"' });
export const unauthenticated = (): Reply => json(401, { error: "Couldn't authenticate you" });
export const lacksScope = (scope: string): Reply => zendeskError(403, 'Forbidden', `You are missing the following required scopes: ${scope}`);
export const limited = (retryAfterS: number): Reply => text(429, 'Number of allowed API requests per minute exceeded', { 'content-type': 'text/plain', 'retry-after': String(retryAfterS) });
export const oauthError = (error: string, description: string, status = 400): Reply => json(status, { error, error_description: description });
