/**
 * The cast of a demonstration: three companies, what their people type into the connect forms, and what programs then
 * do with the accounts. The n-th account a consent page offers and the n-th key belong to the same simulated customer.
 */
import { sandboxApps, sandboxKeys, type SandboxApp } from './apps.ts';

export interface DemoConnection {
  readonly tenant: string;
  readonly connector: string;
  /** Typed into the connect form, by field name. */
  readonly fields: Readonly<Record<string, string>>;
  /** Which of the accounts on the consent page is chosen, from 0. */
  readonly choice: number;
  /** Of the connector's authentication schemes; default the first. */
  readonly scheme?: string;
  /** The vendor serves this customer badly, so that there is something to attribute. */
  readonly isTroubled?: true;
}

export interface DemoRead {
  readonly resource: string;
  /** What the list needs to be told. */
  readonly query?: Readonly<Record<string, string>>;
  /** Member of a record that holds its id; default "id". */
  readonly id?: string;
}

export interface DemoTraffic {
  /** What is listed and then read record by record. */
  readonly reads: readonly DemoRead[];
  /** A record that is created now and then; `n` makes each different. */
  readonly create?: { readonly resource: string; readonly body: (n: number) => object };
}

const keyed = (connector: keyof typeof sandboxKeys, choice: number): string => sandboxKeys[connector][choice] ?? '';
const connection = (tenant: string, choice: number) => (connector: string, fields: Readonly<Record<string, string>> = {}): DemoConnection => ({ tenant, connector, fields, choice });

const lindqvist = connection('lindqvist-ab', 0);
const kestrel = connection('kestrel-logistics', 1);
const halcyon = connection('halcyon-health', 2);

/** What a team enters once for each vendor that wants an app: the client, and what else its connector asks for. */
export const demoApps: Readonly<Record<string, Readonly<Record<string, string>>>> = Object.fromEntries(
  Object.entries<SandboxApp>(sandboxApps).map(([id, { client_id, client_secret, app_id, private_key, signing_secret, webhook_secret }]) => [
    id,
    { client_id, client_secret, ...(private_key === undefined || app_id === undefined ? {} : { app_id, private_key }), ...(signing_secret === undefined ? {} : { signing_secret }), ...(webhook_secret === undefined ? {} : { webhook_secret }) },
  ]),
);

/** What a person sets up at a vendor that cannot be asked by its API to send: whose address it is, and the secret that signs. */
export interface DemoWebhook {
  readonly connector: string;
  readonly of: 'app' | 'account';
  readonly secret: string;
}
const typedSecret = 'greenhouse-demo-webhook-secret';
export const demoWebhooks: readonly DemoWebhook[] = [
  { connector: 'hubspot', of: 'app', secret: sandboxApps.hubspot.client_secret },
  { connector: 'slack', of: 'app', secret: sandboxApps.slack.signing_secret },
  { connector: 'github', of: 'app', secret: sandboxApps.github.webhook_secret },
  { connector: 'greenhouse', of: 'account', secret: typedSecret },
  // Not signed: the address is the secret.
  { connector: 'salesforce', of: 'account', secret: '' },
];

export const demoConnections: readonly DemoConnection[] = [
  lindqvist('hubspot'),
  lindqvist('salesforce'),
  lindqvist('pipedrive'),
  lindqvist('linear'),
  lindqvist('slack'),
  lindqvist('github'),
  lindqvist('bamboohr', { subdomain: 'evenkeel-sandbox-1', api_key: keyed('bamboohr', 0) }),
  lindqvist('greenhouse', { api_key: keyed('greenhouse', 0), on_behalf_of: '3001', webhook_secret: typedSecret }),
  kestrel('hubspot'),
  { ...kestrel('slack'), isTroubled: true },
  kestrel('linear'),
  kestrel('greenhouse', { api_key: keyed('greenhouse', 1), on_behalf_of: '3001', webhook_secret: typedSecret }),
  halcyon('salesforce'),
  halcyon('pipedrive'),
  halcyon('github'),
  halcyon('hubspot'),
];

/** Vendors that are simulated but have no part in the demonstration: how tests connect them. */
export const furtherConnections: readonly DemoConnection[] = [
  lindqvist('zendesk', { subdomain: 'evenkeel-sandbox-1' }),
  lindqvist('jira'),
  lindqvist('zoho-crm'),
  { ...lindqvist('greenhouse-v3', { client_id: '4001', client_secret: keyed('greenhouse', 0) }), scheme: 'client_credentials' },
  lindqvist('lever', { perform_as: '00000001-5c1d-4e3f-8a9b-000000000000' }),
  lindqvist('hibob', { service_user_id: 'SERVICE-01', service_user_token: keyed('hibob', 0).split(':')[1] ?? '' }),
];

const person = (n: number) => ({ first: 'Demo', last: `Person ${n}`, email: `demo.${n}@mail.example` });

const read = (...resources: string[]): DemoRead[] => resources.map((resource) => ({ resource }));

const byConnector: Readonly<Record<string, (choice: number) => DemoTraffic>> = {
  hubspot: () => ({
    reads: read('contacts', 'companies', 'deals'),
    create: { resource: 'contacts', body: (n) => ({ properties: { firstname: person(n).first, lastname: person(n).last, email: person(n).email } }) },
  }),
  salesforce: () => ({
    reads: read('contacts', 'companies', 'deals').map((one) => ({ ...one, id: 'Id' })),
    create: { resource: 'contacts', body: (n) => ({ FirstName: person(n).first, LastName: person(n).last, Email: person(n).email }) },
  }),
  pipedrive: () => ({ reads: read('contacts', 'companies', 'deals'), create: { resource: 'contacts', body: (n) => ({ name: `${person(n).first} ${person(n).last}` }) } }),
  linear: () => ({ reads: read('issues', 'teams', 'users') }),
  slack: () => ({ reads: read('channels', 'users') }),
  github: (choice) => ({
    reads: [
      { resource: 'repositories', id: 'full_name' },
      { resource: 'issues', id: 'number', query: { repo: `evenkeel-sandbox-${choice + 1}/api` } },
    ],
  }),
  bamboohr: () => ({ reads: read('employees') }),
  greenhouse: () => ({ reads: read('candidates', 'jobs', 'applications') }),
};

/** What programs do with an account of the connection. */
export function trafficOf({ connector, choice }: DemoConnection): DemoTraffic {
  return byConnector[connector]?.(choice) ?? { reads: [] };
}
