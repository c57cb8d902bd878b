/** Undoes content codings (RFC 9110 section 8.4.1) of a buffered body, bounded against decompression bombs. */
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, zstdDecompress } from 'node:zlib';
import { UpstreamError } from './failure.ts';

type Decoder = (data: Uint8Array, options: { maxOutputLength: number }) => Promise<Buffer>;

const decoders: Readonly<Record<string, Decoder>> = {
  gzip: promisify<Uint8Array, { maxOutputLength: number }, Buffer>(gunzip),
  'x-gzip': promisify<Uint8Array, { maxOutputLength: number }, Buffer>(gunzip),
  deflate: promisify<Uint8Array, { maxOutputLength: number }, Buffer>(inflate),
  br: promisify<Uint8Array, { maxOutputLength: number }, Buffer>(brotliDecompress),
  zstd: promisify<Uint8Array, { maxOutputLength: number }, Buffer>(zstdDecompress),
};

/** At most this many codings are undone; more is not something an honest server does. */
const maxCodings = 2;

/** Throws UpstreamError `invalid` for unknown or broken codings and `too_large` beyond `maxBytes`. */
export async function decodeBody(encoding: string, data: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  const codings = encoding.toLowerCase().split(',').map((coding) => coding.trim()).filter((coding) => coding !== '' && coding !== 'identity');
  if (codings.length > maxCodings) throw new UpstreamError('invalid', 'body', 'The answer is encoded more often than can be undone.', 'EENCODING');
  let current = data;
  for (const coding of codings.toReversed()) {
    const decode = Object.hasOwn(decoders, coding) ? decoders[coding] : undefined;
    if (decode === undefined) throw new UpstreamError('invalid', 'body', 'The answer has an unknown content encoding.', 'EENCODING');
    try {
      current = await decode(current, { maxOutputLength: maxBytes });
    } catch (error) {
      if (error instanceof RangeError) throw new UpstreamError('too_large', 'body', `The decoded answer exceeds ${maxBytes} bytes.`, 'ETOOLARGE');
      throw new UpstreamError('invalid', 'body', 'The answer does not match its content encoding.', 'EENCODING');
    }
  }
  return current;
}
