/**
 * Records calls without ever making one wait: counted in memory at once, kept ones queued within a bound and written in
 * batches. What does not fit is dropped and counted. Evidence is masked when it is written, not when it is taken.
 */
import type { CallOutcome } from '@evenkeel/contract/api/calls.ts';
import type { Origin } from '@evenkeel/contract/errors.ts';
import type { Queryable } from '../database/pool.ts';
import { newId } from '../identifier.ts';
import type { Log } from '../log.ts';
import { writeEvidence } from './call-evidence.ts';
import type { CallRecord, CallRecorder, RawEvidence } from './call-record.ts';
import type { ShapeSampler } from './drift/shape-sampler.ts';
import { insertCalls, type CallRow } from './call-store.ts';
import type { OtlpExporter } from './otlp/otlp-exporter.ts';
import { noObserver, type Observation, type Observer } from './observation.ts';

export interface RecorderOptions {
  database: Queryable;
  log: Log;
  /** Where every call is counted, kept or not. */
  observer?: Observer;
  /** Where answers are sampled for their shape. */
  shapes?: Pick<ShapeSampler, 'offer'> | null;
  /** Where calls are exported as OpenTelemetry knows them. */
  exporter?: Pick<OtlpExporter, 'call'> | null;
  /** One in this many successes is kept whole; 0 keeps none. Default 100. */
  sampleEvery?: number;
  maxQueued?: number;
  maxQueuedBytes?: number;
  flushIntervalMs?: number;
}

/** Since the process started. */
export interface RecorderCounts {
  readonly calls: Readonly<Record<CallOutcome, number>>;
  readonly failuresByOrigin: Readonly<Record<Origin, number>>;
  readonly written: number;
  /** Kept calls that were lost because the queue was full or could not be written before the end. */
  readonly dropped: number;
  readonly queued: number;
}

interface Queued {
  call: CallRecord;
  evidence: RawEvidence | null;
  bytes: number;
  id: string;
  sampled: boolean;
}

const batchRows = 200;
const rowBytes = 600;

export class BufferedCallRecorder implements CallRecorder {
  readonly #options: Required<RecorderOptions>;
  readonly #calls: Record<CallOutcome, number> = { success: 0, failure: 0, aborted: 0 };
  readonly #failures: Record<Origin, number> = { caller: 0, account: 0, platform: 0, upstream: 0 };
  #queue: Queued[] = [];
  #queuedBytes = 0;
  #untilSample: number;
  #written = 0;
  #dropped = 0;
  #timer: NodeJS.Timeout | null = null;
  #writing: Promise<void> | null = null;
  #failedWrites = 0;

  constructor(options: RecorderOptions) {
    this.#options = { sampleEvery: 100, maxQueued: 20_000, maxQueuedBytes: 64 * 1024 * 1024, flushIntervalMs: 250, observer: noObserver, shapes: null, exporter: null, ...options };
    // The first success is a sample, so that a fresh installation shows one at once.
    this.#untilSample = 1;
  }

  get counts(): RecorderCounts {
    return { calls: { ...this.#calls }, failuresByOrigin: { ...this.#failures }, written: this.#written, dropped: this.#dropped, queued: this.#queue.length };
  }

  record(call: CallRecord, evidence: () => RawEvidence | null, body?: () => Uint8Array | null): void {
    this.#calls[call.outcome] += 1;
    this.#options.observer.observe(observationOf(call));
    if (body !== undefined) this.#sample(call, body);
    let sampled = false;
    const kept = call.outcome !== 'success' || this.#untilSample === 1;
    this.#options.exporter?.call(call, kept);
    if (call.outcome === 'success') {
      this.#untilSample -= 1;
      if (!kept) return;
      this.#untilSample = this.#options.sampleEvery;
      sampled = true;
    } else if (call.origin !== null) this.#failures[call.origin] += 1;
    if (this.#queue.length >= this.#options.maxQueued || this.#queuedBytes >= this.#options.maxQueuedBytes) {
      this.#dropped += 1;
      return;
    }
    const raw = evidence();
    const bytes = rowBytes + (raw?.request?.body?.head.length ?? 0) + (raw?.response?.body?.head.length ?? 0);
    this.#queue.push({ call, evidence: raw, bytes, id: newId('call', call.atMs), sampled });
    this.#queuedBytes += bytes;
    this.#schedule();
  }

  #sample({ connectorId, accountId, endpoint, vendorEndpoint, upstreamStatus: status, surface }: CallRecord, body: () => Uint8Array | null): void {
    if (connectorId === null || accountId === null || endpoint === null || vendorEndpoint === null || status === null || surface === 'passthrough') return;
    this.#options.shapes?.offer({ connectorId, accountId, endpoint, vendorEndpoint, status }, body);
  }

  /** Resolves when everything recorded before is stored or dropped. */
  async flush(): Promise<void> {
    while (this.#queue.length > 0 || this.#writing !== null) await (this.#writing ?? this.#write());
  }

  /** Writes what is queued, for at most `withinMs`; the rest is counted as dropped and logged. */
  async close(withinMs = 5_000): Promise<void> {
    const timeout = Promise.withResolvers<void>();
    const timer = setTimeout(timeout.resolve, withinMs);
    await Promise.race([this.flush(), timeout.promise]);
    clearTimeout(timer);
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#queue.length > 0) this.#options.log.error({ calls: this.#queue.length }, 'telemetry: call records were lost at the end');
    this.#dropped += this.#queue.length;
    this.#queue = [];
    this.#queuedBytes = 0;
  }

  #schedule(): void {
    if (this.#timer !== null || this.#writing !== null) return;
    const delay = this.#options.flushIntervalMs * Math.min(2 ** this.#failedWrites, 40);
    this.#timer = setTimeout(() => void this.#write(), delay);
    this.#timer.unref();
  }

  #write(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#writing = this.#writeBatch().finally(() => {
      this.#writing = null;
      if (this.#queue.length > 0) this.#schedule();
    });
    return this.#writing;
  }

