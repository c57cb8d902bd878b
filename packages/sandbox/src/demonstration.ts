/**
 * The cast of a demonstration: three companies, what their people type into the connect forms, and what programs then
 * do with the accounts. The n-th account a consent page offers and the n-th key belong to the same simulated customer.
 */
import { sandboxApps, sandboxKeys } from './apps.ts';

export interface DemoConnection {
  readonly tenant: string;
  readonly connector: string;
  /** Typed into the connect form, by field name. */
  readonly fields: Readonly<Record<string, string>>;
  /** Which of the accounts on the consent page is chosen, from 0. */
  readonly choice: number;
}

export interface DemoTraffic {
  /** Resources whose lists and records are read. */
  readonly reads: readonly string[];
  /** A record that is created now and then; `n` makes each different. */
  readonly create?: { readonly resource: string; readonly body: (n: number) => object };
}

const keyed = (connector: keyof typeof sandboxKeys, choice: number): string => sandboxKeys[connector][choice] ?? '';
const connection = (tenant: string, choice: number) => (connector: string, fields: Readonly<Record<string, string>> = {}): DemoConnection => ({ tenant, connector, fields, choice });

const lindqvist = connection('lindqvist-ab', 0);
const kestrel = connection('kestrel-logistics', 1);
const halcyon = connection('halcyon-health', 2);

export const demoApps: Readonly<Record<string, Readonly<Record<string, string>>>> = Object.fromEntries(
  Object.entries(sandboxApps).map(([id, { client_id, client_secret }]) => [id, { client_id, client_secret }]),
);

export const demoConnections: readonly DemoConnection[] = [
  lindqvist('hubspot'),
  lindqvist('salesforce'),
  lindqvist('pipedrive'),
  lindqvist('linear'),
  lindqvist('slack'),
  lindqvist('github'),
  lindqvist('bamboohr', { subdomain: 'lindqvist', api_key: keyed('bamboohr', 0) }),
  lindqvist('greenhouse', { api_key: keyed('greenhouse', 0) }),
  kestrel('hubspot'),
  kestrel('slack'),
  kestrel('linear'),
  kestrel('greenhouse', { api_key: keyed('greenhouse', 1) }),
  halcyon('salesforce'),
  halcyon('pipedrive'),
  halcyon('github'),
  halcyon('hubspot'),
];

const person = (n: number) => ({ first: 'Demo', last: `Person ${n}`, email: `demo.${n}@mail.example` });

export const demoTraffic: Readonly<Record<string, DemoTraffic>> = {
  hubspot: { reads: ['contacts', 'companies', 'deals'], create: { resource: 'contacts', body: (n) => ({ properties: { firstname: person(n).first, lastname: person(n).last, email: person(n).email } }) } },
  salesforce: { reads: ['contacts', 'companies', 'deals'], create: { resource: 'contacts', body: (n) => ({ FirstName: person(n).first, LastName: person(n).last, Email: person(n).email }) } },
  pipedrive: { reads: ['contacts', 'companies', 'deals'], create: { resource: 'contacts', body: (n) => ({ name: `${person(n).first} ${person(n).last}` }) } },
  linear: { reads: ['issues', 'teams', 'users'] },
  slack: { reads: ['channels', 'users'] },
  github: { reads: ['issues', 'repositories'] },
  bamboohr: { reads: ['employees'] },
  greenhouse: { reads: ['candidates', 'jobs', 'applications'] },
};
