/** Types of the API, generated from the contract by npm run generate. Do not edit. */

export type AccountState = 'connecting' | 'active' | 'needs_reauth' | 'validation_error' | 'post_install_error';

/** A code of the error registry. */
export type ErrorCode = 'invalid_request' | 'unauthorized' | 'forbidden' | 'not_found' | 'conflict' | 'validation_failed' | 'rate_limited' | 'reauth_required' | 'missing_scopes' | 'account_not_ready' | 'unsupported_operation' | 'connector_invalid' | 'mapping_failed' | 'upstream_unavailable' | 'upstream_timeout' | 'upstream_invalid_response' | 'internal';

export type Origin = 'caller' | 'account' | 'platform' | 'upstream';

export interface Problem {
  /** A URI reference: /docs/errors#<code>. */
  type: string;
  title: string;
  status: number;
  detail: string;
  /** A code of the error registry. */
  code: ErrorCode;
  origin: Origin;
  retryable: boolean;
  retry_after?: number;
  request_id: string;
  upstream?: {
    status?: number;
    body?: unknown;
    request_id?: string;
  };
  errors?: ManifestWarning[];
  /** Where the account's owner re-authorises (reauth_required). */
  connect_url?: string;
  missing_scopes?: string[];
}

export interface ApiKey {
  id: string;
  name: string;
  /** The first characters of the key, to tell keys apart. */
  prefix: string;
  /** read sees, write also changes and calls vendors, admin also manages connectors, keys and settings. */
  scope: KeyScope;
  tenant_id: string | null;
  created_at: string;
  expires_at: string | null;
  revoked_at: string | null;
}

export interface ApiKeyCreated {
  id: string;
  name: string;
  /** The first characters of the key, to tell keys apart. */
  prefix: string;
  /** read sees, write also changes and calls vendors, admin also manages connectors, keys and settings. */
  scope: KeyScope;
  tenant_id: string | null;
  created_at: string;
  expires_at: string | null;
  revoked_at: string | null;
  /** Shown this once. */
  key: string;
}

export interface ApiKeyList {
  results: ApiKey[];
  /** Pass as cursor for the next page; null at the end. */
  next_cursor: string | null;
}

export interface ApiKeyRequest {
  name: string;
  /** read sees, write also changes and calls vendors, admin also manages connectors, keys and settings. */
  scope: KeyScope;
  /** Restricts the key to one tenant. */
  tenant_id?: string;
  expires_at?: string;
}

export interface AuditEntry {
  id: number;
  at: string;
  actor: string;
  action: string;
  tenant_id: string | null;
  target: string;
  request_id: string;
  status: number | null;
}

export interface AuditLog {
  results: AuditEntry[];
  /** Pass as cursor for the next page; null at the end. */
  next_cursor: string | null;
}

/** read sees, write also changes and calls vendors, admin also manages connectors, keys and settings. */
export type KeyScope = 'read' | 'write' | 'admin';

export interface Account {
  id: string;
  tenant_id: string;
  connector: string;
  /** The authentication scheme of the connector it was connected with. */
  scheme: string;
  state: AccountState;
  state_since: string;
  message: string | null;
  external_id: string | null;
  label: string | null;
  /** The non-secret fields of the connect form. */
  config: { [key: string]: unknown };
  /** Non-secret values captured from the vendor. */
  captured: { [key: string]: unknown };
  /** Permissions the vendor said are missing; emptied by re-authorisation. */
  missing_scopes: string[];
  /** Validation or post-install steps are owed and will run. */
  setup_pending: boolean;
  credential: {
    /** Grows with every refresh and every new grant. */
    version: number;
    granted_at: string;
    refreshed_at: string | null;
    expires_at: string | null;
    refresh_due_at: string | null;
    /** Transient failures in a row since the last good refresh. */
    refresh_failures: number;
    refresh_retry_at: string | null;
    refresh_error: string | null;
  } | null;
  created_at: string;
  updated_at: string;
}

export interface AccountDeleted {
  id: string;
  deleted: true;
  /** Whether the vendor took the grant back. A failure does not keep the account; the owner can revoke at the vendor. */
  revocation: 'done' | 'failed' | 'not_offered';
}

export interface AccountDetail {
  id: string;
  tenant_id: string;
  connector: string;
  /** The authentication scheme of the connector it was connected with. */
  scheme: string;
  state: AccountState;
  state_since: string;
  message: string | null;
  external_id: string | null;
  label: string | null;
  /** The non-secret fields of the connect form. */
  config: { [key: string]: unknown };
  /** Non-secret values captured from the vendor. */
  captured: { [key: string]: unknown };
  /** Permissions the vendor said are missing; emptied by re-authorisation. */
  missing_scopes: string[];
  /** Validation or post-install steps are owed and will run. */
  setup_pending: boolean;
  credential: {
    /** Grows with every refresh and every new grant. */
    version: number;
    granted_at: string;
    refreshed_at: string | null;
    expires_at: string | null;
    refresh_due_at: string | null;
    /** Transient failures in a row since the last good refresh. */
    refresh_failures: number;
    refresh_retry_at: string | null;
    refresh_error: string | null;
  } | null;
  created_at: string;
  updated_at: string;
  /** What became of the newest versions of its credential, newest first; never a secret. */
  timeline: CredentialEvent[];
}

export interface AccountList {
  results: Account[];
  /** Pass as cursor for the next page; null at the end. */
  next_cursor: string | null;
}

export interface AccountQuery {
  state?: AccountState;
  connector?: string;
  tenant_id?: string;
  limit?: number;
  cursor?: string;
}

export interface AccountTransition {
  id: string;
  account_id: string;
  from: AccountState | null;
  to: AccountState | null;
  cause: string;
  /** key:<id>, session:<id>, or the part of Evenkeel that acted, such as system:refresh. */
  actor: string;
  evidence: { [key: string]: unknown };
  /** The one event this transition sent. */
  event_id: string;
  at: string;
}

export interface AccountTransitionList {
  results: AccountTransition[];
  /** Pass as cursor for the next page; null at the end. */
  next_cursor: string | null;
}

export interface CredentialEvent {
  at: string;
  first_at: string;
  /** granted: the owner gave it. refreshed: a new token was stored. failed: a refresh failed and is tried again. held: not tried while the access token serves, since the answer to an earlier attempt was lost. refused: the vendor ended the grant. ended_early: the token was refused before its stated end. */
  outcome: 'granted' | 'refreshed' | 'failed' | 'held' | 'refused' | 'ended_early';
  /** How often, from first_at to at. */
  attempts: number;
  /** The version that was tried; of granted and refreshed the one that came. */
  version: number;
  /** system:scheduler, system:refresh (before a call), system:401, system:setup, key:<id>, or owner. */
  actor: string;
  message: string | null;
  expires_at: string | null;
  next_due_at: string | null;
}

export interface AgreementList {
  results: AgreementView[];
  /** Pass as cursor for the next page; null at the end. */
  next_cursor: string | null;
}

export interface AgreementQuery {
  tenant_id?: string;
}

export interface AgreementRequest {
  tenant_id: string;
  title?: string;
  /** A name of the terms above. */
  terms: string;
  /** Where its months begin and end. An IANA name such as America/New_York. */
  time_zone: string;
  /** First day, in its time zone. YYYY-MM-DD. */
  starts: string;
  /** Last day, in its time zone. YYYY-MM-DD. */
  ends?: string;
  /** In the currency's smallest unit: 500000 for $5,000.00. */
  monthly_fee_minor: number;
  /** ISO 4217, such as USD. */
  currency: string;
  maintenance?: {
    /** Begins. An ISO 8601 time with its offset, such as 2026-11-01T02:00:00Z. */
    from: string;
    /** Ends. An ISO 8601 time with its offset, such as 2026-11-01T02:00:00Z. */
    to: string;
    /** When the customer was told. An ISO 8601 time with its offset, such as 2026-11-01T02:00:00Z. */
    announced_at: string;
    note?: string;
  }[];
  /** Uptime promised for each calendar month, in percent. */
  target?: number | string;
  /** What downtime is. */
  downtime?: {
    /** So many bad minutes in a row are downtime; every minute of such a run counts. */
    consecutive_minutes: number;
    /** A minute is bad when more than this share of the tenant's requests fails with a server error. */
    above: number | string;
    /** Whose server errors make a minute bad. */
    errors: 'platform' | 'platform_and_upstream';
    /** A minute in which no node gave a sign of life. downtime: it is bad like any other. left_out: it leaves the total, and the statement shows it. It is never up. */
    unmeasured: 'downtime' | 'left_out';
  };
  /** Hours of elapsed time between the announcement and the beginning of a maintenance window. */
  maintenance_notice_hours?: number;
  /** Which clauses may exclude downtime. */
  exclusions?: ('maintenance' | 'upstream' | 'customer' | 'force_majeure')[];
  credits?: {
    /** Uptime under this… */
    below: number | string;
    /** …gives this share of the monthly fee; the lowest tier that applies counts. */
    credit: number | string;
  }[];
  /** Largest credit for a month, in percent of the monthly fee. */
  cap?: number | string;
}

