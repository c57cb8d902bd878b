/** The compiled connector: what the other rooms see of a manifest. Types only; `compile.ts` makes them. */
import type { ErrorCode, Origin } from '@evenkeel/contract/errors.ts';
import type { AuthScheme, Step } from '@evenkeel/contract/manifest/auth.ts';
import type { Manifest, MethodName, Operation, Resource } from '@evenkeel/contract/manifest/manifest.ts';
import type { Request } from '@evenkeel/contract/manifest/request.ts';
import type { Condition, ErrorRule, Pagination } from '@evenkeel/contract/manifest/response.ts';
import type { CompiledMapping } from './mapping/mapping.ts';
import type { Scope } from './values/scope.ts';
import type { CompiledReader, CompiledValue } from './values/value.ts';

/** A request on its way out. Header names are lower-case; names and values hold no illegal characters. */
export interface OutgoingRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: string | Uint8Array | null;
  readonly timeoutMs: number;
}

/** Why a request could not be built, and who has to act. */
export interface RequestProblem {
  readonly code: ErrorCode;
  readonly origin: Origin;
  readonly message: string;
}
export type BuildResult = { readonly ok: true; readonly request: OutgoingRequest } | { readonly ok: false; readonly problem: RequestProblem };

/** A request of the manifest, ready to be built. The result is a promise only where an expression takes part. */
export interface CompiledRequest {
  readonly method: string;
  readonly timeoutMs: number;
  /** `url` replaces the address and query: the next page's, out of a vendor's answer. */
  build(scope: Scope, url?: string): BuildResult | Promise<BuildResult>;
}

export interface CompiledOperation extends CompiledRequest {
  readonly resource: string;
  readonly name: MethodName | { readonly action: string };
  /** The manifest's own text of the operation and its resource. */
  readonly source: Operation;
  readonly resourceSource: Resource;
  /** Of the operation, else of the manifest; `undefined` for anything but list. */
  readonly pagination: Pagination | undefined;
  /** The operation's rules before the manifest's. */
  readonly errors: readonly ErrorRule[];
  readonly scopes: readonly string[];
  /** May be sent again after an unclear outcome. */
  readonly idempotent: boolean;
}

export interface CompiledCapture {
  readonly captured: CompiledValue | undefined;
  readonly secret: CompiledValue | undefined;
}

export interface CompiledStep {
  readonly id: string;
  readonly source: Step;
  /** `undefined` when the step always runs. */
  readonly when: CompiledReader | undefined;
  readonly request: CompiledRequest;
  readonly authenticated: boolean;
  readonly success: Condition | undefined;
  readonly capture: CompiledCapture;
}

/** What attaches a credential to a request, beside a signature. */
export interface CompiledApply {
  readonly headers: readonly (readonly [string, CompiledValue])[];
  readonly query: readonly (readonly [string, CompiledValue])[];
  readonly cookies: readonly (readonly [string, CompiledValue])[];
  /** Headers alone, and no expression: attached at once. */
  readonly plain: boolean;
}

export interface CompiledScheme {
  readonly id: string;
  readonly type: AuthScheme['type'];
  readonly source: AuthScheme;
  readonly apply: CompiledApply;
  /** Every template of the scheme itself (`token_url`, `client_id`, `realm`…), compiled by property name. */
  text(name: string): CompiledValue | undefined;
  /** Login steps of a session scheme. */
  readonly login: readonly CompiledStep[];
  /** Steps after every grant and refresh. */
  readonly exchange: readonly CompiledStep[];
  readonly revoke: CompiledRequest | undefined;
  readonly introspection: CompiledRequest | undefined;
  /** The request of a `jwt_bearer` grant of type request. */
  readonly grantRequest: CompiledRequest | undefined;
  /** What the OAuth callback's parameters leave behind. */
  readonly callback: CompiledCapture;
  /** What the token response leaves behind. */
  readonly capture: CompiledCapture;
}

export interface CompiledValidation {
  readonly request: CompiledRequest;
  readonly success: Condition | undefined;
  readonly capture: CompiledCapture;
  readonly message: CompiledReader | undefined;
}

export interface Connector {
  readonly id: string;
  readonly manifest: Manifest;
  /** The scheme of this id; the first one without an id. */
  scheme(id?: string): CompiledScheme | undefined;
  operation(resource: string, method: MethodName | { readonly action: string }): CompiledOperation | undefined;
  /** The mapping of a unified model, `crm.contacts`, as the connector has it, without overrides; compiled once. */
  mapping(model: string): CompiledMapping | undefined;
  /** Compiles any request of this manifest, once. */
  request(source: Request): CompiledRequest;
  /** The origins that may receive this account's credentials, `https://host[:port]` each; those that cannot be read yet are left out. */
  origins(scope: Scope): string[];
  readonly validation: CompiledValidation | undefined;
  readonly postInstall: readonly CompiledStep[];
  readonly account: { readonly externalId: CompiledValue | undefined; readonly label: CompiledValue | undefined };
}
