/** Structured logs on standard output, one JSON object a line, with everything that could hold a secret redacted. */
import { pino, type DestinationStream, type Logger } from 'pino';

export type Log = Logger;

/** Keys that are blanked wherever they stand, up to three objects deep. */
const secretKeys = [
  'authorization',
  'cookie',
  'set-cookie',
  'password',
  'secret',
  'client_secret',
  'access_token',
  'refresh_token',
  'id_token',
  'api_key',
  'private_key',
  'token',
  'code',
  'code_verifier',
];

/** `destination`: where the lines go instead of standard output. */
export function createLog(level: string, destination: DestinationStream = pino.destination(1)): Log {
  const paths = secretKeys.flatMap((key) => {
    const quoted = `["${key}"]`;
    return [key.includes('-') ? quoted : key, `*${quoted}`, `*.*${quoted}`];
  });
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths, censor: '[redacted]' },
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: errorOf },
    },
    destination,
  );
}

/** SQLSTATE (PostgreSQL, Appendix A) and the names of system and Node errors: what tells a cause, and is never an OAuth code. */
const errorCode = /^(?:[0-9A-Z]{5}|E[A-Z0-9_]{2,40})$/;

/** An error as pino writes it; its `code`, which a redaction meant for OAuth would blank, stands as `error_code`. */
function errorOf(error: unknown): unknown {
  const written: unknown = error instanceof Error ? pino.stdSerializers.err(error) : error;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && errorCode.test(code) ? { ...(written as object), error_code: code } : written;
}