export interface AgreementView {
  id: string;
  tenant_id: string;
  title?: string;
  /** A name of the terms above. */
  terms: string;
  /** Where its months begin and end. An IANA name such as America/New_York. */
  time_zone: string;
  /** First day, in its time zone. YYYY-MM-DD. */
  starts: string;
  /** Last day, in its time zone. YYYY-MM-DD. */
  ends?: string;
  /** In the currency's smallest unit: 500000 for $5,000.00. */
  monthly_fee_minor: number;
  /** ISO 4217, such as USD. */
  currency: string;
  maintenance?: {
    /** Begins. An ISO 8601 time with its offset, such as 2026-11-01T02:00:00Z. */
    from: string;
    /** Ends. An ISO 8601 time with its offset, such as 2026-11-01T02:00:00Z. */
    to: string;
    /** When the customer was told. An ISO 8601 time with its offset, such as 2026-11-01T02:00:00Z. */
    announced_at: string;
    note?: string;
  }[];
  /** Uptime promised for each calendar month, in percent. */
  target?: number | string;
  /** What downtime is. */
  downtime?: {
    /** So many bad minutes in a row are downtime; every minute of such a run counts. */
    consecutive_minutes: number;
    /** A minute is bad when more than this share of the tenant's requests fails with a server error. */
    above: number | string;
    /** Whose server errors make a minute bad. */
    errors: 'platform' | 'platform_and_upstream';
    /** A minute in which no node gave a sign of life. downtime: it is bad like any other. left_out: it leaves the total, and the statement shows it. It is never up. */
    unmeasured: 'downtime' | 'left_out';
  };
  /** Hours of elapsed time between the announcement and the beginning of a maintenance window. */
  maintenance_notice_hours?: number;
  /** Which clauses may exclude downtime. */
  exclusions?: ('maintenance' | 'upstream' | 'customer' | 'force_majeure')[];
  credits?: {
    /** Uptime under this… */
    below: number | string;
    /** …gives this share of the monthly fee; the lowest tier that applies counts. */
    credit: number | string;
  }[];
  /** Largest credit for a month, in percent of the monthly fee. */
  cap?: number | string;
  /** Agreements of the playbook are changed in its file. */
  source: 'playbook' | 'api';
  /** Of an agreement that was just made: what is allowed and probably not meant, such as maintenance announced too late to exclude anything. */
  warnings?: string[];
}

export interface DowntimeView {
  run: {
    from: string;
    to: string;
    minutes: number;
  };
  in_period: {
    from: string;
    to: string;
    minutes: number;
  };
  unmeasured_minutes: number;
  requests: number;
  failed_requests: number;
  excluded: {
    exclusion_id: string;
    /** maintenance announced in time; a failure of a vendor; caused by the customer; force majeure. */
    clause: 'maintenance' | 'upstream' | 'customer' | 'force_majeure';
    minutes: number;
  }[];
  counted_minutes: number;
}

export interface Exclusion {
  id: string;
  agreement_id: string;
  tenant_id: string;
  /** maintenance announced in time; a failure of a vendor; caused by the customer; force majeure. */
  clause: 'maintenance' | 'upstream' | 'customer' | 'force_majeure';
  from: string;
  to: string;
  announced_at: string | null;
  reason: string;
  evidence: {
    calls: ExclusionCall[];
    links: string[];
    notes: string | null;
  };
  state: 'proposed' | 'approved' | 'rejected';
  proposed_by: string;
  proposed_at: string;
  decided_by: string | null;
  decided_at: string | null;
  decision_note: string | null;
}

export interface ExclusionCall {
  id: string;
  at: string;
  request_id: string;
  connector: string | null;
  status: number;
  origin: string | null;
  code: string | null;
  upstream_status: number | null;
  upstream_answer: string | null;
}

export interface ExclusionDecision {
  decision: 'approve' | 'reject';
  note?: string;
}

export interface ExclusionList {
  results: Exclusion[];
  /** Pass as cursor for the next page; null at the end. */
  next_cursor: string | null;
}

export interface ExclusionQuery {
  agreement_id?: string;
  state?: 'proposed' | 'approved' | 'rejected';
  limit?: number;
  cursor?: string;
}

export interface ExclusionRequest {
  agreement_id: string;
  /** maintenance announced in time; a failure of a vendor; caused by the customer; force majeure. */
  clause: 'maintenance' | 'upstream' | 'customer' | 'force_majeure';
  from: string;
  to: string;
  reason: string;
  announced_at?: string;
  evidence?: {
    /** Calls of the tenant within the time; their records are copied. */
    call_ids?: string[];
    /** Such as the vendor's status page. */
    links?: string[];
    notes?: string;
  };
}

export interface PeriodCallsQuery {
  limit?: number;
  cursor?: string;
}

export interface PeriodQuery {
  limit?: number;
}

export interface RevisionQuery {
  revision?: number;
}

export interface StatementList {
  results: StatementView[];
  /** Pass as cursor for the next page; null at the end. */
  next_cursor: string | null;
}

export interface StatementView {
  agreement_id: string;
  tenant_id: string;
  month: string;
  state: 'open' | 'closed';
  revision: number | null;
  from: string;
  to: string;
  time_zone: string;
  period_minutes: number;
  unmeasured_minutes: number;
  left_out_minutes: number;
  total_minutes: number;
  downtime_minutes: number;
  excluded_minutes: number;
  uptime_percent: string | null;
  target_percent: string;
  meets_target: boolean | null;
  credit_percent: string;
  credit_minor: number;
  monthly_fee_minor: number;
  currency: string;
  downtime: DowntimeView[];
  /** How the figures come about, line by line. */
  working: string[];
}

export interface Alert {
  id: string;
  title: string;
  severity: 'P1' | 'P2' | 'P3';
  state: AlertState;
  source: 'evenkeel' | 'external';
  scope: 'platform' | 'connector' | 'account' | 'tenant' | 'endpoint' | 'installation';
  origin: Origin | null;
  connector: string | null;
  account_id: string | null;
  tenant_id: string | null;
  endpoint: string | null;
  runbook: string | null;
  /** The end of the minute that made it fire. */
  opened_at: string;
  updated_at: string;
  resolved_at: string | null;
  joined_into: string | null;
  /** Accounts it has met while it lasted. */
  affected_accounts: number;
  /** At most 20, one of each rule first. All of them, in pages: GET /v1/alerts/{id}/findings. */
  findings: {
    rule: string;
    watch: string;
    key: string;
    /** The figures that made the rule fire. */
    evidence: { [key: string]: unknown };
  }[];
  findings_total: number;
}

export interface AlertFindings {
  results: {
    rule: string;
    watch: string;
    key: string;
    /** The figures that made the rule fire. */
    evidence: { [key: string]: unknown };
  }[];
  /** Pass as cursor for the next page; null at the end. */
  next_cursor: string | null;
}

export type AlertFindingsQuery = PeriodCallsQuery;

export interface AlertList {
  results: Alert[];
  /** Pass as cursor for the next page; null at the end. */
  next_cursor: string | null;
}

export interface AlertQuery {
  state?: AlertState;
  severity?: 'P1' | 'P2' | 'P3';
  connector?: string;
  account_id?: string;
  tenant_id?: string;
  limit?: number;
  cursor?: string;
}

