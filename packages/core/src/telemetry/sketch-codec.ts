/** A sketch as bytes: the number of its buckets, then for each the distance from the one before and its count. */
import type { Measurements } from './measurements.ts';
import { Sketch } from './sketch.ts';
import { ByteReader, ByteWriter } from './varint.ts';

export function writeSketch(writer: ByteWriter, sketch: Sketch | null): void {
  const sorted = sketch?.sorted() ?? [];
  writer.unsigned(sorted.length);
  let before = 0;
  for (const [bucket, times] of sorted) {
    writer.unsigned(bucket - before);
    writer.signed(times);
    before = bucket;
  }
}

/** The same bytes from single measurements, as the hot path gathers them. Sorts them. */
export function writeMeasurements(writer: ByteWriter, measurements: Measurements): void {
  measurements.sort();
  const { length } = measurements;
  let distinct = 0;
  for (let at = 0; at < length; at += 1) if (at === 0 || measurements.at(at) !== measurements.at(at - 1)) distinct += 1;
  writer.unsigned(distinct);
  let before = 0;
  for (let at = 0; at < length; ) {
    const bucket = measurements.at(at);
    let end = at + 1;
    while (end < length && measurements.at(end) === bucket) end += 1;
    writer.unsigned(bucket - before);
    writer.signed(end - at);
    before = bucket;
    at = end;
  }
}

/** Adds what the bytes hold to `into`. */
export function readSketch(reader: ByteReader, into: Sketch): void {
  let bucket = 0;
  for (let left = reader.unsigned(); left > 0; left -= 1) {
    bucket += reader.unsigned();
    into.add(bucket, reader.signed());
  }
}

/** Null for a sketch that holds nothing. */
export function packSketch(sketch: Sketch): Uint8Array | null {
  if (sketch.sorted().length === 0) return null;
  const writer = new ByteWriter();
  writeSketch(writer, sketch);
  return writer.finish();
}

/** Adds any number of packed sketches, one behind the other, to `into`. */
export function unpackSketches(bytes: Uint8Array, into: Sketch): void {
  for (const reader = new ByteReader(bytes); !reader.ended; ) readSketch(reader, into);
}

export function unpackSketch(bytes: Uint8Array | null, into: Sketch = new Sketch()): Sketch {
  if (bytes !== null) readSketch(new ByteReader(bytes), into);
  return into;
}
