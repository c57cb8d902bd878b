/** BambooHR says why in a header and leaves the body empty. */
import { empty, type Reply } from '../../exchange.ts';

export const bambooError = (status: number, message: string, headers: Record<string, string> = {}): Reply => empty(status, { 'x-bamboohr-error-message': message, ...headers });
export const unauthorized = (): Reply => bambooError(401, 'Invalid API key', { 'www-authenticate': 'Basic realm="BambooHR API"' });
export const forbidden = (message = 'You do not have access to this resource'): Reply => bambooError(403, message);
export const notFound = (message = 'Not found'): Reply => bambooError(404, message);
export const limited = (retryAfterS: number): Reply => bambooError(429, 'Rate limit exceeded', { 'retry-after': String(retryAfterS) });