export interface AlertReplay {
  since: string;
  until?: string;
  /** The content of an alerts.yaml; default the one in use. */
  rules?: {
    $schema?: string;
    version: 1;
    alerts: ({
      id: string;
      title: string;
      severity: 'P1' | 'P2' | 'P3';
      /** A file of playbook/runbooks, without its ending. */
      runbook?: string;
      /** Default true. */
      enabled?: boolean;
      /** Of these connectors only. */
      connectors?: string[];
      /** Verdicts in a row until it fires; default 2. */
      evaluations?: number;
      /** Good verdicts in a row until it resolves; default 5. */
      resolve_evaluations?: number;
      watch: 'error-rate';
      by: 'endpoint' | 'account' | 'tenant' | 'connector';
      /** Failures that count; default all three. */
      origins?: ('account' | 'platform' | 'upstream')[];
      /** Length of each of the two adjacent windows; default 15. */
      window_minutes?: number;
      /** The later ratio is at least this; default 2. */
      min_ratio_percent?: number;
      /** The later ratio is at least so many times the earlier; default 4. */
      factor?: number;
      /** Default 10. */
      min_bad?: number;
      /** Default 50. */
      min_total?: number;
      /** Largest chance that the rise is none; default 1e-9, since very many series are judged every minute. */
      alpha?: number;
      /** Taken as the earlier ratio where nothing came earlier; default 0.5. */
      assumed_ratio_percent?: number;
    } | {
      id: string;
      title: string;
      severity: 'P1' | 'P2' | 'P3';
      /** A file of playbook/runbooks, without its ending. */
      runbook?: string;
      /** Default true. */
      enabled?: boolean;
      /** Of these connectors only. */
      connectors?: string[];
      /** Verdicts in a row until it fires; default 2. */
      evaluations?: number;
      /** Good verdicts in a row until it resolves; default 5. */
      resolve_evaluations?: number;
      watch: 'delivery-rate';
      by: 'endpoint' | 'overall';
      /** Share of deliveries that succeed, over the window. */
      below_percent: number;
      /** Default 15. */
      window_minutes?: number;
      /** Default 5: a breaker spares an endpoint that fails, so that few attempts are made. */
      min_total?: number;
      /** Largest chance of so many failures if the true share were just at the level; default 1e-6. 1 judges by the share alone. */
      alpha?: number;
    } | {
      id: string;
      title: string;
      severity: 'P1' | 'P2' | 'P3';
      /** A file of playbook/runbooks, without its ending. */
      runbook?: string;
      /** Default true. */
      enabled?: boolean;
      /** Of these connectors only. */
      connectors?: string[];
      /** Verdicts in a row until it fires; default 2. */
      evaluations?: number;
      /** Good verdicts in a row until it resolves; default 5. */
      resolve_evaluations?: number;
      watch: 'auth-health';
      /** Default 60. */
      window_minutes?: number;
      /** Default 4. */
      factor?: number;
      /** Default 5. */
      min_rise?: number;
    } | {
      id: string;
      title: string;
      severity: 'P1' | 'P2' | 'P3';
      /** A file of playbook/runbooks, without its ending. */
      runbook?: string;
      /** Default true. */
      enabled?: boolean;
      /** Of these connectors only. */
      connectors?: string[];
      /** Verdicts in a row until it fires; default 2. */
      evaluations?: number;
      /** Good verdicts in a row until it resolves; default 5. */
      resolve_evaluations?: number;
      watch: 'token-drift';
      /** Default 60. */
      window_minutes?: number;
      /** Accounts whose token ended early; default 3. */
      min_accounts?: number;
      /** Only tokens that ended at least so many seconds early; default 60. */
      min_drift_s?: number;
    } | {
      id: string;
      title: string;
      severity: 'P1' | 'P2' | 'P3';
      /** A file of playbook/runbooks, without its ending. */
      runbook?: string;
      /** Default true. */
      enabled?: boolean;
      /** Of these connectors only. */
      connectors?: string[];
      /** Verdicts in a row until it fires; default 2. */
      evaluations?: number;
      /** Good verdicts in a row until it resolves; default 5. */
      resolve_evaluations?: number;
      watch: 'webhook-lag';
      /** Default 0.95. */
      quantile?: number;
      above_s: number;
      /** Default 5. */
      window_minutes?: number;
      /** Default 20. */
      min_total?: number;
    } | {
      id: string;
      title: string;
      severity: 'P1' | 'P2' | 'P3';
      /** A file of playbook/runbooks, without its ending. */
      runbook?: string;
      /** Default true. */
      enabled?: boolean;
      /** Of these connectors only. */
      connectors?: string[];
      /** Verdicts in a row until it fires; default 2. */
      evaluations?: number;
      /** Good verdicts in a row until it resolves; default 5. */
      resolve_evaluations?: number;
      watch: 'tenant-success';
      /** A tenant that calls and has not succeeded for so long; default 24. */
      silent_hours?: number;
      /** Default 20. */
      min_total?: number;
    } | {
      id: string;
      title: string;
      severity: 'P1' | 'P2' | 'P3';
      /** A file of playbook/runbooks, without its ending. */
      runbook?: string;
      /** Default true. */
      enabled?: boolean;
      /** Of these connectors only. */
      connectors?: string[];
      /** Verdicts in a row until it fires; default 2. */
      evaluations?: number;
      /** Good verdicts in a row until it resolves; default 5. */
      resolve_evaluations?: number;
      watch: 'flat-line';
      by: 'account' | 'connector';
      /** Default 1e-9. */
      alpha?: number;
      /** Default 2. */
      min_weeks?: number;
    } | {
      id: string;
      title: string;
      severity: 'P1' | 'P2' | 'P3';
      /** A file of playbook/runbooks, without its ending. */
      runbook?: string;
      /** Default true. */
      enabled?: boolean;
      /** Of these connectors only. */
      connectors?: string[];
      /** Verdicts in a row until it fires; default 2. */
      evaluations?: number;
      /** Good verdicts in a row until it resolves; default 5. */
      resolve_evaluations?: number;
      watch: 'drift';
      /** Default breaking. */
      classes?: ('breaking' | 'warning')[];
    } | {
      id: string;
      title: string;
      severity: 'P1' | 'P2' | 'P3';
      /** A file of playbook/runbooks, without its ending. */
      runbook?: string;
      /** Default true. */
      enabled?: boolean;
      /** Of these connectors only. */
      connectors?: string[];
      /** Verdicts in a row until it fires; default 2. */
      evaluations?: number;
      /** Good verdicts in a row until it resolves; default 5. */
      resolve_evaluations?: number;
      watch: 'refresh-failures';
      /** Length of each of the two adjacent windows; default 15. */
      window_minutes?: number;
      /** The later ratio is at least this; default 2. */
      min_ratio_percent?: number;
      /** The later ratio is at least so many times the earlier; default 4. */
      factor?: number;
      /** Default 10. */
      min_bad?: number;
      /** Default 50. */
      min_total?: number;
      /** Largest chance that the rise is none; default 1e-9, since very many series are judged every minute. */
      alpha?: number;
      /** Taken as the earlier ratio where nothing came earlier; default 0.5. */
      assumed_ratio_percent?: number;
    })[];
    grouping?: {
      /** Default 50. */
      share_percent?: number;
      /** Default 3. */
      min_accounts?: number;
      /** Default 3. */
      platform_connectors?: number;
    };
    routes?: {
      id: string;
      /** Takes Alertmanager webhooks (version 4). In a private network only if EVENKEEL_ALLOW_PRIVATE has it. */
      url: string;
      /** Default all. */
      severities?: ('P1' | 'P2' | 'P3')[];
      /** Alerts of these connectors only. */
      connectors?: string[];
      /** Default true. */
      send_resolved?: boolean;
    }[];
  };
}

export interface AlertReplayed {
  /** Sealed minutes that were judged. */
  minutes: number;
  /** Of them, those that say nothing. */
  unmeasured: number;
  alerts: {
    title: string;
    severity: 'P1' | 'P2' | 'P3';
    rules: string[];
    scope: string;
    origin: Origin | null;
    connector: string | null;
    account_id: string | null;
    tenant_id: string | null;
    endpoint: string | null;
    opened_at: string;
    resolved_at: string | null;
    affected_accounts: number;
  }[];
}

export type AlertState = 'firing' | 'resolved';

export interface AlertWithAccounts {
  id: string;
  title: string;
  severity: 'P1' | 'P2' | 'P3';
  state: AlertState;
  source: 'evenkeel' | 'external';
  scope: 'platform' | 'connector' | 'account' | 'tenant' | 'endpoint' | 'installation';
  origin: Origin | null;
  connector: string | null;
  account_id: string | null;
  tenant_id: string | null;
  endpoint: string | null;
  runbook: string | null;
  /** The end of the minute that made it fire. */
  opened_at: string;
  updated_at: string;
  resolved_at: string | null;
  joined_into: string | null;
  /** Accounts it has met while it lasted. */
  affected_accounts: number;
  /** At most 20, one of each rule first. All of them, in pages: GET /v1/alerts/{id}/findings. */
  findings: {
    rule: string;
    watch: string;
    key: string;
    /** The figures that made the rule fire. */
    evidence: { [key: string]: unknown };
  }[];
  findings_total: number;
  silenced_until: string | null;
  /** At most 5,000. */
  accounts: {
    account_id: string;
    tenant_id: string | null;
    since: string;
  }[];
  /** What the roles of the budget policy were told. Empty for keys of a tenant. */
  told: RoleNotice[];
}

export interface AlertmanagerTaken {
  opened: number;
  resolved: number;
}

export interface AlertmanagerWebhook {
  version?: string;
  alerts: {
    status: AlertState;
    labels?: { [key: string]: string };
    annotations?: { [key: string]: string };
    startsAt?: string;
    fingerprint?: string;
  }[];
}

export interface NewSilence {
  /** All that are stated must fit. */
  matchers: SilenceMatchers;
  reason: string;
  /** At most 30 days: every silence ends. */
  minutes: number;
}

export interface RoleNotice {
  role: string;
  status: AlertState;
  channel: 'mail' | 'webhook' | 'none';
  /** Empty when nobody stands for the role. */
  address: string;
  /** sent: it was taken. passed: there was nothing to tell any more. unaddressed: contacts.yaml has nobody for the role. */
  state: 'pending' | 'sent' | 'failed' | 'passed' | 'unaddressed';
  attempts: number;
  detail: string | null;
  queued_at: string;
  settled_at: string | null;
}

