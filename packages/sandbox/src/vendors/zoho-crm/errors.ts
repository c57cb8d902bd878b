/** Zoho's answers to refusals: a code, a message, details and the status "error". */
import { json, type Reply } from '../../exchange.ts';
import type { JsonObject } from '../../json.ts';

export const zohoError = (status: number, code: string, message: string, details: JsonObject = {}): Reply => json(status, { code, details, message, status: 'error' });
export const invalidToken = (): Reply => zohoError(401, 'INVALID_TOKEN', 'invalid oauth token');
export const scopeMismatch = (): Reply => zohoError(401, 'OAUTH_SCOPE_MISMATCH', 'invalid oauth scope to access this URL');
export const limited = (): Reply => zohoError(429, 'TOO_MANY_REQUESTS', 'Your concurrent API calls exceeded the limit');
export const missingParameter = (name: string): Reply => zohoError(400, 'REQUIRED_PARAM_MISSING', 'One of the expected parameter is missing', { param_name: name });
/** Of one record of a write. */
export const recordError = (status: number, code: string, message: string, details: JsonObject): Reply => json(status, { data: [{ code, details, message, status: 'error' }] });
/** Token requests are refused with HTTP 200. */
export const tokenError = (error: string): Reply => json(200, { error });
