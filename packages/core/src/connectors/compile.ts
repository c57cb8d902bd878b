/**
 * A manifest compiled once: checked whole, then turned into closures. Operations are compiled when first asked for, so
 * that a hundred connectors start in milliseconds; expressions when first evaluated.
 */
import type { Manifest, MethodName, Operation, Resource } from '@evenkeel/contract/manifest/manifest.ts';
import type { Request } from '@evenkeel/contract/manifest/request.ts';
import { compileBase, originOf, type CompiledAddress } from './requests/address.ts';
import type { CompiledOperation, CompiledRequest, CompiledScheme, CompiledValidation, Connector } from './connector.ts';
import type { Fault } from './lint/fault.ts';
import { lintManifest } from './lint/lint.ts';
import { compileMapping } from './mapping/mapping.ts';
import { compileRequest, type RequestContext } from './requests/request.ts';
import { compileCapture, compileScheme, compileStep } from './scheme.ts';
import type { Scope } from './values/scope.ts';
import { compileReader, compileValue } from './values/value.ts';

export type { CompiledOperation, Connector } from './connector.ts';

export type CompileResult = { readonly ok: true; readonly connector: Connector; readonly warnings: readonly Fault[] } | { readonly ok: false; readonly faults: readonly Fault[] };

/** Never throws. A manifest with an error is refused whole, with every fault listed; warnings do not refuse it. */
export function compileConnector(input: unknown): CompileResult {
  const faults = lintManifest(input);
  if (faults.some(({ severity }) => severity === 'error')) return { ok: false, faults };
  return { ok: true, connector: assembleConnector(input as Manifest), warnings: faults };
}

/**
 * Of a manifest that `compileConnector` has accepted before, in this very content and by these very rules: checking it
 * is most of the work of a start. What is wrong in one that was not shows when it is used, by a throw.
 */
export function compileAccepted(manifest: unknown): Connector {
  return assembleConnector(manifest as Manifest);
}

function assembleConnector(manifest: Manifest): Connector {
  const origins = compileOrigins(manifest);
  const context: RequestContext = { http: manifest.http, baseUrl: compileBase(manifest.http.base_url), origins };
  const request = once((source: Request): CompiledRequest => compileRequest(source, context));
  const scheme = once((source: Manifest['auth'][number]): CompiledScheme => compileScheme(source, request));
  const operation = once((place: Place): CompiledOperation => compileOperation(manifest, context, place));
  const mapping = once(compileMapping);
  const places = placesOf(manifest);
  let validation: CompiledValidation | undefined;
  return {
    id: manifest.id,
    manifest,
    scheme(id) {
      const found = id === undefined ? manifest.auth[0] : manifest.auth.find((one) => one.id === id);
      return found === undefined ? undefined : scheme(found);
    },
    operation(resource, method) {
      const place = places.get(placeKey(resource, method));
      return place === undefined ? undefined : operation(place);
    },
    mapping(model) {
      const source = manifest.mappings !== undefined && Object.hasOwn(manifest.mappings, model) ? manifest.mappings[model] : undefined;
      return source === undefined ? undefined : mapping(source);
    },
    request,
    origins,
    get validation() {
      return (validation ??= compileValidation(manifest, request));
    },
    get postInstall() {
      return (manifest.post_install ?? []).map((step) => compileStep(step, request, true));
    },
    account: {
      externalId: manifest.account?.external_id === undefined ? undefined : compileValue(manifest.account.external_id),
      label: manifest.account?.label === undefined ? undefined : compileValue(manifest.account.label),
    },
  };
}

/** Compiles each source object once, when it is first asked for. */
function once<Source extends object, Compiled>(compile: (source: Source) => Compiled): (source: Source) => Compiled {
  const done = new WeakMap<Source, Compiled>();
  return (source) => {
    const known = done.get(source);
    if (known !== undefined) return known;
    const compiled = compile(source);
    done.set(source, compiled);
    return compiled;
  };
}

interface Place {
  readonly resource: string;
  readonly name: CompiledOperation['name'];
  readonly source: Operation;
  readonly resourceSource: Resource;
}

const methodNames = ['list', 'get', 'create', 'update', 'delete'] as const satisfies readonly MethodName[];

function placesOf(manifest: Manifest): Map<string, Place> {
  const places = new Map<string, Place>();
  for (const [resource, resourceSource] of Object.entries(manifest.resources)) {
    const add = (name: Place['name'], source: Operation | undefined): void => {
      if (source !== undefined) places.set(placeKey(resource, name), { resource, name, source, resourceSource });
    };
    for (const name of methodNames) add(name, resourceSource[name]);
    for (const [action, source] of Object.entries(resourceSource.actions ?? {})) add({ action }, source);
  }
  return places;
}

function placeKey(resource: string, method: CompiledOperation['name']): string {
  return typeof method === 'string' ? `${resource} ${method}` : `${resource} action ${method.action}`;
}

/** Safe to send twice by HTTP itself (RFC 9110 §9.2.2). */
const idempotentMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

function compileOperation(manifest: Manifest, context: RequestContext, place: Place): CompiledOperation {
  const { source, name } = place;
  const pagination = name === 'list' ? (source.pagination ?? manifest.pagination) : source.pagination;
  const paging = pagination === undefined || pagination.type === 'none' ? undefined : pagination;
  const compiled = compileRequest(source, context, {
    ...(paging?.query === undefined ? {} : { query: paging.query }),
    ...(paging?.headers === undefined ? {} : { headers: paging.headers }),
    forwardQuery: source.forward_query ?? (name === 'list' || name === 'get'),
  });
  return {
    ...compiled,
    ...place,
    pagination,
    errors: [...(source.errors ?? []), ...(manifest.errors ?? [])],
    scopes: source.scopes ?? [],
    idempotent: source.idempotent ?? idempotentMethods.has(source.method),
  };
}

/** The base, the origins named beside it, and the token endpoints: where the account's credentials may go. */
function compileOrigins(manifest: Manifest): (scope: Scope) => string[] {
  const tokenUrls = manifest.auth.flatMap((scheme) => {
    const endpoint = scheme.type === 'jwt_bearer' ? scheme.grant : scheme;
    return 'token_url' in endpoint ? [endpoint.token_url] : [];
  });
  const sources: readonly CompiledAddress[] = [manifest.http.base_url, ...(manifest.http.origins ?? []), ...tokenUrls].map(compileBase);
  return (scope) => [...new Set(sources.flatMap((source) => readOrigin(source, scope)))];
}

/** An origin that needs a value the account does not have yet is not one. */
function readOrigin(source: CompiledAddress, scope: Scope): string[] {
  try {
    const origin = originOf(source(scope));
    return origin === undefined ? [] : [origin];
  } catch {
    return [];
  }
}

function compileValidation(manifest: Manifest, request: (source: Request) => CompiledRequest): CompiledValidation | undefined {
  if (manifest.validation === undefined) return undefined;
  const { success, capture, message } = manifest.validation;
  return {
    request: request(manifest.validation.request),
    success,
    capture: compileCapture(capture),
    message: message === undefined ? undefined : compileReader(message),
  };
}