export interface Silence {
  id: string;
  /** All that are stated must fit. */
  matchers: SilenceMatchers;
  reason: string;
  created_by: string;
  created_at: string;
  expires_at: string;
}

export interface SilenceList {
  results: Silence[];
  /** Pass as cursor for the next page; null at the end. */
  next_cursor: string | null;
}

/** All that are stated must fit. */
export interface SilenceMatchers {
  connector?: string;
  account_id?: string;
  tenant_id?: string;
  rule?: string;
  severity?: 'P1' | 'P2' | 'P3';
}

export interface Call {
  id: string;
  /** When the call arrived. */
  at: string;
  request_id: string;
  tenant_id: string | null;
  account_id: string | null;
  connector: string | null;
  connector_version: number | null;
  surface: CallSurface;
  resource: string | null;
  /** list, get, create, update, delete, the name of an action, or the HTTP method of a passthrough. */
  method: string;
  /** What the caller was answered; 499 when it hung up first. */
  status: number;
  outcome: CallOutcome;
  origin: Origin | null;
  code: ErrorCode | null;
  reason: string | null;
  upstream_status: number | null;
  /** Microseconds from dispatch to the last byte of the vendor, all attempts together. */
  upstream_us: number;
  total_us: number;
  /** total_us - upstream_us: the time that was ours. */
  overhead_us: number;
  /** Of the body sent to the vendor. */
  request_bytes: number;
  /** Of the body received from the vendor. */
  response_bytes: number;
  /** A success kept as a sample; failures are all kept. */
  sampled: boolean;
}

export interface CallEvidence {
  request: {
    /** Method and address, secrets masked. */
    line: string;
    headers: { [key: string]: string };
    body: EvidenceBody | null;
  } | null;
  response: {
    status: number;
    headers: { [key: string]: string };
    body: EvidenceBody | null;
  } | null;
  /** Times the vendor was called: 2 when a credential was renewed after a 401. */
  attempts: number;
  failure: {
    kind: string;
    phase: string;
    code: string;
    message: string;
  } | null;
}

export interface CallList {
  results: Call[];
  /** Pass as cursor for the next page; null at the end. */
  next_cursor: string | null;
}

export type CallOutcome = 'success' | 'failure' | 'aborted';

export interface CallQuery {
  tenant_id?: string;
  account_id?: string;
  connector?: string;
  outcome?: CallOutcome;
  origin?: Origin;
  request_id?: string;
  since?: string;
  limit?: number;
  cursor?: string;
}

export type CallSurface = 'proxy' | 'passthrough' | 'unified' | 'background';

export interface CallWithEvidence {
  id: string;
  /** When the call arrived. */
  at: string;
  request_id: string;
  tenant_id: string | null;
  account_id: string | null;
  connector: string | null;
  connector_version: number | null;
  surface: CallSurface;
  resource: string | null;
  /** list, get, create, update, delete, the name of an action, or the HTTP method of a passthrough. */
  method: string;
  /** What the caller was answered; 499 when it hung up first. */
  status: number;
  outcome: CallOutcome;
  origin: Origin | null;
  code: ErrorCode | null;
  reason: string | null;
  upstream_status: number | null;
  /** Microseconds from dispatch to the last byte of the vendor, all attempts together. */
  upstream_us: number;
  total_us: number;
  /** total_us - upstream_us: the time that was ours. */
  overhead_us: number;
  /** Of the body sent to the vendor. */
  request_bytes: number;
  /** Of the body received from the vendor. */
  response_bytes: number;
  /** A success kept as a sample; failures are all kept. */
  sampled: boolean;
  evidence: CallEvidence | null;
}

export interface EvidenceBody {
  /** The first bytes, secrets masked; base64 when binary is true. */
  text: string;
  /** Length of the whole body, as far as it was read. */
  bytes: number;
  binary: boolean;
  truncated: boolean;
}

export interface ConnectSession {
  id: string;
  /** Give it to the owner of the account. It holds the only copy of the session's token. */
  url: string;
  expires_at: string;
}

export interface ConnectSessionRequest {
  /** Your id of the customer; made known by first use. */
  tenant_id: string;
  connector: string;
  /** Re-authorises this account. Without it the session connects another account, even of the same connector. */
  account_id?: string;
  /** One of the connector's authentication schemes; default the account's, else the first. */
  scheme?: string;
  /** http(s) address the result page leads back to. */
  return_url?: string;
}

export interface AppQuery {
  /** For so many seconds the client secret that is replaced is tried when the vendor refuses the new one as such; each use is logged as an error. Default 0: it is gone at once. */
  overlap_s?: number;
}

/** client_id, client_secret and the connector's app_fields, all of them: what is left out is removed. */
export type AppRequest = { [key: string]: string };

export interface AppState {
  connector: string;
  /** The fields that are set; values are never shown. */
  fields: string[];
  revision: number;
  updated_at: string;
  /** Until when the secret that was replaced is kept; see overlap_s. */
  previous_secret_until: string | null;
}

export interface ConnectorDetail {
  id: string;
  name: string;
  description: string | null;
  categories: string[];
  /** Authentication schemes; the first is the default. */
  schemes: string[];
  resources: string[];
  app: {
    /** Some scheme needs an app of this installation at the vendor. */
    needed: boolean;
    /** The fields that are set; values are never shown. */
    fields: string[];
  };
  rollout: ConnectorRollout;
  version: number;
  docs_url: string | null;
  offered_schemes: OfferedScheme[];
  /** Settings of the app beside client_id and client_secret. */
  app_fields: {
    /** Key under config (or secret, when secret is true). */
    name: string;
    label: string;
    type?: 'text' | 'password' | 'select' | 'textarea';
    /** Sealed with the credential, never shown again. */
    secret?: boolean;
    /** Default true. */
    required?: boolean;
    /** ECMAScript regular expression, matched against the whole value. */
    pattern?: string;
    help?: string;
    placeholder?: string;
    default?: string;
    options?: {
      value: string;
      label: string;
    }[];
  }[];
  offered_resources: { [key: string]: OfferedResource };
  /** Unified model (<category>.<resource>) to what is offered of it. */
  unified: { [key: string]: OfferedModel };
  /** Steps that run once an account is connected. */
  post_install: string[];
}

export interface ConnectorDetailQuery {
  /** As this account sees it: its version, and its overrides. */
  account_id?: string;
}

export interface ConnectorList {
  results: ConnectorSummary[];
  /** Pass as cursor for the next page; null at the end. */
  next_cursor: string | null;
}

export interface ConnectorPut {
  id: string;
  version: number;
  /** False when the same manifest was there already and no new version was needed. */
  created: boolean;
  warnings: ManifestWarning[];
  rollout: ConnectorRollout;
}

export interface ConnectorPutQuery {
  /** Share of accounts that gets the new version at once; default 100. */
  percent?: number;
}

export interface ConnectorQuery {
  category?: string;
  limit?: number;
  cursor?: string;
}

export interface ConnectorRollout {
  stable: number;
  candidate: {
    version: number;
    percent: number;
  } | null;
  /** Grows with each change; send it back as If-Match to change only what you have seen. */
  revision: number;
  updated_at: string;
}

export interface ConnectorSummary {
  id: string;
  name: string;
  description: string | null;
  categories: string[];
  /** Authentication schemes; the first is the default. */
  schemes: string[];
  resources: string[];
  app: {
    /** Some scheme needs an app of this installation at the vendor. */
    needed: boolean;
    /** The fields that are set; values are never shown. */
    fields: string[];
  };
  rollout: ConnectorRollout;
}

export interface ConnectorVersion {
  version: number;
  source: 'built_in' | 'folder' | 'api';
  /** Of the manifest's canonical JSON (RFC 8785), in hex. */
  sha256: string;
  created_by: string;
  created_at: string;
  /** Share of accounts it serves now. */
  percent: number;
  /** With include=manifest. */
  manifest?: unknown;
}

export interface ConnectorVersionList {
  results: ConnectorVersion[];
  /** Pass as cursor for the next page; null at the end. */
  next_cursor: string | null;
}

export interface ConnectorVersionQuery {
  include?: 'manifest';
  limit?: number;
  cursor?: string;
}

export interface ManifestWarning {
  path: string;
  message: string;
  suggestion?: string;
}

export interface OfferedOperation {
  description: string | null;
  /** Query parameters the operation reads. */
  filters: string[];
  /** Further query parameters are passed to the vendor as they are. */
  any_query: boolean;
  /** Scopes the vendor wants for it. */
  scopes: string[];
  idempotent: boolean;
  /** How a list is paged, and its page sizes. */
  page?: {
    type: string;
    default?: number;
    max?: number;
  };
}

export interface OfferedResource {
  description: string | null;
  category: string | null;
  /** list, get, create, update, delete: those that are offered. */
  methods: { [key: string]: OfferedOperation };
  actions: { [key: string]: OfferedOperation };
}

