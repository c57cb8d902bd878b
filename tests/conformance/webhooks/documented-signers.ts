/** Further vendors without a verifier of their own to ask: signed as their documentation says. */
import { generateKeyPairSync, sign as signBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { exportJWK, SignJWT } from 'jose';
import { digest, hmac, json, proofUnder, seconds, sharedSecret, type VendorCase } from './vendor-case.ts';

const p256 = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const kid = '6c5516e1-92dc-479e-a8ff-5a51992e0001';
const graphKid = 'graph-key-1';
const publisher = '0bf30f3b-4a52-48df-9a82-234910c4a086';

const plaid: VendorCase = {
  ...sharedSecret({ vendor: 'plaid', rule: 'es256', at: 'app.client_secret', secret: 'plaid-secret-0001', header: 'plaid-verification', body: { webhook_type: 'TRANSACTIONS', webhook_code: 'DEFAULT_UPDATE', item_id: 'wz666', note: 'Zoë' }, events: [{ type: 'TRANSACTIONS.DEFAULT_UPDATE' }], sign: () => ({}) }),
  keys: { [`jwk ${kid}`]: { kind: 'json', value: { ...(await exportJWK(p256.publicKey)), kid, alg: 'ES256', use: 'sig' } } },
  otherKeys: { [`jwk ${kid}`]: { kind: 'json', value: { ...(await exportJWK(generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).publicKey)), kid, alg: 'ES256', use: 'sig' } } },
  pastS: 300, futureS: 60,
  sign: async ({ body, nowMs }) => ({ headers: { 'plaid-verification': await new SignJWT({ request_body_sha256: digest(body).toString('hex') }).setProtectedHeader({ alg: 'ES256', kid, typ: 'JWT' }).setIssuedAt(Math.floor(nowMs / 1000)).sign(p256.privateKey) } }),
};

const certificate = readFileSync(join(import.meta.dirname, 'keys/transmission.crt.pem'), 'utf8');
const certificateKey = readFileSync(join(import.meta.dirname, 'keys/transmission.key.pem'), 'utf8');
const certificateUrl = 'https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-1d93a270';
const paypal = sharedSecret({
  vendor: 'paypal', rule: 'transmission', at: 'app.webhook_id', secret: '1JE4291016473214C', header: 'paypal-transmission-sig', body: { id: 'WH-1', event_type: 'PAYMENT.SALE.COMPLETED', create_time: '2026-11-24T10:00:00Z', resource: { id: 'S1', note: 'Zoë', payee: { merchant_id: 'M1' } } }, events: [{ id: 'WH-1', type: 'PAYMENT.SALE.COMPLETED' }],
  sign: ({ body, nowMs }, webhookId) => {
    const time = new Date(nowMs).toISOString().replace(/\.\d+Z$/, 'Z');
    return { 'paypal-transmission-id': 'tr-1', 'paypal-transmission-time': time, 'paypal-cert-url': certificateUrl, 'paypal-auth-algo': 'SHA256withRSA', 'paypal-transmission-sig': signBytes('sha256', Buffer.from(`tr-1|${time}|${webhookId}|${crc32(body)}`), certificateKey).toString('base64') };
  },
  more: { pastS: 259_200, futureS: 300, keys: { [`certificate ${certificateUrl}`]: { kind: 'pem', text: certificate } } },
});

const graphBody = { value: [{ subscriptionId: 's1', clientState: 'state-secret-0001', changeType: 'updated', resource: 'users/1', resourceData: { '@odata.etag': 'a' } }, { subscriptionId: 's1', clientState: 'state-secret-0001', changeType: 'created', resource: 'users/Zoë', resourceData: { '@odata.etag': 'b' } }] };
const graph: VendorCase = { ...sharedSecret({ vendor: 'microsoft-graph', rule: 'client_state', at: 'secret.client_state', secret: 'state-secret-0001', header: '-', body: graphBody, events: [{ type: 'updated' }, { type: 'created' }], sign: () => ({}) }), header: null, changeProof: proofUnder('clientState'), signsBody: false };
const graphRich: VendorCase = {
  ...graph, rule: 'validation_tokens', changeProof: proofUnder('validationTokens'), scope: { app: { client_id: 'app-1' } }, otherScope: { app: { client_id: 'app-2' } },
  keys: { 'jwks https://login.microsoftonline.com/common/discovery/v2.0/keys': { kind: 'json', value: { keys: [{ ...(await exportJWK(p256.publicKey)), kid: 'another' }, { ...(await exportJWK(rsa.publicKey)), kid: graphKid, use: 'sig' }] } } },
  pastS: 3660, futureS: 60,
  sign: async ({ nowMs }) => {
    const token = await new SignJWT({ appid: publisher }).setProtectedHeader({ alg: 'RS256', kid: graphKid }).setAudience('app-1').setIssuedAt(Math.floor(nowMs / 1000)).setExpirationTime(Math.floor(nowMs / 1000) + 3600).sign(rsa.privateKey);
    return { headers: {}, body: json({ ...graphBody, validationTokens: [token, token] }) };
  },
};

