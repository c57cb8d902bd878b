/** Greenhouse's answers to refusals: {message}, with errors[] beside it for refused values. */
import { json, type Reply } from '../../exchange.ts';

export const greenhouseError = (status: number, message: string, headers: Record<string, string> = {}): Reply => json(status, { message }, headers);
export const unauthorized = (): Reply => greenhouseError(401, 'Invalid Basic Auth credentials');
export const forbidden = (): Reply => greenhouseError(403, 'This API Key does not have permission for this endpoint');
export const notFound = (): Reply => greenhouseError(404, 'Resource not found');
export const invalid = (message: string, field: string | null): Reply => json(422, { message: 'Validation error', errors: [field === null ? { message } : { message, field }] });
/** A 429 comes without the X-RateLimit headers. */
export const limited = (retryAfterS: number): Reply => greenhouseError(429, 'Rate limit exceeded. Please try again later.', { 'retry-after': String(retryAfterS) });