export interface OfferedScheme {
  id: string;
  type: string;
  label: string | null;
  /** What the connect form asks for. */
  fields: {
    /** Key under config (or secret, when secret is true). */
    name: string;
    label: string;
    type?: 'text' | 'password' | 'select' | 'textarea';
    /** Sealed with the credential, never shown again. */
    secret?: boolean;
    /** Default true. */
    required?: boolean;
    /** ECMAScript regular expression, matched against the whole value. */
    pattern?: string;
    help?: string;
    placeholder?: string;
    default?: string;
    options?: {
      value: string;
      label: string;
    }[];
  }[];
  scopes: string[];
}

export interface RollbackRequest {
  /** Default: end the trial, else the version that was stable before. */
  version?: number;
}

export interface RolloutRequest {
  version: number;
  /** Share of accounts; 100 makes the version stable, 0 ends its trial. */
  percent: number;
}

export interface Delivery {
  id: string;
  endpoint_id: string;
  /** The header webhook-id of every attempt. */
  event_id: string;
  event_type: string;
  /** pending waits for an attempt or is being attempted; of a failed one nothing more is tried by itself. */
  state: DeliveryState;
  reason: string | null;
  /** event: the event itself and its schedule; the others were asked for. */
  cause: DeliveryCause;
  order_key: string | null;
  attempts: number;
  /** When the event was stored. */
  accepted_at: string;
  next_attempt_at: string | null;
  closed_at: string | null;
  last_attempt_at: string | null;
  last_status: number | null;
  last_error: string | null;
}

export interface DeliveryAttempt {
  id: string;
  /** Counts from 1. */
  number: number;
  /** event: the event itself and its schedule; the others were asked for. */
  cause: DeliveryCause;
  /** When it began. */
  at: string;
  duration_ms: number;
  succeeded: boolean;
  status: number | null;
  error: string | null;
  message: string | null;
  response: {
    /** The first 4096 bytes of the answer; base64 when binary is true. */
    text: string;
    binary: boolean;
    truncated: boolean;
    content_type: string | null;
  } | null;
}

/** event: the event itself and its schedule; the others were asked for. */
export type DeliveryCause = 'event' | 'retry' | 'recover' | 'resend' | 'test';

export interface DeliveryDetail {
  id: string;
  endpoint_id: string;
  /** The header webhook-id of every attempt. */
  event_id: string;
  event_type: string;
  /** pending waits for an attempt or is being attempted; of a failed one nothing more is tried by itself. */
  state: DeliveryState;
  reason: string | null;
  /** event: the event itself and its schedule; the others were asked for. */
  cause: DeliveryCause;
  order_key: string | null;
  attempts: number;
  /** When the event was stored. */
  accepted_at: string;
  next_attempt_at: string | null;
  closed_at: string | null;
  last_attempt_at: string | null;
  last_status: number | null;
  last_error: string | null;
  /** Oldest first; those of the last 100. */
  attempt_list: DeliveryAttempt[];
  /** The envelope as it is sent; null once the event is beyond retention. */
  payload: unknown;
}

export interface DeliveryList {
  results: Delivery[];
  /** Pass as cursor for the next page; null at the end. */
  next_cursor: string | null;
}

export interface DeliveryQuery {
  endpoint_id?: string;
  event_id?: string;
  /** pending waits for an attempt or is being attempted; of a failed one nothing more is tried by itself. */
  state?: DeliveryState;
  event_type?: string;
  /** Of events stored at or after this moment. */
  since?: string;
  limit?: number;
  cursor?: string;
}

/** pending waits for an attempt or is being attempted; of a failed one nothing more is tried by itself. */
export type DeliveryState = 'pending' | 'delivered' | 'failed' | 'cancelled';

export interface Drift {
  id: string;
  connector: string;
  /** contacts.list, crm.contacts.list, or event:<type>. */
  endpoint: string;
  vendor_endpoint: string;
  status_class: string;
  /** Place in the answer: results[].properties.email. [] are the members of a list, {} those of a map. */
  path: string;
  kind: DriftKind;
  json_type: string | null;
  /** breaking: something that a mapping or the engine reads is gone. warning: what is read has a new type, or is null for the first time. information: nothing reads it. */
  class: DriftClass;
  /** passed: the shape came back by itself. */
  state: DriftState;
  /** Counts behind it: presence and misses, or types before and now. Never a value. */
  evidence: { [key: string]: unknown };
  detected_at: string;
  ended_at: string | null;
  ended_by: string | null;
  note: string | null;
}

export interface DriftAcknowledgement {
  note?: string;
}

/** breaking: something that a mapping or the engine reads is gone. warning: what is read has a new type, or is null for the first time. information: nothing reads it. */
export type DriftClass = 'breaking' | 'warning' | 'information';

export type DriftKind = 'removed' | 'added' | 'type' | 'null';

export interface DriftList {
  results: Drift[];
  /** Pass as cursor for the next page; null at the end. */
  next_cursor: string | null;
}

export interface DriftQuery {
  connector?: string;
  /** breaking: something that a mapping or the engine reads is gone. warning: what is read has a new type, or is null for the first time. information: nothing reads it. */
  class?: DriftClass;
  /** passed: the shape came back by itself. */
  state?: DriftState;
  limit?: number;
  cursor?: string;
}

/** passed: the shape came back by itself. */
export type DriftState = 'open' | 'acknowledged' | 'passed';

export interface Endpoint {
  id: string;
  tenant_id: string | null;
  /** https; http only where the installation allows private addresses for endpoints. */
  url: string;
  description: string;
  /** Types of events; * stands for any run of characters: crm.*, integrated_account:*, *. */
  event_types: string[];
  rate_limit: number | null;
  /** Attempts under way at once; default 16. */
  max_in_flight: number;
  /** One at a time and in order for each object; a failing one holds up those of the same object. */
  ordered: boolean;
  /** From the first byte sent to the whole answer; default 15000. */
  timeout_ms: number;
  retry_schedule_s: number[] | null;
  contact_email: string | null;
  header_names: string[];
  enabled: boolean;
  disabled_at: string | null;
  disabled_reason: EndpointDisabledReason | null;
  health: EndpointHealthState;
  created_at: string;
  updated_at: string;
}

export interface EndpointCreated {
  id: string;
  tenant_id: string | null;
  /** https; http only where the installation allows private addresses for endpoints. */
  url: string;
  description: string;
  /** Types of events; * stands for any run of characters: crm.*, integrated_account:*, *. */
  event_types: string[];
  rate_limit: number | null;
  /** Attempts under way at once; default 16. */
  max_in_flight: number;
  /** One at a time and in order for each object; a failing one holds up those of the same object. */
  ordered: boolean;
  /** From the first byte sent to the whole answer; default 15000. */
  timeout_ms: number;
  retry_schedule_s: number[] | null;
  contact_email: string | null;
  header_names: string[];
  enabled: boolean;
  disabled_at: string | null;
  disabled_reason: EndpointDisabledReason | null;
  health: EndpointHealthState;
  created_at: string;
  updated_at: string;
  secret: {
    /** hmac: v1, a shared secret · ed25519: v1a, the receiver has the public key only. */
    kind: 'hmac' | 'ed25519';
    /** What the receiver verifies with: whsec_… or, of ed25519, the public key whpk_…. A secret is shown this once. */
    value: string;
  };
}

/** manual: by hand · gone: it answered 410 · failing: for days it has only failed. */
export type EndpointDisabledReason = 'manual' | 'gone' | 'failing';

export interface EndpointHealthState {
  /** paused: spared until resume_at, but for manual retries. */
  state: 'healthy' | 'failing' | 'paused';
  failing_since: string | null;
  /** In a row, of the kind that makes an endpoint look dead. */
  failures: number;
  resume_at: string | null;
}

export interface EndpointList {
  results: Endpoint[];
  /** Pass as cursor for the next page; null at the end. */
  next_cursor: string | null;
}

export interface EndpointQuery {
  tenant_id?: string;
  limit?: number;
  cursor?: string;
}

export interface EndpointRequest {
  /** https; http only where the installation allows private addresses for endpoints. */
  url: string;
  /** Types of events; * stands for any run of characters: crm.*, integrated_account:*, *. */
  event_types: string[];
  /** Gets the events of this tenant only. */
  tenant_id?: string;
  description?: string;
  /** Sent with every delivery. Kept sealed: only their names are shown. */
  headers?: { [key: string]: string };
  rate_limit?: number | null;
  /** Attempts under way at once; default 16. */
  max_in_flight?: number;
  /** One at a time and in order for each object; a failing one holds up those of the same object. */
  ordered?: boolean;
  /** From the first byte sent to the whole answer; default 15000. */
  timeout_ms?: number;
  retry_schedule_s?: number[] | null;
  contact_email?: string | null;
  /** hmac: v1, a shared secret · ed25519: v1a, the receiver has the public key only. */
  signature?: 'hmac' | 'ed25519';
  /** Your own whsec_…, of 24 to 64 bytes; else one is made. */
  secret?: string;
}

