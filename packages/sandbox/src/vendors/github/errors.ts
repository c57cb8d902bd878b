/** GitHub's API errors: {message, documentation_url, status}; its OAuth errors come with HTTP 200. */
import { json, type Reply } from '../../exchange.ts';
import type { JsonObject } from '../../json.ts';

const docs = 'https://docs.github.com/rest';
export const githubError = (status: number, message: string, more: JsonObject = {}, headers: Record<string, string> = {}): Reply => json(status, { message, ...more, documentation_url: docs, status: String(status) }, headers);
export const badCredentials = (): Reply => githubError(401, 'Bad credentials');
export const notFound = (): Reply => githubError(404, 'Not Found');
export const notAccessible = (permissions = 'issues=write'): Reply => githubError(403, 'Resource not accessible by integration', {}, { 'x-accepted-github-permissions': permissions });
export const invalid = (resource: string, field: string, code: string): Reply => githubError(422, 'Validation Failed', { errors: [{ resource, field, code }] });
export const primaryLimit = (who: string, resetAt: number): Reply => githubError(403, `API rate limit exceeded for ${who}.`, {}, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(Math.ceil(resetAt / 1000)) });
export const secondaryLimit = (retryAfterS: number): Reply => githubError(403, 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.', {}, { 'retry-after': String(retryAfterS) });