const mailgun: VendorCase = {
  ...sharedSecret({ vendor: 'mailgun', rule: 'sha256', at: 'secret.signing_key', secret: 'mailgun-signing-key-1', header: '-', body: {}, events: [{ id: 'CPgfbmQMTCKtHW6uIWtuVe', type: 'delivered' }], sign: () => ({}) }),
  header: null, changeProof: proofUnder('signature'), signsBody: false, anyBytes: false, pastS: 600,
  sign: ({ nowMs }) => {
    const signature = { timestamp: seconds(nowMs), token: 'a8ce0edb2dd8301dee6c2405235584e45aa91d1e9f979f3de0', signature: hmac('sha256', 'mailgun-signing-key-1', `${seconds(nowMs)}a8ce0edb2dd8301dee6c2405235584e45aa91d1e9f979f3de0`).toString('hex') };
    return { headers: {}, body: json({ signature, 'event-data': { id: 'CPgfbmQMTCKtHW6uIWtuVe', event: 'delivered', timestamp: nowMs / 1000, message: { headers: { 'message-id': 'Zoë' } } } }) };
  },
};

const adyenKey = 'D7DD5BA6146493707BF0BE7496F6404EC7A63616B7158EC927B9F54BB436765F';
const adyenItem = (pspReference: string, success: string): object => {
  const item = { pspReference, merchantAccountCode: 'Zoë', merchantReference: 'ref', amount: { value: 1130, currency: 'EUR' }, eventCode: 'AUTHORISATION', success, eventDate: '2026-11-24T10:00:00+01:00' };
  const text = [pspReference, '', item.merchantAccountCode, item.merchantReference, item.amount.value, item.amount.currency, item.eventCode, success].join(':');
  return { NotificationRequestItem: { ...item, additionalData: { hmacSignature: hmac('sha256', Buffer.from(adyenKey, 'hex'), text).toString('base64') } } };
};
const adyen: VendorCase = {
  ...sharedSecret({ vendor: 'adyen', rule: 'sha256', at: 'secret.hmac_key', secret: adyenKey, header: '-', body: { live: 'false', notificationItems: [adyenItem('7914073381342284', 'true'), adyenItem('7914073381342285', 'false')] }, events: [{ type: 'AUTHORISATION' }, { type: 'AUTHORISATION' }], sign: () => ({}) }),
  header: null, changeProof: proofUnder('hmacSignature'), signsBody: false,
};