export interface EndpointStatistics {
  since: string;
  /** Waiting now; at most 10000 are counted. */
  pending: number;
  totals: {
    attempts: number;
    failed_attempts: number;
    delivered: number;
    failed: number;
    cancelled: number;
    success_rate: number | null;
    average_duration_ms: number | null;
    average_lag_ms: number | null;
  };
  /** Hours or days with anything in them, oldest first. */
  intervals: {
    start: string;
    attempts: number;
    failed_attempts: number;
    delivered: number;
    failed: number;
    cancelled: number;
  }[];
}

export interface EndpointStatisticsQuery {
  days?: number;
  interval?: 'hour' | 'day';
}

export interface EndpointTestRequest {
  /** Sends the example of this type; default endpoint:test. */
  event_type?: string;
}

export interface EndpointUpdate {
  /** https; http only where the installation allows private addresses for endpoints. */
  url?: string;
  /** Types of events; * stands for any run of characters: crm.*, integrated_account:*, *. */
  event_types?: string[];
  description?: string;
  /** Sent with every delivery. Kept sealed: only their names are shown. */
  headers?: { [key: string]: string };
  rate_limit?: number | null;
  /** Attempts under way at once; default 16. */
  max_in_flight?: number;
  /** One at a time and in order for each object; a failing one holds up those of the same object. */
  ordered?: boolean;
  /** From the first byte sent to the whole answer; default 15000. */
  timeout_ms?: number;
  retry_schedule_s?: number[] | null;
  contact_email?: string | null;
  /** false disables it and cancels what is pending; true enables it, its health is forgotten. */
  enabled?: boolean;
}

export interface RecoverRequest {
  /** Everything this endpoint should have got since then and did not: failed, cancelled, or never queued. */
  since: string;
  /** Only count. */
  dry_run?: boolean;
}

export interface Resend {
  id: string | null;
  endpoint_id: string;
  kind: 'recover' | 'resend';
  state: 'preview' | 'running' | 'done' | 'cancelled';
  /** Deliveries that were found when it was asked for. */
  total: number;
  /** false: counting stopped after 200000 events, there are at least `total`. True once it is done. */
  total_exact: boolean;
  /** Of these queued again so far. */
  done: number;
  created_at: string | null;
  finished_at: string | null;
}

export interface ResendList {
  results: Resend[];
  /** Pass as cursor for the next page; null at the end. */
  next_cursor: string | null;
}

export interface ResendRequest {
  since: string;
  /** Default now. */
  until?: string;
  /** Default all but pending. */
  states?: ('delivered' | 'failed' | 'cancelled')[];
  /** Types of events; * stands for any run of characters: crm.*, integrated_account:*, *. */
  event_types?: string[];
  /** Only count. */
  dry_run?: boolean;
}

export interface RotateSecretRequest {
  /** So long the former secrets sign as well; 0: no longer, after a leak. */
  overlap_s?: number;
  /** hmac: v1, a shared secret · ed25519: v1a, the receiver has the public key only. */
  signature?: 'hmac' | 'ed25519';
  secret?: string;
}

export interface SecretRotated {
  secret: {
    /** hmac: v1, a shared secret · ed25519: v1a, the receiver has the public key only. */
    kind: 'hmac' | 'ed25519';
    /** What the receiver verifies with: whsec_… or, of ed25519, the public key whpk_…. A secret is shown this once. */
    value: string;
  };
  former_until: string | null;
}

export interface EventTypeInfo {
  type: string;
  description: string;
  /** JSON Schema of data. */
  schema: unknown;
  /** An example of data. */
  example: unknown;
}

export interface EventTypeList {
  results: EventTypeInfo[];
  next_cursor: null;
}

export interface AccountInbound {
  url: string | null;
  setup: string | null;
  docs_url: string | null;
  tasks: InboundTask[];
  /** Events of the account that wait to be worked on. */
  waiting: number;
  /** Events of the account that were given up and can be replayed. */
  dead: number;
  last_received_at: string | null;
}

export interface AskTasks {
  /** subscription: they are checked at the vendor now, also where nothing failed. */
  kind?: 'subscription' | 'pull' | 'backfill';
  name?: string;
  /** A backfill is read anew from its first page, also one that was done. Records told of before are told apart as repeated. */
  from_start?: boolean;
}

export interface AskedTasks {
  account_id: string;
  /** How many are due now. */
  tasks: number;
}

export interface Erasure {
  id: string;
  tenant_id: string;
  /** Requests that are gone. One that told of other tenants too has lost its content instead, and is not counted. */
  requests: number;
  events: number;
  /** Outgoing events that were made of them and have lost their record. */
  published: number;
  requested_at: string;
  finished_at: string | null;
}

export interface ErasureList {
  results: Erasure[];
  next_cursor: null;
}

export interface InboundAddress {
  url: string | null;
  setup: string | null;
  docs_url: string | null;
}

export interface InboundEvent {
  id: string;
  source: 'webhook' | 'pull' | 'backfill';
  connector: string;
  account_id: string | null;
  tenant_id: string | null;
  type: string | null;
  unified_type: string | null;
  vendor_event_id: string | null;
  /** False: the vendor's id stands where no signature covers it. */
  id_signed: boolean;
  state: InboundEventState;
  reason: string | null;
  attempts: number;
  occurred_at: string | null;
  received_at: string;
  processed_at: string | null;
  lag_ms: number | null;
  published: string[];
}

export interface InboundEventDetail {
  id: string;
  source: 'webhook' | 'pull' | 'backfill';
  connector: string;
  account_id: string | null;
  tenant_id: string | null;
  type: string | null;
  unified_type: string | null;
  vendor_event_id: string | null;
  /** False: the vendor's id stands where no signature covers it. */
  id_signed: boolean;
  state: InboundEventState;
  reason: string | null;
  attempts: number;
  occurred_at: string | null;
  received_at: string;
  processed_at: string | null;
  lag_ms: number | null;
  published: string[];
  /** How often it came again and was acknowledged without effect. */
  duplicates: number;
  last_duplicate_at: string | null;
  next_attempt_at: string | null;
  request: {
    id: string;
    method: string;
    /** Secrets masked. */
    query: string;
    /** As received, secrets masked. */
    headers: { [key: string]: string };
    body: EvidenceBody;
    /** Which of the events in the request it is, from 0. */
    position: number;
    connector_version: number;
    /** Which rule proved the request, and when it was signed. */
    verification: unknown;
  } | null;
  /** What was published for it, each with its deliveries. */
  events: InboundPublished[];
}

export interface InboundEventList {
  results: InboundEvent[];
  /** Pass as cursor for the next page; null at the end. */
  next_cursor: string | null;
}

export interface InboundEventQuery {
  tenant_id?: string;
  account_id?: string;
  connector?: string;
  /** The vendor's type or the unified one. */
  type?: string;
  state?: InboundEventState;
  since?: string;
  until?: string;
  limit?: number;
  cursor?: string;
}

export type InboundEventState = 'pending' | 'processed' | 'ignored' | 'dead';

export interface InboundPublished {
  event_id: string;
  type: string;
  published_at: string;
  data: unknown;
  /** To the endpoints the caller may see, newest first, at most 100. Attempts: GET /v1/deliveries/{id}. */
  deliveries: Delivery[];
}

export interface InboundTask {
  kind: 'subscription' | 'pull' | 'backfill';
  /** Its id in the connector's manifest. */
  name: string;
  /** failing: it is tried again. failed: it was given up, until somebody asks for it again. */
  state: 'starting' | 'active' | 'failing' | 'failed' | 'done' | 'removed';
  /** Of a pull or a backfill: pages read. */
  pages: number;
  /** Of a pull or a backfill: records read. */
  records: number;
  /** Of a subscription: how often it was found missing or disabled at the vendor and was mended. Of a feed: how often the vendor had forgotten where it was to go on. */
  recreated: number;
  expires_at: string | null;
  next_at: string | null;
  succeeded_at: string | null;
  finished_at: string | null;
  /** In a row. */
  failures: number;
  last_error: string | null;
}

export interface Replay {
  id: string | null;
  dry_run: boolean;
  /** Events that match. */
  total: number;
  /** Of those, how many have been given back to the workers. */
  queued: number;
  /** Of those given back, how many wait still. */
  pending: number;
  created_at: string;
  finished_at: string | null;
}

export interface ReplayRequest {
  tenant_id?: string;
  account_id?: string;
  connector?: string;
  /** The vendor's type or the unified one. */
  type?: string;
  state?: InboundEventState;
  since: string;
  until?: string;
  /** Only counts. Default false. */
  dry_run?: boolean;
}

export interface AuthHealth {
  category: string;
  now: Span;
  before: Span;
  /** At least 95 % of the window was measured; otherwise the figures are a part of the truth. */
  sufficient: boolean;
  results: {
    connector: string;
    accounts: number;
    /** Accounts that need re-authorisation now. */
    needs_reauth: number;
    /** The same when the window began. */
    needs_reauth_before: number;
    share: number | null;
    now: {
      /** Accounts that came to need re-authorisation in the window. */
      lost: number;
      reactivated: number;
      refreshes: number;
      refreshes_failed: number;
    };
    before: {
      /** Accounts that came to need re-authorisation in the window. */
      lost: number;
      reactivated: number;
      refreshes: number;
      refreshes_failed: number;
    };
  }[];
}

