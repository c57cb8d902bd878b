/** The client's id and secret at a token endpoint: HTTP Basic or body parameters (RFC 6749 section 2.3.1). */
import { basic, bodyFields, type Call } from './exchange.ts';

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
};

/** Basic wins; empty strings stand for what is absent. */
export function clientCredentials(call: Call): { id: string; secret: string } {
  const header = basic(call);
  if (header !== null) return { id: decode(header.name), secret: decode(header.password) };
  const form = bodyFields(call);
  return { id: form.get('client_id') ?? '', secret: form.get('client_secret') ?? '' };
}
