/** How a tenant is named wherever one is made known: printable ASCII without white space at its ends. */
import Type from 'typebox';

export const TenantId = (description: string) => Type.String({ minLength: 1, maxLength: 128, pattern: '^[\\x21-\\x7e](?:[\\x20-\\x7e]*[\\x21-\\x7e])?$', description });
