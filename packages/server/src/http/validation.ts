/** Validation of requests: bodies as they are, query and path values turned from text into the types they state. */
import { Ajv, type ErrorObject } from 'ajv';
import addFormats from 'ajv-formats';
import type { FastifySchemaCompiler } from 'fastify';
import { Refusal } from './problem.ts';

const options = { allErrors: true, strict: false, useDefaults: true, discriminator: true } as const;

export function createValidatorCompiler(): FastifySchemaCompiler<object> {
  const exact = new Ajv({ ...options });
  const coercing = new Ajv({ ...options, coerceTypes: 'array' });
  for (const ajv of [exact, coercing]) addFormats.default(ajv);
  return ({ schema, httpPart }) => (httpPart === 'body' ? exact : coercing).compile(schema);
}

/** invalid_request with every fault and where it stands. */
export function validationRefusal(part: string, faults: readonly ErrorObject[]): Refusal {
  const errors = faults.map((fault) => {
    const path = [part, ...fault.instancePath.split('/').slice(1)].join('.');
    const named = fault.keyword === 'additionalProperties' ? ` ("${String(fault.params['additionalProperty'])}")` : '';
    const allowed = fault.keyword === 'enum' ? ` (${(fault.params['allowedValues'] as unknown[]).join(', ')})` : '';
    return { path, message: `${fault.message ?? fault.keyword}${named}${allowed}` };
  });
  const first = errors[0];
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more, see errors)` : '';
  return new Refusal('invalid_request', first === undefined ? `The ${part} is not valid.` : `${first.path} ${first.message}${more}.`, { errors });
}
