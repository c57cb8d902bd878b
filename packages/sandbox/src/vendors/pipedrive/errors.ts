/** Pipedrive wraps failures as {success:false, error, error_info, data, additional_data}. */
import { json, type Reply } from '../../exchange.ts';

const info = 'Please check developers.pipedrive.com for more information about Pipedrive API.';
export const pipedriveError = (status: number, error: string): Reply => json(status, { success: false, error, error_info: info, data: null, additional_data: null });
export const unauthorized = (): Reply => json(401, { success: false, error: 'unauthorized access', errorCode: 401, error_info: info });
export const scopeMismatch = (): Reply => json(403, { success: false, error: 'Scope and URL mismatch', errorCode: 403, error_info: info });
export const overLimit = (retryAfterS: number): Reply => json(429, { success: false, error: 'Request over limit', errorCode: 429, error_info: info }, { 'retry-after': String(retryAfterS) });
export const oauthError = (status: number, error: string, description: string): Reply => json(status, { success: false, message: description, error, error_description: description });
