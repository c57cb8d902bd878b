/**
 * Regular expressions written in manifests. V8 backtracks, so a pattern whose match can take exponential time is
 * refused before it ever meets a text; matching itself is bounded by the length of the text.
 */

const maxPatternLength = 500;
const maxTextLength = 10_000;

export type CompiledRegex = { readonly ok: true; exec(text: string): RegExpExecArray | null } | { readonly ok: false; readonly message: string };

/** Compiles a pattern (flag u when it allows it). Texts are cut at 10,000 characters. Never throws. */
export function compileRegex(source: string, flags = ''): CompiledRegex {
  const fault = regexFault(source);
  if (fault !== undefined) return { ok: false, message: fault };
  const pattern = new RegExp(source, flags);
  return { ok: true, exec: (text) => pattern.exec(text.length > maxTextLength ? text.slice(0, maxTextLength) : text) };
}

/** Why a pattern is not accepted, or undefined. */
export function regexFault(source: string): string | undefined {
  if (source.length > maxPatternLength) return `The regular expression has ${source.length} characters; at most ${maxPatternLength} are allowed.`;
  try {
    new RegExp(source);
  } catch (thrown) {
    return `The regular expression cannot be read: ${thrown instanceof Error ? thrown.message : 'it is malformed'}.`;
  }
  return undefined;
}