export interface DeliveryRate {
  category: string;
  now: Span;
  before: Span;
  /** At least 95 % of the window was measured; otherwise the figures are a part of the truth. */
  sufficient: boolean;
  results: {
    tenant_id: string | null;
    endpoint: string | null;
    now: {
      total: number;
      delivered: number;
      failed: number;
      success_rate: number | null;
      codes: { [key: string]: number };
      lag_ms: Percentiles;
    };
    before: {
      total: number;
      delivered: number;
      failed: number;
      success_rate: number | null;
      codes: { [key: string]: number };
      lag_ms: Percentiles;
    };
    /** Less than 99.5 % were delivered. */
    below_objective: boolean;
  }[];
}

export interface EndpointVerdict {
  connector: string;
  endpoint: string;
  vendor_endpoint: string;
  way: string;
  whose: 'upstream' | 'platform' | 'account' | 'unclear';
  /** What decided: fails_direct_too, fails_only_unified, fails_on_every_connector, other_connectors_well, one_account, own_attribution or too_little_volume. */
  because: string;
  explanation: string;
  failed: number;
  total: number;
  accounts: number;
  failing_accounts: number;
}

export interface ErrorRate {
  category: string;
  now: Span;
  before: Span;
  /** At least 95 % of the window was measured; otherwise the figures are a part of the truth. */
  sufficient: boolean;
  results: {
    connector: string;
    endpoint: string;
    vendor_endpoint: string;
    way: 'unified' | 'direct' | 'external' | 'background';
    now: {
      total: number;
      /** Accounts that called. */
      accounts: number;
      /** Of them, with a failure of the platform or the vendor. */
      failing_accounts: number;
      caller: number;
      account: number;
      platform: number;
      upstream: number;
      /** Of upstream. */
      rate_limited: number;
      error_rate: number | null;
      codes: { [key: string]: number };
    };
    before: {
      total: number;
      /** Accounts that called. */
      accounts: number;
      /** Of them, with a failure of the platform or the vendor. */
      failing_accounts: number;
      caller: number;
      account: number;
      platform: number;
      upstream: number;
      /** Of upstream. */
      rate_limited: number;
      error_rate: number | null;
      codes: { [key: string]: number };
    };
    total_ms: Percentiles;
    overhead_ms: Percentiles;
  }[];
  verdicts: EndpointVerdict[];
}

export interface MonitoringQuery {
  connector?: string;
  tenant_id?: string;
  /** Length of the window, such as 15m, 1h, 24h or 7d; at most 30d; default 1h. More than 24 hours are read by whole hours. */
  window?: string;
  /** Rows at most, the worst first; default 100. */
  limit?: number;
}

export interface Percentiles {
  p50: number | null;
  p95: number | null;
  p99: number | null;
}

export interface Span {
  from: string;
  to: string;
  seconds: number;
  /** Seconds in which at least one node lived and counted. */
  covered_seconds: number;
  /** Seconds in which counts of a node were lost. */
  lost_seconds: number;
  /** covered_seconds / seconds. What is not covered is unknown, never good. */
  coverage: number;
}

export interface TenantSuccess {
  category: string;
  now: Span;
  before: Span;
  /** At least 95 % of the window was measured; otherwise the figures are a part of the truth. */
  sufficient: boolean;
  results: {
    /** 1 is the worst. */
    rank: number;
    tenant_id: string;
    connector: string | null;
    accounts: number;
    now: {
      total: number;
      success: number;
      /** Failures of account, platform or upstream. */
      failed: number;
      success_rate: number | null;
    };
    before: {
      total: number;
      success: number;
      /** Failures of account, platform or upstream. */
      failed: number;
      success_rate: number | null;
    };
    share_of_failures: number | null;
    share_of_calls: number | null;
    last_success_at: string | null;
    since_last_success_s: number | null;
    /** It fails and nothing succeeded in the window. */
    broken: boolean;
  }[];
}

export interface TokenDrift {
  category: string;
  now: Span;
  before: Span;
  /** At least 95 % of the window was measured; otherwise the figures are a part of the truth. */
  sufficient: boolean;
  results: {
    connector: string;
    now: {
      /** Tokens that were refused before their stated end, proven by a success with the next one. */
      tokens: number;
      accounts: number;
      drift_p50_s: number | null;
      drift_p95_s: number | null;
      drift_max_s: number | null;
    };
    before: {
      /** Tokens that were refused before their stated end, proven by a success with the next one. */
      tokens: number;
      accounts: number;
      drift_p50_s: number | null;
      drift_p95_s: number | null;
      drift_max_s: number | null;
    };
    shortest_lifetime_s: number | null;
    last_at: string;
  }[];
}

export interface WebhookLag {
  category: string;
  now: Span;
  before: Span;
  /** At least 95 % of the window was measured; otherwise the figures are a part of the truth. */
  sufficient: boolean;
  results: {
    connector: string;
    now: {
      events: number;
      failed: number;
      lag_ms: Percentiles;
      above_30_s: number | null;
    };
    before: {
      events: number;
      failed: number;
      lag_ms: Percentiles;
      above_30_s: number | null;
    };
    /** The 95th percentile is above 30 seconds. */
    behind: boolean;
  }[];
}

export interface BudgetView {
  state: 'known' | 'insufficient_data';
  reason: string | null;
  /** Events, or minutes by the time-slice method, in the window. */
  total: number;
  bad: number;
  achieved_percent: string | null;
  meets_target: boolean | null;
  consumed_percent: string | null;
  remaining_percent: string | null;
  bad_left: number | null;
  consumed_by: {
    cause: 'platform' | 'upstream' | 'slow';
    bad: number;
    /** Of what is consumed. */
    percent: string;
  }[];
  projected_exhaustion: {
    at: string;
    /** Over the last six hours, which the projection goes by. */
    burn_rate: string;
  } | null;
  from: string;
  to: string;
  coverage: Coverage;
}

export interface BurnAlertList {
  results: BurnAlertView[];
  /** Pass as cursor for the next page; null at the end. */
  next_cursor: string | null;
}

export interface BurnAlertQuery {
  objective?: string;
  /** overall, connector:<id>, category:<id> or tenant:<id>. */
  scope?: string;
  state?: AlertState;
  limit?: number;
  cursor?: string;
}

export interface BurnAlertView {
  id: string;
  objective: string;
  scope: string;
  tier: string;
  severity: 'P1' | 'P2' | 'P3' | 'P4';
  notify: string[];
  state: AlertState;
  fired_minute: string;
  resolved_minute: string | null;
  long: {
    bad: number;
    total: number;
  };
  short: {
    bad: number;
    total: number;
  };
}

export interface BurnView {
  tier: string;
  severity: 'P1' | 'P2' | 'P3' | 'P4';
  factor: string;
  long: {
    window: string;
    total: number;
    bad: number;
    rate: string | null;
    coverage_percent: string;
  };
  short: {
    window: string;
    total: number;
    bad: number;
    rate: string | null;
    coverage_percent: string;
  };
  /** insufficient_data: a window is not measured well enough, or holds less than the minimum: no alert fires on it. */
  state: 'known' | 'insufficient_data';
  /** Both windows are strictly above the factor. */
  above: boolean;
  /** When it fires if every event is bad from now on, starting clean. */
  fires_after_total_outage: string;
  /** When it ends after such an outage. */
  resets_after: string;
}

export interface Coverage {
  measured_minutes: number;
  window_minutes: number;
  /** Measured share of the window, cut to four decimals. What was not measured is in no sum. */
  percent: string;
}

export interface Deployment {
  id: string;
  service: string;
  version: string;
  /** What kind of change is deployed. */
  change: 'normal' | 'critical' | 'reliability';
  description: string | null;
  url: string | null;
  deployed_at: string;
  created_by: string;
  /** The share of bad events after it against the one before it, for each objective counted in events, overall. */
  effects: DeploymentEffectView[];
}

export interface DeploymentEffectView {
  objective: string;
  verdict: 'worse' | 'no_change' | 'too_early' | 'insufficient_data';
  before: {
    events: number;
    bad: number;
  };
  after: {
    events: number;
    bad: number;
  };
  p: number | null;
  explanation: string;
}

export interface DeploymentList {
  results: Deployment[];
  /** Pass as cursor for the next page; null at the end. */
  next_cursor: string | null;
}

export interface DeploymentQuery {
  since?: string;
  limit?: number;
  cursor?: string;
}

export interface DeploymentRequest {
  service?: string;
  version: string;
  /** What kind of change is deployed. */
  change?: 'normal' | 'critical' | 'reliability';
  description?: string;
  url?: string;
  deployed_at?: string;
}

