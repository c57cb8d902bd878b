/** Call records: what became of calls to vendors, with the evidence that tells whose failure it was. */
import Type from 'typebox';
import { ErrorCode, Origin } from '../errors.ts';
import { listOf, pageQuery } from './list.ts';

const orNull = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

/** background: what Evenkeel asks for itself: records of webhooks, polls, backfills. */
export const callSurfaces = ['proxy', 'passthrough', 'unified', 'background'] as const;
export type CallSurface = (typeof callSurfaces)[number];
export const CallSurface = Type.Unsafe<CallSurface>({ type: 'string', enum: [...callSurfaces] });

/** aborted: the caller hung up before the answer was whole; nobody failed. */
export const callOutcomes = ['success', 'failure', 'aborted'] as const;
export type CallOutcome = (typeof callOutcomes)[number];
export const CallOutcome = Type.Unsafe<CallOutcome>({ type: 'string', enum: [...callOutcomes] });

export const Call = Type.Object(
  {
    id: Type.String(),
    at: Type.String({ format: 'date-time', description: 'When the call arrived.' }),
    request_id: Type.String(),
    tenant_id: orNull(Type.String({ description: 'Null when no account was found.' })),
    account_id: orNull(Type.String()),
    connector: orNull(Type.String()),
    connector_version: orNull(Type.Integer()),
    surface: CallSurface,
    resource: orNull(Type.String()),
    method: Type.String({ description: 'list, get, create, update, delete, the name of an action, or the HTTP method of a passthrough.' }),
    status: Type.Integer({ description: 'What the caller was answered; 499 when it hung up first.' }),
    outcome: CallOutcome,
    origin: orNull(Origin),
    code: orNull(ErrorCode),
    reason: orNull(Type.String({ description: 'Which rule, default or event decided origin and code.' })),
    upstream_status: orNull(Type.Integer()),
    upstream_us: Type.Integer({ description: 'Microseconds from dispatch to the last byte of the vendor, all attempts together.' }),
    total_us: Type.Integer(),
    overhead_us: Type.Integer({ description: 'total_us - upstream_us: the time that was ours.' }),
    request_bytes: Type.Integer({ description: 'Of the body sent to the vendor.' }),
    response_bytes: Type.Integer({ description: 'Of the body received from the vendor.' }),
    sampled: Type.Boolean({ description: 'A success kept as a sample; failures are all kept.' }),
  },
  { $id: 'Call' },
);
export type Call = Type.Static<typeof Call>;
export const CallList = listOf(Call);

export const EvidenceBody = Type.Object({
  text: Type.String({ description: 'The first bytes, secrets masked; base64 when binary is true.' }),
  bytes: Type.Integer({ description: 'Length of the whole body, as far as it was read.' }),
  binary: Type.Boolean(),
  truncated: Type.Boolean(),
});
export type EvidenceBody = Type.Static<typeof EvidenceBody>;

export const CallEvidence = Type.Object({
  request: orNull(
    Type.Object({
      line: Type.String({ description: 'Method and address, secrets masked.' }),
      headers: Type.Record(Type.String(), Type.String()),
      body: orNull(EvidenceBody),
    }),
  ),
  response: orNull(
    Type.Object({
      status: Type.Integer(),
      headers: Type.Record(Type.String(), Type.String()),
      body: orNull(EvidenceBody),
    }),
  ),
  attempts: Type.Integer({ description: 'Times the vendor was called: 2 when a credential was renewed after a 401.' }),
  failure: orNull(Type.Object({ kind: Type.String(), phase: Type.String(), code: Type.String(), message: Type.String() }, { description: 'How the connection failed.' })),
});
export type CallEvidence = Type.Static<typeof CallEvidence>;

export const CallWithEvidence = Type.Object({ ...Call.properties, evidence: orNull(CallEvidence) });
export type CallWithEvidence = Type.Static<typeof CallWithEvidence>;

export const CallQuery = Type.Object({
  tenant_id: Type.Optional(Type.String({ maxLength: 128 })),
  account_id: Type.Optional(Type.String({ maxLength: 64 })),
  connector: Type.Optional(Type.String({ maxLength: 63 })),
  outcome: Type.Optional(CallOutcome),
  origin: Type.Optional(Origin),
  request_id: Type.Optional(Type.String({ maxLength: 64 })),
  since: Type.Optional(Type.String({ format: 'date-time' })),
  ...pageQuery,
});
export type CallQuery = Type.Static<typeof CallQuery>;

export const CallParams = Type.Object({ id: Type.String({ maxLength: 64 }) });
