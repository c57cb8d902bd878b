/**
 * Validation of requests: bodies as they are, query and path values turned from text into the types they state. What no
 * column of the database could hold is refused here, once for all routes: U+0000 in a text, a time that is none.
 */
import { Ajv, type ErrorObject } from 'ajv';
import addFormats from 'ajv-formats';
import type { FastifySchemaCompiler } from 'fastify';
import { Refusal } from './problem.ts';

const options = { allErrors: true, strict: false, useDefaults: true, discriminator: true } as const;

export function createValidatorCompiler(): FastifySchemaCompiler<object> {
  const exact = new Ajv({ ...options });
  const coercing = new Ajv({ ...options, coerceTypes: 'array' });
  const written = addFormats.default(new Ajv()).compile<string>({ type: 'string', format: 'date-time' });
  for (const ajv of [exact, coercing]) {
    addFormats.default(ajv);
    // Of what the format lets pass, a leap second is no time to JavaScript.
    ajv.addFormat('date-time', (text: string) => written(text) && !Number.isNaN(Date.parse(text)));
  }
  return ({ schema, httpPart }) => {
    const validate = (httpPart === 'body' ? exact : coercing).compile(schema);
    const names = Object.keys((schema as { properties?: object }).properties ?? {});
    return (data: unknown) => {
      if (!validate(data)) return { error: faulty(validate.errors ?? []) };
      const spoilt = names.find((name) => holdsNul(data, name));
      if (spoilt === undefined) return { value: data };
      return { error: faulty([{ keyword: 'nul', instancePath: `/${spoilt}`, schemaPath: '', params: {}, message: 'must not hold the character U+0000' }]) };
    };
  };
}

/** As Fastify passes it on: an error that carries the faults. */
const faulty = (validation: ErrorObject[]): Error => Object.assign(new Error('validation'), { validation });

function holdsNul(data: unknown, name: string): boolean {
  const value: unknown = typeof data === 'object' && data !== null && Object.hasOwn(data, name) ? (data as Record<string, unknown>)[name] : undefined;
  return typeof value === 'string' && value.includes('\0');
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
