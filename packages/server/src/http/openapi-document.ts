/**
 * What the generated OpenAPI document lacks: answers that a room sends itself, the media type of problems, names for
 * generators of clients. Pure; the schemas stay those of the routes.
 */
import { STATUS_CODES } from 'node:http';
import { Problem } from '@evenkeel/contract/errors.ts';
import type { Route } from './route.ts';

interface Answer {
  description: string;
  content?: Record<string, object>;
}
interface Operation {
  operationId?: string;
  responses?: Record<string, Answer>;
}
export interface ApiDocument {
  paths?: Record<string, object | undefined>;
  components?: { schemas?: Record<string, object> };
}

/** Changes the document and gives it back. Of OpenAPI 3.1: every operation has at least one response, and a name of its own. */
export function completeDocument<Document extends ApiDocument>(document: Document, routes: readonly Route[]): Document {
  const known = new Map(routes.flatMap((one) => (typeof one.method === 'string' ? [one.method] : one.method).map((method) => [`${method.toLowerCase()} ${templateOf(one.path)}`, one] as const)));
  for (const [path, operations] of Object.entries(document.paths ?? {})) {
    const written = (operations ?? {}) as Record<string, Operation>;
    for (const [method, operation] of Object.entries(written)) {
      // The methods of one route share an object.
      written[method] = { ...operation, operationId: nameOf(method, path), responses: answersOf(operation.responses ?? {}, known.get(`${method} ${path}`)) };
    }
  }
  document.components = { ...document.components, schemas: { ...document.components?.schemas, Problem } };
  return document;
}

function answersOf(generated: Record<string, Answer>, route: Route | undefined): Record<string, Answer> {
  const sent = Object.entries(route?.schema.response ?? {}).filter(([, schema]) => schema === null).map(([status]) => [status, { description: phraseOf(status) }] as const);
  const answers: Record<string, Answer> = { ...Object.fromEntries(sent), ...generated };
  for (const [status, answer] of Object.entries(answers)) {
    const problem = { content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } } };
    answers[status] = { ...answer, description: phraseOf(status), ...(/^[45]XX$/i.test(status) ? problem : {}) };
  }
  return Object.keys(answers).length === 0 ? { default: { description: 'As the connector says its vendor expects.' } } : answers;
}

function phraseOf(status: string): string {
  if (/^4XX$/i.test(status)) return 'Refused; the code says why.';
  if (/^5XX$/i.test(status)) return 'Failed; the origin says whose failure it is.';
  return STATUS_CODES[status] ?? 'Answer';
}

/** `/v1/accounts/:id` and `/v1/passthrough/*` as OpenAPI writes them. */
const templateOf = (path: string): string => path.replaceAll(/:([A-Za-z_]+)/g, '{$1}').replace(/\*$/, '{*}');

/** `get /v1/accounts/{id}/transitions` → getAccountsByIdTransitions. */
function nameOf(method: string, path: string): string {
  const words = path.replace(/^\/v1\//, '/').split(/[^A-Za-z0-9{}*]+/).filter((word) => word !== '');
  return method + words.map((word) => (word.startsWith('{') ? `By${capital(word.slice(1, -1).replace('*', 'path'))}` : capital(word))).join('');
}

const capital = (word: string): string => word.slice(0, 1).toUpperCase() + word.slice(1);
