/** Where the body of an answer ends, RFC 9112 section 6.3, without its leniencies. */

export type Framing = { readonly reusable: boolean } & (
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'close' }
);

type Headers = Readonly<Record<string, string | readonly string[]>>;

/** Null when the headers contradict each other or name a transfer coding that is not chunked. */
export function readFraming(method: string, status: number, isHttp11: boolean, headers: Headers): Framing | null {
  const connection = headers['connection'];
  const options = connection === undefined ? '' : String(connection).toLowerCase();
  const reusable = isHttp11 ? !options.includes('close') : options.includes('keep-alive');
  if (method === 'HEAD' || status === 204 || status === 304) return { kind: 'none', reusable };
  const coding = headers['transfer-encoding'];
  const length = headers['content-length'];
  if (coding !== undefined) {
    if (length !== undefined || !isHttp11 || String(coding).toLowerCase() !== 'chunked') return null;
    return { kind: 'chunked', reusable };
  }
  if (length === undefined) return { kind: 'close', reusable: false };
  const stated = typeof length === 'string' ? length.split(',') : length;
  const [first = ''] = stated;
  if (!/^\d{1,15}$/.test(first.trim()) || stated.some((one) => one.trim() !== first.trim())) return null;
  const bytes = Number(first);
  return bytes === 0 ? { kind: 'none', reusable } : { kind: 'length', bytes, reusable };
}
