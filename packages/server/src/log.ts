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
    },
    destination,
  );
}