  /** A batch that fails stays at the head of the queue; the next attempt comes after a growing pause. */
  async #writeBatch(): Promise<void> {
    const batch = this.#queue.slice(0, batchRows);
    try {
      this.#written += await this.#store(batch);
      this.#failedWrites = 0;
      this.#queue.splice(0, batch.length);
      this.#queuedBytes -= batch.reduce((sum, { bytes }) => sum + bytes, 0);
    } catch (error) {
      this.#failedWrites += 1;
      if (this.#failedWrites === 1) this.#options.log.error({ err: error, queued: this.#queue.length }, 'telemetry: call records cannot be written and wait in memory');
      await new Promise((resolve) => setTimeout(resolve, this.#options.flushIntervalMs));
    }
  }

  /** One row that PostgreSQL cannot take must not hold up the others: the batch is then written row by row. */
  async #store(batch: readonly Queued[]): Promise<number> {
    const rows = batch.map(rowOf);
    try {
      await insertCalls(this.#options.database, rows);
      return rows.length;
    } catch (error) {
      if (!isDataFault(error)) throw error;
    }
    let stored = 0;
    for (const row of rows) {
      try {
        await insertCalls(this.#options.database, [row]);
        stored += 1;
      } catch (error) {
        if (!isDataFault(error)) throw error;
        this.#dropped += 1;
        this.#options.log.error({ err: error, call: row.id }, 'telemetry: a call record was refused by the database');
      }
    }
    return stored;
  }
}

function observationOf(call: CallRecord): Observation {
  const { surface, tenantId, accountId, connectorId, category, endpoint, vendorEndpoint, outcome, code, atMs } = call;
  return {
    kind: 'call',
    surface,
    tenantId,
    accountId,
    connectorId,
    category,
    endpoint,
    vendorEndpoint,
    outcome,
    origin: outcome === 'failure' ? call.origin : null,
    code,
    atMs,
    totalUs: call.totalMs * 1000,
    upstreamUs: call.upstreamMs * 1000,
  };
}

/** SQLSTATE classes 22 (data exception) and 23 (constraint): the row's fault, not the connection's. */
function isDataFault(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' && /^2[23]/.test(error.code);
}

function rowOf({ call, evidence, id, sampled }: Queued) {
  const row: CallRow = {
    id,
    at: new Date(call.atMs),
    request_id: call.requestId,
    tenant_id: call.tenantId,
    account_id: call.accountId,
    connector_id: call.connectorId,
    connector_version: call.connectorVersion,
    surface: call.surface,
    resource: call.resource,
    method: call.method,
    status: call.status,
    outcome: call.outcome,
    origin: call.origin,
    code: call.code,
    reason: call.reason,
    upstream_status: call.upstreamStatus,
    upstream_us: Math.round(call.upstreamMs * 1000),
    total_us: Math.round(call.totalMs * 1000),
    request_bytes: call.requestBytes,
    response_bytes: call.responseBytes,
    sampled,
  };
  return { ...row, evidence: evidence === null ? null : writeEvidence(evidence) };
}
