/**
 * Calls as OpenTelemetry knows them, sent to a collector (OTLP/HTTP, JSON): a client span for every call that is kept as
 * evidence, `http.client.request.duration` of all calls, and the metrics of `/metrics`. By the HTTP client conventions.
 * What the collector does not take is dropped: telemetry never holds up a call, nor memory.
 */
import { randomBytes } from 'node:crypto';
import { readTraceParent } from '@evenkeel/core/telemetry/trace-context.ts';
import type { Log } from '../../log.ts';
import type { CallRecord } from '../call-record.ts';
import type { Metric } from '../metrics/exposition.ts';
import { attribute, DurationHistogram, histogramMetric, nanoseconds, otlpMetric } from './otlp-metrics.ts';

export interface ExporterParts {
  /** Without the path of a signal. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly log: Log;
  readonly node: string;
  readonly version: string;
  readonly metrics: () => readonly Metric[];
  readonly spansEveryMs?: number;
  readonly metricsEveryMs?: number;
}

/** Those the convention advises. */
const bounds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10] as const;
const maxSpans = 2_000;
const maxSets = 2_000;
const clientKind = 3;
const errorStatus = 2;

export class OtlpExporter {
  readonly #parts: ExporterParts;
  readonly #startMs = Date.now();
  readonly #durations = new Map<string, DurationHistogram>();
  readonly #timers: NodeJS.Timeout[];
  #spans: object[] = [];
  #sending: Promise<unknown> = Promise.resolve();
  #failed = 0;

  constructor(parts: ExporterParts) {
    this.#parts = parts;
    this.#timers = [setInterval(() => void this.flushSpans(), parts.spansEveryMs ?? 5_000), setInterval(() => void this.flushMetrics(), parts.metricsEveryMs ?? 60_000)];
    for (const timer of this.#timers) timer.unref();
  }

  /** `kept`: a span is made of it. Never waits, never throws. */
  call(call: CallRecord, kept: boolean): void {
    const { sent, upstreamStatus: status, connectorId } = call;
    if (sent === null) return;
    const host = hostOf(sent.url);
    this.#duration(sent.method, host, status, connectorId, call.code).record(call.upstreamMs / 1000);
    if (kept && this.#spans.length < maxSpans) this.#spans.push(spanOf(call, sent, host));
  }

  flushSpans(): Promise<unknown> {
    const spans = this.#spans;
    this.#spans = [];
    if (spans.length === 0) return this.#sending;
    return this.#send('/v1/traces', { resourceSpans: [{ resource: this.#resource(), scopeSpans: [{ scope: { name: 'evenkeel', version: this.#parts.version }, spans }] }] });
  }

  flushMetrics(): Promise<unknown> {
    const nowMs = Date.now();
    const metrics = [histogramMetric('http.client.request.duration', 'Time of requests to vendors.', this.#durations.values(), this.#startMs, nowMs), ...this.#parts.metrics().map((metric) => otlpMetric(metric, this.#startMs, nowMs))];
    return this.#send('/v1/metrics', { resourceMetrics: [{ resource: this.#resource(), scopeMetrics: [{ scope: { name: 'evenkeel', version: this.#parts.version }, metrics }] }] });
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await Promise.all([this.flushSpans(), this.flushMetrics()]);
  }

  #duration(method: string, host: string, status: number | null, connectorId: string | null, code: string | null): DurationHistogram {
    const key = `${method} ${host} ${status ?? code} ${connectorId}`;
    const known = this.#durations.get(key);
    if (known !== undefined) return known;
    // Beyond the bound hosts are told apart no more.
    if (this.#durations.size >= maxSets && host !== 'other') return this.#duration(method, 'other', status, null, code);
    const made = new DurationHistogram([attribute('http.request.method', method), attribute('server.address', host), ...outcomeOf(status, code), ...(connectorId === null ? [] : [attribute('evenkeel.connector', connectorId)])], bounds);
    this.#durations.set(key, made);
    return made;
  }

  #resource(): object {
    return { attributes: [attribute('service.name', 'evenkeel'), attribute('service.version', this.#parts.version), attribute('service.instance.id', this.#parts.node)] };
  }

  /** The collector is the operator's own, often on this machine: not what the guard of vendor calls is for. */
  #send(path: string, body: object): Promise<unknown> {
    const { url, headers, log } = this.#parts;
    this.#sending = this.#sending.then(async () => {
      try {
        const response = await fetch(url + path, { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(body), signal: AbortSignal.timeout(5_000) });
        await response.body?.cancel();
        if (!response.ok) throw new Error(`${url}${path} answered ${response.status}`);
        this.#failed = 0;
      } catch (error) {
        this.#failed += 1;
        if (this.#failed === 1) log.warn({ err: error }, 'telemetry: the OpenTelemetry collector does not take what is sent to it; it is dropped');
      }
    });
    return this.#sending;
  }
}

function spanOf(call: CallRecord, sent: NonNullable<CallRecord['sent']>, host: string): object {
  const { upstreamStatus: status, code, atMs, totalMs, connectorId, tenantId, accountId, endpoint, vendorEndpoint, requestId, origin } = call;
  const own = { 'evenkeel.connector': connectorId, 'evenkeel.tenant_id': tenantId, 'evenkeel.account_id': accountId, 'evenkeel.endpoint': endpoint, 'evenkeel.request_id': requestId, 'evenkeel.origin': origin };
  const parent = readTraceParent(call.traceparent);
  return {
    traceId: parent?.traceId ?? randomBytes(16).toString('hex'),
    spanId: randomBytes(8).toString('hex'),
    ...(parent === null ? {} : { parentSpanId: parent.spanId }),
    name: vendorEndpoint === null ? sent.method : `${sent.method} ${vendorEndpoint}`,
    kind: clientKind,
    startTimeUnixNano: nanoseconds(atMs),
    endTimeUnixNano: nanoseconds(atMs + totalMs),
    attributes: [
      attribute('http.request.method', sent.method),
      attribute('server.address', host),
      ...portOf(sent.url),
      // No url.full: some vendors take keys in the query or the path.
      attribute('url.scheme', sent.url.slice(0, sent.url.indexOf(':'))),
      ...outcomeOf(status, code),
      ...Object.entries(own).flatMap(([key, value]) => (value === null ? [] : [attribute(key, value)])),
    ],
    status: call.outcome === 'failure' ? { code: errorStatus, message: code ?? '' } : {},
  };
}

/** `server.port`: also where it is the scheme's own. */
function portOf(url: string): object[] {
  const { port, protocol } = new URL(url);
  const number = port === '' ? ({ 'https:': 443, 'http:': 80 }[protocol] ?? null) : Number(port);
  return number === null ? [] : [attribute('server.port', number)];
}

/** `error.type`: the status of an answer that is an error, else the code of what went wrong. */
function outcomeOf(status: number | null, code: string | null): object[] {
  const answered = status === null ? [] : [attribute('http.response.status_code', status)];
  if (status !== null && status >= 400) return [...answered, attribute('error.type', String(status))];
  return code === null ? answered : [...answered, attribute('error.type', code)];
}

/** The host of an absolute address, without parsing the rest of it. */
function hostOf(url: string): string {
  const from = url.indexOf('//') + 2;
  const end = url.slice(from).search(/[/?#]/);
  const authority = end === -1 ? url.slice(from) : url.slice(from, from + end);
  return authority.slice(authority.lastIndexOf('@') + 1).replace(/:\d+$/, '');
}
