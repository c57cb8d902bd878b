/** `playbook/contacts.yaml`: who stands behind the roles that the policy names, and how each is reached. */
import Type from 'typebox';
import { Strict } from '../manifest/value.ts';
import { AlertSeverity } from './alerts.ts';

const severities = Type.Optional(Type.Array(AlertSeverity, { minItems: 1, description: 'Only what is as urgent as one of these; default all.' }));

export const Contact = Type.Union(
  [
    Strict({ mail: Type.String({ pattern: '^[^\\s@<>,;]+@[^\\s@<>,;]+$', maxLength: 254, description: 'An address; sent through the server of SMTP_URL.' }), severities }),
    Strict({ webhook: Type.String({ pattern: '^https?://', maxLength: 2000, description: 'Takes Alertmanager webhooks (version 4). In a private network only if EVENKEEL_ALLOW_PRIVATE has it.' }), severities }),
    Strict({ operator: Type.Literal('mail', { description: 'Whoever runs this installation: the address of EVENKEEL_MAIL_TO.' }), severities }),
  ],
  { description: 'One way to reach a role.' },
);
export type Contact = Type.Static<typeof Contact>;

export const ContactsFile = Strict(
  {
    $schema: Type.Optional(Type.String()),
    version: Type.Literal(1),
    roles: Type.Record(Type.String({ pattern: '^[a-z][a-z0-9_]{0,62}$' }), Type.Array(Contact), { description: 'Role → every way it is told, all of them at once.' }),
  },
  { $id: 'https://evenkeel.dev/schemas/contacts.v1.json', title: 'Evenkeel playbook: contacts, format 1' },
);
export type ContactsFile = Type.Static<typeof ContactsFile>;