export interface GateAnswer {
  objective: string;
  scope: string;
  /** What kind of change is deployed. */
  change: 'normal' | 'critical' | 'reliability';
  decision: 'allow' | 'deny';
  /** One line. */
  reason: string;
  mode: 'normal' | 'caution' | 'restricted' | 'critical' | 'exhausted' | null;
  remaining_percent: string | null;
  evaluated_to: string | null;
  override: GateOverride | null;
}

export interface GateOverride {
  id: string;
  objective: string;
  scope: string;
  reason: string;
  created_by: string;
  created_at: string;
  expires_at: string;
}

export interface GateOverrideList {
  results: GateOverride[];
  /** Pass as cursor for the next page; null at the end. */
  next_cursor: string | null;
}

export interface GateOverrideRequest {
  objective: string;
  /** overall, connector:<id>, category:<id> or tenant:<id>. */
  scope?: string;
  /** Why this deployment cannot wait; recorded. */
  reason: string;
  expires_at: string;
}

export interface GateQuery {
  objective: string;
  /** overall, connector:<id>, category:<id> or tenant:<id>. */
  scope?: string;
  /** What kind of change is deployed. */
  change?: 'normal' | 'critical' | 'reliability';
}

export interface ModeChangeView {
  id: string;
  at: string;
  minute: string;
  from: 'normal' | 'caution' | 'restricted' | 'critical' | 'exhausted' | null;
  /** From the fullest budget to none. */
  to: 'normal' | 'caution' | 'restricted' | 'critical' | 'exhausted';
  remaining_percent: string | null;
  total: number;
  bad: number;
  freeze: string;
  notify: string[];
  incident: string | null;
  actions: string[];
  event_id: string;
}

export interface ModeView {
  mode: 'normal' | 'caution' | 'restricted' | 'critical' | 'exhausted' | null;
  /** There is insufficient data now, and this is the last known mode: it holds until data says otherwise or nothing it was judged by is in the window any more. */
  held: boolean;
  since: string | null;
  freeze: 'none' | 'non_critical' | 'all_but_reliability';
  notify: string[];
  actions: string[];
}

export interface ObjectiveCallsQuery {
  /** overall, connector:<id>, category:<id> or tenant:<id>. */
  scope?: string;
  limit?: number;
  cursor?: string;
}

export interface ObjectiveDetail {
  id: string;
  title: string;
  indicator: string;
  /** Exactly as configured. */
  target_percent: string;
  method: 'events' | 'time_slices';
  /** 30d, or a calendar unit with its time zone. */
  window: string;
  /** Kinds of scope it is kept in. */
  scopes: string[];
  evaluated_to: string | null;
  overall: ObjectiveScope | null;
  scope: string;
  available_scopes: string[];
  budget: BudgetView;
  burn: BurnView[];
  policy: ModeView;
  /** The budget as it stood at the end of each of the last days, oldest first. */
  history: {
    at: string;
    budget: BudgetView;
  }[];
  mode_changes: ModeChangeView[];
  alerts: BurnAlertView[];
}

export interface ObjectiveList {
  results: ObjectiveSummary[];
  /** Pass as cursor for the next page; null at the end. */
  next_cursor: string | null;
}

export interface ObjectiveQuery {
  /** overall, connector:<id>, category:<id> or tenant:<id>. */
  scope?: string;
  history_days?: number;
}

export interface ObjectiveScope {
  scope: string;
  mode: 'normal' | 'caution' | 'restricted' | 'critical' | 'exhausted' | null;
  budget: BudgetView;
}

export interface ObjectiveSummary {
  id: string;
  title: string;
  indicator: string;
  /** Exactly as configured. */
  target_percent: string;
  method: 'events' | 'time_slices';
  /** 30d, or a calendar unit with its time zone. */
  window: string;
  /** Kinds of scope it is kept in. */
  scopes: string[];
  evaluated_to: string | null;
  overall: ObjectiveScope | null;
}

export interface EffectiveManifest {
  connector: string;
  version: number;
  /** The manifest of this connector version, its mappings included. */
  built_in: unknown;
  /** Of the override in the layer asked for; 0 when it has none. Also the ETag: send it back as If-Match to change only what you have seen. */
  revision: number;
  /** In the order in which they apply. */
  layers: Override[];
  effective: unknown;
  /** Between built_in and effective. */
  changes: {
    path: string;
    before?: unknown;
    after?: unknown;
  }[];
  /** Why the layers do not fit this version; calls answer connector_invalid, those of one mapping mapping_failed. */
  faults: {
    path: string;
    message: string;
  }[];
}

export interface EffectiveMapping {
  connector: string;
  version: number;
  model: string;
  /** The mapping of this connector version; null where it has none. */
  built_in: unknown;
  /** Of the override in the layer asked for; 0 when it has none. Also the ETag: send it back as If-Match to change only what you have seen. */
  revision: number;
  /** In the order in which they apply. */
  layers: Override[];
  effective: unknown;
  /** Between built_in and effective. */
  changes: {
    path: string;
    before?: unknown;
    after?: unknown;
  }[];
  /** Why the layers do not fit this version; its calls answer mapping_failed. */
  faults: {
    path: string;
    message: string;
  }[];
}

/** Whose layer: an account's, a tenant's, or without either the installation's. */
export interface LayerQuery {
  tenant_id?: string;
  account_id?: string;
}

export interface Override {
  /** What it changes: "manifest", or the unified model whose mapping it changes. */
  part: string;
  layer: 'installation' | 'tenant' | 'account';
  /** The tenant or the account; empty for the installation. */
  owner: string;
  /** A JSON merge patch (RFC 7396). */
  patch: unknown;
  revision: number;
  updated_by: string;
  updated_at: string;
}

export interface ProxyListQuery {
  /** The account; or the header evenkeel-account. */
  account_id?: string;
  /** Records a page; capped at what the vendor takes. */
  limit?: number;
  cursor?: string;
}

export interface ProxyQuery {
  /** The account; or the header evenkeel-account. */
  account_id?: string;
}

export interface ModelDescription {
  /** <category>.<resource> */
  model: string;
  filters: string[];
  sort: string[];
  /** JSON Schema of a record. */
  schema: unknown;
}

export interface ModelList {
  results: ModelDescription[];
  /** Pass as cursor for the next page; null at the end. */
  next_cursor: string | null;
}

/** What a connector offers of a unified model. */
export interface OfferedModel {
  methods: string[];
  /** Ways to list: the filters and the sorting of one call are of one way. */
  lists: {
    filters: string[];
    required_filters: string[];
    sort: string[];
  }[];
  /** Fields that have a value here; the others of the model are null. */
  fields: string[];
  writable: {
    create: string[];
    update: string[];
  };
  /** Fields that create must be given. */
  required: string[];
  custom_fields: boolean;
}

export interface UnifiedListQuery {
  /** The account; or the header evenkeel-account. */
  account_id?: string;
  /** Fields of the model, separated by commas; the id is always there. */
  fields?: string;
  /** Adds the vendor's own record as remote_data. */
  remote_data?: boolean;
  limit?: number;
  cursor?: string;
  /** A field of the model; descending with "-" before. */
  sort?: string;
}

export interface UnifiedQuery {
  /** The account; or the header evenkeel-account. */
  account_id?: string;
  /** Fields of the model, separated by commas; the id is always there. */
  fields?: string;
  /** Adds the vendor's own record as remote_data. */
  remote_data?: boolean;
}

export interface VaultKey {
  /** Fingerprint of a master key: tells nothing about it. */
  id: string;
  /** standby: known to a node, seals nothing yet. retiring: still needed to open records. retired: can be dropped from the configuration. */
  state: VaultKeyState;
  /** Seals what is written now. */
  in_use: boolean;
  /** Records sealed with it. */
  records: number;
  created_at: string;
  promoted_at: string | null;
  retired_at: string | null;
}

/** standby: known to a node, seals nothing yet. retiring: still needed to open records. retired: can be dropped from the configuration. */
export type VaultKeyState = 'standby' | 'in_use' | 'retiring' | 'retired';

export interface VaultNode {
  id: string;
  /** The key it was given to seal with. */
  master_key: string;
  /** Every key it knows. */
  keys: string[];
  /** Fingerprint of a master key: tells nothing about it. */
  sealing_with: string;
  seen_at: string;
}

export interface VaultProgress {
  /** Fingerprint of a master key: tells nothing about it. */
  to: string;
  /** Records that stood under other keys when the rotation began. */
  total: number;
  done: number;
  remaining: number;
  /** Records that cannot be opened; the log names them, and their key is not retired. */
  unreadable: number;
  started_at: string;
  /** When the last old key was retired. */
  finished_at: string | null;
}

export interface VaultStatus {
  keys: VaultKey[];
  /** Nodes seen within the last minute. */
  nodes: VaultNode[];
  /** Of the latest rotation; null before the first. */
  progress: VaultProgress | null;
  /** What there is to do now, for people. */
  next_step: string;
}