export const documentedSigners: readonly VendorCase[] = [
  plaid, paypal, graph, graphRich, mailgun, adyen,
  sharedSecret({ vendor: 'square', rule: 'sha256', at: 'app.signature_key', secret: 'square-signature-key', header: 'x-square-hmacsha256-signature', body: { merchant_id: 'M1', type: 'payment.updated', event_id: 'e1', created_at: '2026-11-24T10:00:00Z', data: { id: 'p1', note: 'Zoë' } }, events: [{ id: 'e1', type: 'payment.updated' }], sign: ({ body, url }, secret) => ({ 'x-square-hmacsha256-signature': hmac('sha256', secret, url, body).toString('base64') }) }),
  sharedSecret({ vendor: 'xero', rule: 'sha256', at: 'app.webhook_key', secret: 'xero-webhook-key-1', header: 'x-xero-signature', body: { events: [{ resourceId: 'r1', eventDateUtc: '2026-11-24T10:00:00.000', eventType: 'UPDATE', eventCategory: 'CONTACT', tenantId: 't1', tenantType: 'Zoë' }], firstEventSequence: 1 }, events: [{ type: 'CONTACT.UPDATE' }], sign: ({ body }, secret) => ({ 'x-xero-signature': hmac('sha256', secret, body).toString('base64') }) }),
  sharedSecret({ vendor: 'zoom', rule: 'v0', at: 'app.secret_token', secret: 'zoom-secret-token-1', header: 'x-zm-signature', body: { event: 'meeting.started', event_ts: 1_795_000_000_000, payload: { account_id: 'A1', object: { id: '1', topic: 'Zoë' } } }, events: [{ type: 'meeting.started' }], sign: ({ body, nowMs }, secret) => ({ 'x-zm-request-timestamp': seconds(nowMs), 'x-zm-signature': `v0=${hmac('sha256', secret, `v0:${seconds(nowMs)}:`, body).toString('hex')}` }), more: { pastS: 300 } }),
  sharedSecret({ vendor: 'asana', rule: 'sha256', at: 'secret.hook_secret', secret: 'asana-hook-secret-01', header: 'x-hook-signature', body: { events: [{ action: 'changed', resource: { gid: '1', resource_type: 'task', name: 'Zoë' }, change: { field: 'due_on' }, created_at: '2026-11-24T10:00:00.000Z' }, { action: 'added', resource: { gid: '2', resource_type: 'task' }, created_at: '2026-11-24T10:00:00.000Z' }] }, events: [{ type: 'task.changed' }, { type: 'task.added' }], sign: ({ body }, secret) => ({ 'x-hook-signature': hmac('sha256', secret, body).toString('hex') }) }),
  sharedSecret({ vendor: 'intercom', rule: 'sha1', at: 'app.client_secret', secret: 'intercom-secret-001', header: 'x-hub-signature', body: { id: 'notif_1', topic: 'contact.created', app_id: 'a1', created_at: 1_795_000_000, data: { item: { id: 'c1', name: 'Zoë' } } }, events: [{ id: 'notif_1', type: 'contact.created' }], sign: ({ body }, secret) => ({ 'x-hub-signature': `sha1=${hmac('sha1', secret, body).toString('hex')}` }) }),
  sharedSecret({ vendor: 'typeform', rule: 'sha256', at: 'secret.webhook_secret', secret: 'typeform-secret-001', header: 'typeform-signature', body: { event_id: 'e1', event_type: 'form_response', form_response: { token: 't', submitted_at: '2026-11-24T10:00:00Z', answer: 'Zoë' } }, events: [{ id: 'e1', type: 'form_response' }], sign: ({ body }, secret) => ({ 'typeform-signature': `sha256=${hmac('sha256', secret, body).toString('base64')}` }) }),
  sharedSecret({ vendor: 'sentry', rule: 'sha256', at: 'app.client_secret', secret: 'sentry-secret-00001', header: 'sentry-hook-signature', body: { action: 'created', installation: { uuid: 'i1' }, data: { issue: { title: 'Zoë' } } }, events: [{ id: 'req-1', type: 'issue.created' }], sign: ({ body }, secret) => ({ 'request-id': 'req-1', 'sentry-hook-resource': 'issue', 'sentry-hook-signature': hmac('sha256', secret, body).toString('hex') }) }),
  sharedSecret({ vendor: 'lemon-squeezy', rule: 'sha256', at: 'secret.webhook_secret', secret: 'lemon-secret-000001', header: 'x-signature', body: { meta: { event_name: 'order_created' }, data: { type: 'orders', id: '1', attributes: { updated_at: '2026-11-24T10:00:00Z', user_name: 'Zoë' } } }, events: [{ type: 'order_created' }], sign: ({ body }, secret) => ({ 'x-signature': hmac('sha256', secret, body).toString('hex') }) }),
  ...[1, 2].map((n) => sharedSecret({ vendor: 'docusign', rule: `key_${n}`, at: `secret.connect_key_${n}`, secret: 'docusign-key-000001', header: `x-docusign-signature-${n}`, body: { event: 'envelope-completed', generatedDateTime: '2026-11-24T10:00:00.000Z', data: { envelopeId: 'e1', sender: 'Zoë' } }, events: [{ type: 'envelope-completed' }], sign: ({ body }, secret) => ({ [`x-docusign-signature-${n}`]: hmac('sha256', secret, body).toString('base64') }) })),
];
