/** Everything needed to read the answers of one operation, compiled once: format, judgement, quotas, paging, records. */
import type { Manifest } from '@evenkeel/contract/manifest/manifest.ts';
import { kindOf, mediaType } from './body.ts';
import type { CompiledOperation, Connector } from '../connector.ts';
import { compileJudgement, type Judgement } from './judge.ts';
import { compilePagination, type CompiledPagination } from '../paging/pagination.ts';
import { compileRateLimits, type CompiledRateLimits } from './rate-limit.ts';
import { compileResponse, type CompiledResponse } from './response.ts';

export interface Reading {
  readonly judgement: Judgement;
  readonly limits: CompiledRateLimits;
  readonly response: CompiledResponse;
  readonly pagination: CompiledPagination;
  /** Binds cursors: connector, resource and method, and in a call its account; empty without an operation. */
  readonly operation: string;
  readonly list: boolean;
  /** Whether a success has to be held whole: it is judged or counted by its body, or it is not handed on as it came. */
  readonly mustBuffer: boolean;
}

const readings = new WeakMap<object, Reading>();

/** The reading of an operation; without one that of a passthrough call or any other request of the connector. */
export function readingOf(connector: Connector, operation?: CompiledOperation): Reading {
  const key = operation ?? connector;
  const known = readings.get(key);
  if (known !== undefined) return known;
  const reading = compileReading(connector.manifest, operation);
  readings.set(key, reading);
  return reading;
}

function compileReading(manifest: Manifest, operation: CompiledOperation | undefined): Reading {
  const judgement = compileJudgement(manifest, operation?.source, operation === undefined ? '' : pathOf(operation));
  const limits = compileRateLimits(manifest.rate_limits);
  const response = compileResponse(operation?.source.response);
  const list = operation?.name === 'list';
  return {
    judgement,
    limits,
    response,
    pagination: compilePagination(list ? operation.pagination : undefined),
    operation: operation === undefined ? '' : `${manifest.id}/${pathOf(operation)}`,
    list,
    mustBuffer: list || !response.whole || judgement.needsSuccessBody || limits.needsBody,
  };
}

function pathOf(operation: CompiledOperation): string {
  const { name } = operation;
  return `resources.${operation.resource}.${typeof name === 'string' ? name : `actions.${name.action}`}`;
}

/**
 * Whether this answer may go to the caller chunk by chunk. Never an error; never what a rule has to look into; of a
 * proxied operation only files and other content without structure, since JSON and XML are checked before they pass.
 */
export function canStream(reading: Reading, surface: 'proxy' | 'passthrough', reply: { readonly status: number; readonly contentType: string | undefined }): boolean {
  if (reply.status >= 300 && reply.status !== 304) return false;
  if (reading.response.format === 'binary') return true;
  const isFile = kindOf(mediaType(reply.contentType).essence) === 'binary';
  if (surface === 'passthrough') return isFile || !reading.mustBuffer;
  return isFile && reading.response.format === 'auto' && reading.response.whole && !reading.list;
}
