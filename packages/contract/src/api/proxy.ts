/** Calls to vendors through the proxy and the passthrough. Bodies are the vendor's own and are not described here. */
import Type from 'typebox';

/** Names the account; the query parameter account_id does the same and is not sent on. */
export const accountHeader = 'evenkeel-account';

/** Query parameters of a proxy call that are ours; all others belong to the vendor. */
export const ownQueryParameters = ['account_id', 'limit', 'cursor'] as const;

const account = { account_id: Type.Optional(Type.String({ maxLength: 64, description: 'The account; or the header evenkeel-account.' })) };

export const ProxyListQuery = Type.Object({
  ...account,
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: 'Records a page; capped at what the vendor takes.' })),
  cursor: Type.Optional(Type.String({ maxLength: 16_384 })),
});

export const ProxyQuery = Type.Object({ ...account });

const segment = Type.String({ minLength: 1, maxLength: 2000 });
export const ProxyResourceParams = Type.Object({ resource: segment });
export const ProxyRecordParams = Type.Object({ resource: segment, id: segment });
export const ProxyActionParams = Type.Object({ resource: segment, id: segment, action: segment });
