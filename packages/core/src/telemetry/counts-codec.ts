/**
 * What a node counted in half a second, as bytes: the ids of its series, and behind them their counts in the same order.
 * The two halves are written apart, because ids become known later than counts.
 */
import { noCounts, type Counts } from './counts.ts';
import type { Measurements } from './measurements.ts';
import { countColumns } from './outcome.ts';
import { readSketch, writeMeasurements, writeSketch } from './sketch-codec.ts';
import { ByteReader, ByteWriter } from './varint.ts';

/** Of the bytes; a node of another version may have written what waits to be sealed. */
const format = 1;

/** What the hot path holds of one series: measurements as buckets, one by one. */
export interface RawCounts {
  readonly columns: Int32Array;
  readonly codes: ReadonlyMap<string, number> | null;
  readonly overhead: Measurements;
  readonly total: Measurements;
  readonly lag: Measurements;
}

function writeHead(writer: ByteWriter, columns: Int32Array | Float64Array, codes: ReadonlyMap<string, number> | null): void {
  for (const count of columns) writer.signed(count);
  writer.unsigned(codes?.size ?? 0);
  for (const [code, times] of codes ?? []) {
    writer.text(code);
    writer.signed(times);
  }
}

/** Sorts the measurements in place. */
export function writeRawCounts(writer: ByteWriter, raw: RawCounts): void {
  writeHead(writer, raw.columns, raw.codes);
  writeMeasurements(writer, raw.overhead);
  writeMeasurements(writer, raw.total);
  writeMeasurements(writer, raw.lag);
}

export function writeCounts(writer: ByteWriter, counts: Counts): void {
  writeHead(writer, counts.columns, counts.codes);
  writeSketch(writer, counts.overhead);
  writeSketch(writer, counts.total);
  writeSketch(writer, counts.lag);
}

export function writeSeriesIds(ids: readonly number[]): Uint8Array {
  const writer = new ByteWriter(ids.length * 4 + 8);
  writer.unsigned(format);
  writer.unsigned(ids.length);
  for (const id of ids) writer.unsigned(id);
  return writer.finish();
}

/** Adds every series of the packed bytes to `into`, by its id. */
export function readPackedCounts(bytes: Uint8Array, into: Map<number, Counts>): void {
  if (bytes.length === 0) return;
  const reader = new ByteReader(bytes);
  const found = reader.unsigned();
  if (found !== format) throw new RangeError(`telemetry: counts are packed in format ${found}, known is ${format}: seal with the version that wrote them`);
  const ids = Array.from({ length: reader.unsigned() }, () => reader.unsigned());
  for (const id of ids) {
    let counts = into.get(id);
    if (counts === undefined) into.set(id, (counts = noCounts()));
    readCounts(reader, counts);
  }
}

function readCounts(reader: ByteReader, into: Counts): void {
  for (let at = 0; at < countColumns.length; at += 1) into.columns[at] = (into.columns[at] ?? 0) + reader.signed();
  for (let left = reader.unsigned(); left > 0; left -= 1) {
    const code = reader.text();
    into.codes.set(code, (into.codes.get(code) ?? 0) + reader.signed());
  }
  readSketch(reader, into.overhead);
  readSketch(reader, into.total);
  readSketch(reader, into.lag);
}
