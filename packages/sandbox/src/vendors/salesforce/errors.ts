/** Salesforce answers API errors as a list of {message, errorCode, fields?}, OAuth errors as RFC 6749 objects. */
import { json, type Reply } from '../../exchange.ts';

export const salesforceError = (status: number, errorCode: string, message: string, fields?: string[]): Reply =>
  json(status, [fields === undefined ? { message, errorCode } : { message, errorCode, fields }]);
export const sessionInvalid = (): Reply => salesforceError(401, 'INVALID_SESSION_ID', 'Session expired or invalid');
export const notFound = (message = 'The requested resource does not exist'): Reply => salesforceError(404, 'NOT_FOUND', message);
export const requestLimit = (): Reply => salesforceError(403, 'REQUEST_LIMIT_EXCEEDED', 'TotalRequests Limit exceeded.');
export const oauthError = (error: string, description: string, status = 400): Reply => json(status, { error, error_description: description });
