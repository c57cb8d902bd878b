/** Vendors whose own published packages sign or verify: what they accept the engine has to accept, byte for byte. */
import { createPrivateKey, createSecretKey, generateKeyPairSync, sign as signBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { signRequest, verifyRequest } from '@contentful/node-apps-toolkit';
import { sign as octokitSign, verify as octokitVerify } from '@octokit/webhooks-methods';
import { WebhookEventVerifier } from '@onfido/api';
import { Paddle } from '@paddle/paddle-node-sdk';
import { EventWebhook } from '@sendgrid/eventwebhook';
import { verifyRequestSignature } from '@slack/events-api';
import { WorkOS } from '@workos-inc/node';
import { verifyKey } from 'discord-interactions';
import { verifySignature } from 'gocardless-nodejs';
import { SignJWT } from 'jose';
import Pusher from 'pusher';
import Razorpay from 'razorpay';
import { Webhook } from 'standardwebhooks';
import twilio from 'twilio';
import { digest, hmac, json, seconds, sharedSecret, type VendorCase } from './vendor-case.ts';

const require = createRequire(import.meta.url);
/** These two packages have no types for what is used here. */
const messagebird = require('messagebird/lib/webhook-signature-jwt') as { verify(url: string, payload: Buffer, jwt: string, key: object): Promise<boolean> };
const EasyPost = require('@easypost/api') as new (key: string) => { Utils: { validateWebhook(body: Buffer, headers: object, secret: string): unknown } };

const held = (check: () => unknown): boolean => {
  try {
    check();
    return true;
  } catch {
    return false;
  }
};

const standardSecret = `whsec_${Buffer.from('a key of twenty-four byte').toString('base64')}`;
const standardBody = { type: 'contact.updated', timestamp: '2026-11-24T10:00:00Z', data: { name: 'Zoë' } };
const standardEvents = [{ id: 'msg_2KWPBgLlAfxdpx2AI54pPJ85f4W', type: 'contact.updated' }];
const standardV1 = sharedSecret({
  vendor: 'standard-webhooks', rule: 'v1', at: 'secret.webhook_secret', secret: standardSecret, header: 'webhook-signature', body: standardBody, events: standardEvents,
  sign: ({ body, nowMs }, secret) => ({ 'webhook-id': 'msg_2KWPBgLlAfxdpx2AI54pPJ85f4W', 'webhook-timestamp': seconds(nowMs), 'webhook-signature': new Webhook(secret).sign('msg_2KWPBgLlAfxdpx2AI54pPJ85f4W', new Date(nowMs), body as unknown as string) }),
  more: {
    // The package signs text: bytes that are none are another matter, tested with the scheme itself.
    anyBytes: false, pastS: 300, second: (signature) => `v1,${'A'.repeat(43)}= v1a,AAAA ${signature}`,
    verifies: ({ body }, { headers }) => held(() => new Webhook(standardSecret).verify(body, headers)),
  },
});

const ed25519 = generateKeyPairSync('ed25519');
const rawKey = (pair: typeof ed25519): Buffer => pair.publicKey.export({ format: 'der', type: 'spki' }).subarray(12);
const otherEd25519 = generateKeyPairSync('ed25519');
const standardV1a: VendorCase = {
  ...standardV1, rule: 'v1a', anyBytes: true,
  scope: { secret: { webhook_public_key: `whpk_${rawKey(ed25519).toString('base64')}` } },
  otherScope: { secret: { webhook_public_key: `whpk_${rawKey(otherEd25519).toString('base64')}` } },
  sign: ({ body, nowMs }) => ({
    headers: {
      'webhook-id': 'msg_2KWPBgLlAfxdpx2AI54pPJ85f4W', 'webhook-timestamp': seconds(nowMs),
      'webhook-signature': `v1a,${signBytes(null, Buffer.concat([Buffer.from(`msg_2KWPBgLlAfxdpx2AI54pPJ85f4W.${seconds(nowMs)}.`), body]), ed25519.privateKey).toString('base64')}`,
    },
  }),
};
delete (standardV1a as { verifies?: unknown }).verifies;

const twilioToken = '12345678901234567890123456789012';
const form = Buffer.from('MessageSid=SM1&MessageStatus=delivered&To=%2B14155550101&AccountSid=AC1&Empty=&Body=Z%C3%B6e+%26+co');
const twilioForm: VendorCase = {
  ...sharedSecret({ vendor: 'twilio', rule: 'form', at: 'secret.webhook_secret', secret: twilioToken, header: 'x-twilio-signature', body: {}, events: [{ id: 'tok-1', type: 'delivered' }], sign: () => ({}) }),
  contentType: 'application/x-www-form-urlencoded', body: form, anyBytes: false,
  sign: ({ body, url }) => ({ headers: { 'i-twilio-idempotency-token': 'tok-1', 'x-twilio-signature': twilio.getExpectedTwilioSignature(twilioToken, url, Object.fromEntries(new URLSearchParams(body.toString()))) } }),
  verifies: ({ body, url }, { headers }) => twilio.validateRequest(twilioToken, headers['x-twilio-signature'] ?? '', url, Object.fromEntries(new URLSearchParams(body.toString()))),
};
const twilioJson: VendorCase = {
  ...twilioForm, rule: 'json', contentType: 'application/json', body: json({ type: 'conference.ended', note: 'Zoë' }), events: [{ id: 'tok-1', type: 'conference.ended' }], anyBytes: true,
  sign: ({ body, url }) => {
    const signedUrl = `${url}?bodySHA256=${digest(body).toString('hex')}`;
    return { url: signedUrl, headers: { 'i-twilio-idempotency-token': 'tok-1', 'x-twilio-signature': twilio.getExpectedTwilioSignature(twilioToken, signedUrl, {}) } };
  },
  verifies: ({ body }, { headers, url = '' }) => twilio.validateRequestWithBody(twilioToken, headers['x-twilio-signature'] ?? '', url, body.toString()),
};

const p256 = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const otherP256 = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const spki = (pair: typeof p256): string => pair.publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
const sendgrid: VendorCase = {
  ...sharedSecret({ vendor: 'sendgrid', rule: 'ecdsa', at: 'secret.verification_key', secret: spki(p256), header: 'x-twilio-email-event-webhook-signature', body: [{ email: 'zoë@example.com', event: 'delivered', sg_event_id: 'ev1', sg_message_id: 'm1', timestamp: 1_795_000_000 }, { event: 'open', sg_event_id: 'ev2', timestamp: 1_795_000_001 }], events: [{ id: 'ev1', type: 'delivered' }, { id: 'ev2', type: 'open' }], sign: () => ({}) }),
  otherScope: { secret: { verification_key: spki(otherP256) } }, pastS: 600, anyBytes: true,
  sign: ({ body, nowMs }) => ({ headers: { 'x-twilio-email-event-webhook-timestamp': seconds(nowMs), 'x-twilio-email-event-webhook-signature': signBytes('sha256', Buffer.concat([Buffer.from(seconds(nowMs)), body]), p256.privateKey).toString('base64') } }),
  verifies({ body, nowMs }, { headers }) {
    const hook = new EventWebhook();
    return hook.verifySignature(hook.convertPublicKeyToECDSA(spki(p256)), body, headers['x-twilio-email-event-webhook-signature'] ?? '', seconds(nowMs));
  },
};

const workos = new WorkOS('sk_test_1').webhooks;
const workosCase = sharedSecret({
  vendor: 'workos', rule: 'v1', at: 'app.webhook_secret', secret: 'wos-secret-0123456789', header: 'workos-signature', body: { id: 'event_1', event: 'user.updated', created_at: '2026-11-24T10:00:00.000Z', data: { organization_id: 'org_1', name: 'Zoë' } }, events: [{ id: 'event_1', type: 'user.updated' }],
  sign: ({ body, nowMs }, secret) => ({ 'workos-signature': `t=${nowMs}, v1=${hmac('sha256', secret, `${nowMs}.`, body).toString('hex')}` }),
  more: { pastS: 180, second: (signature) => signature.replace(', v1=', `, v1=${'0'.repeat(64)}, v1=`), verifies: ({ body }, { headers }) => workos.verifyHeader({ payload: JSON.parse(body.toString()) as Record<string, unknown>, sigHeader: headers['workos-signature'] ?? '', secret: 'wos-secret-0123456789' }).catch(() => false) },
});
/** The package signs what it has serialised itself, so the body is its serialisation. */
const workosPlain: VendorCase = { ...workosCase, body: Buffer.from(JSON.stringify(JSON.parse(workosCase.body.toString()))) };

const paddle = new Paddle('key').webhooks;
const paddleCase = sharedSecret({
  vendor: 'paddle', rule: 'h1', at: 'secret.webhook_secret', secret: 'pdl_ntfset_01_secret', header: 'paddle-signature', body: { event_id: 'evt_1', event_type: 'subscription.updated', occurred_at: '2026-11-24T10:00:00Z', data: { id: 'sub_1', name: 'Zoë' } }, events: [{ id: 'evt_1', type: 'subscription.updated' }],
  sign: ({ body, nowMs }, secret) => ({ 'paddle-signature': `ts=${seconds(nowMs)};h1=${hmac('sha256', secret, `${seconds(nowMs)}:`, body).toString('hex')}` }),
  more: { pastS: 60, second: (signature) => signature.replace(';h1=', `;h1=${'0'.repeat(64)};h1=`), verifies: ({ body }, { headers }) => paddle.isSignatureValid(body.toString(), 'pdl_ntfset_01_secret', headers['paddle-signature'] ?? '') },
});

const contentfulSecret = 'contentful-signing-secret-of-sixty-four-characters-as-they-are--';
const contentful = sharedSecret({
  vendor: 'contentful', rule: 'canonical', at: 'app.signing_secret', secret: contentfulSecret, header: 'x-contentful-signature', body: { sys: { id: 'e1', space: { sys: { id: 'sp1' } } }, title: 'Zoë' }, events: [{ type: 'ContentManagement.Entry.publish' }],
  sign: ({ body, url, nowMs }, secret) => {
    const topic = { 'x-contentful-topic': 'ContentManagement.Entry.publish', 'content-type': 'application/json' };
    const made = signRequest(secret, { method: 'POST', path: url.slice(url.indexOf('/', 8)), headers: topic, body: body.toString() }, nowMs);
    return { ...topic, ...(made as unknown as Record<string, string>), 'x-contentful-timestamp': String(nowMs) };
  },
  more: { pastS: 30, anyBytes: false, verifies: ({ body, url }, { headers }) => verifyRequest(contentfulSecret, { method: 'POST', path: url.slice(url.indexOf('/', 8)), headers: { ...headers }, body: body.toString() }, 60) },
});

const discord: VendorCase = {
  ...sharedSecret({ vendor: 'discord', rule: 'ed25519', at: 'app.public_key', secret: rawKey(ed25519).toString('hex'), header: 'x-signature-ed25519', body: { type: 1, event: { type: 'APPLICATION_AUTHORIZED', timestamp: '2026-11-24T10:00:00.000', data: { guild: { id: '1', name: 'Zoë' } } } }, events: [{ type: 'APPLICATION_AUTHORIZED' }], sign: () => ({}) }),
  otherScope: { app: { public_key: rawKey(otherEd25519).toString('hex') } }, pastS: 300,
  sign: ({ body, nowMs }) => ({ headers: { 'x-signature-timestamp': seconds(nowMs), 'x-signature-ed25519': signBytes(null, Buffer.concat([Buffer.from(seconds(nowMs)), body]), createPrivateKey(ed25519.privateKey.export({ format: 'pem', type: 'pkcs8' }))).toString('hex') } }),
  verifies: ({ body, nowMs }, { headers }) => verifyKey(body, headers['x-signature-ed25519'] ?? '', seconds(nowMs), rawKey(ed25519).toString('hex')),
};

const pusher = new Pusher({ appId: '1', key: 'pusher-key', secret: 'pusher-secret-0123', cluster: 'eu' });
const signingKey = 'messagebird-signing-key-0001';

const others: readonly VendorCase[] = [
  sharedSecret({
    vendor: 'razorpay', rule: 'sha256', at: 'secret.webhook_secret', secret: 'razorpay-secret-01', header: 'x-razorpay-signature', body: { event: 'payment.captured', created_at: 1_795_000_000, payload: { note: 'Zoë' } }, events: [{ id: 'rzp_1', type: 'payment.captured' }],
    sign: ({ body }, secret) => ({ 'x-razorpay-event-id': 'rzp_1', 'x-razorpay-signature': hmac('sha256', secret, body).toString('hex') }),
    more: { verifies: ({ body }, { headers }) => Razorpay.validateWebhookSignature(body.toString(), headers['x-razorpay-signature'] ?? '', 'razorpay-secret-01') },
  }),
  sharedSecret({
    vendor: 'onfido', rule: 'sha256', at: 'secret.webhook_secret', secret: 'onfido-token-0001', header: 'x-sha2-signature', body: { payload: { resource_type: 'check', action: 'check.completed', object: { id: 'c1', status: 'compl\u00e8te', completed_at_iso8601: '2026-11-24T10:00:00Z' } } }, events: [{ type: 'check.check.completed' }],
    sign: ({ body }, secret) => ({ 'x-sha2-signature': hmac('sha256', secret, body).toString('hex') }),
    more: { verifies: ({ body }, { headers }) => held(() => new WebhookEventVerifier('onfido-token-0001').readPayload(body, headers['x-sha2-signature'] ?? '')) },
  }),
  sharedSecret({
    vendor: 'easypost', rule: 'sha256', at: 'secret.webhook_secret', secret: 'easypost-secret-01', header: 'x-hmac-signature', body: { id: 'evt_1', description: 'tracker.updated', created_at: '2026-11-24T10:00:00Z', result: { id: 'trk_1', carrier: 'Zoë' } }, events: [{ id: 'evt_1', type: 'tracker.updated' }],
    sign: ({ body }, secret) => ({ 'x-hmac-signature': `hmac-sha256-hex=${hmac('sha256', secret, body).toString('hex')}` }),
    more: { verifies: ({ body }, { headers }) => held(() => new EasyPost('key').Utils.validateWebhook(body, { 'X-Hmac-Signature': headers['x-hmac-signature'] }, 'easypost-secret-01')) },
  }),
  sharedSecret({
    vendor: 'pusher', rule: 'sha256', at: 'app.app_secret', secret: 'pusher-secret-0123', scope: { app: { app_key: 'pusher-key' } }, header: 'x-pusher-signature', body: { time_ms: 1_795_000_000_000, events: [{ name: 'channel_occupied', channel: 'zoë' }, { name: 'channel_vacated', channel: 'b' }] }, events: [{ type: 'channel_occupied' }, { type: 'channel_vacated' }],
    sign: ({ body }, secret) => ({ 'x-pusher-key': 'pusher-key', 'x-pusher-signature': hmac('sha256', secret, body).toString('hex') }),
    more: { verifies: ({ body }, { headers }) => pusher.webhook({ headers: { ...headers, 'content-type': 'application/json' }, rawBody: body.toString() }).isValid() },
  }),
  sharedSecret({
    vendor: 'messagebird', rule: 'signature_jwt', at: 'secret.signing_key', secret: signingKey, header: 'messagebird-signature-jwt', body: { id: 'm1', type: 'message.updated', text: 'Zoë' }, events: [{ id: 'm1', type: 'message.updated' }],
    sign: async ({ body, url, nowMs }, secret) => ({
      'messagebird-signature-jwt': await new SignJWT({ url_hash: digest(url).toString('hex'), payload_hash: digest(body).toString('hex'), jti: 'j1' }).setProtectedHeader({ alg: 'HS256' }).setIssuer('MessageBird').setNotBefore(Math.floor(nowMs / 1000)).setIssuedAt(Math.floor(nowMs / 1000)).setExpirationTime(Math.floor(nowMs / 1000) + 60).sign(Buffer.from(secret)),
    }),
    more: { pastS: 120, futureS: 60, verifies: async ({ body, url }, { headers }) => (await messagebird.verify(url, body, headers['messagebird-signature-jwt'] ?? '', createSecretKey(Buffer.from(signingKey))).catch(() => false)) === true },
  }),
  sharedSecret({
    vendor: 'gocardless', rule: 'sha256', at: 'app.webhook_secret', secret: 'gocardless-secret-01', header: 'webhook-signature', body: { events: [{ id: 'EV1', created_at: '2026-11-24T10:00:00.000Z', resource_type: 'mandates', action: 'cancelled', links: { organisation: 'OR1' }, details: { description: 'Zoë' } }] }, events: [{ id: 'EV1', type: 'mandates.cancelled' }],
    sign: ({ body }, secret) => ({ 'webhook-signature': hmac('sha256', secret, body).toString('hex') }),
    more: { verifies: ({ body }, { headers }) => held(() => verifySignature(body, 'gocardless-secret-01', headers['webhook-signature'] ?? '')) },
  }),
  sharedSecret({
    vendor: 'github', rule: 'sha256', at: 'app.webhook_secret', secret: 'github-secret-0001', header: 'x-hub-signature-256', body: { action: 'opened', issue: { number: 1, title: 'Zoë' }, installation: { id: 7 }, repository: { full_name: 'a/b' } }, events: [{ id: 'd-1', type: 'issues.opened' }],
    sign: async ({ body }, secret) => ({ 'x-github-event': 'issues', 'x-github-delivery': 'd-1', 'x-hub-signature-256': await octokitSign(secret, body.toString()) }),
    more: { anyBytes: false, verifies: ({ body }, { headers }) => octokitVerify('github-secret-0001', body.toString(), headers['x-hub-signature-256'] ?? '') },
  }),
  sharedSecret({
    vendor: 'slack', rule: 'v0', at: 'app.signing_secret', secret: 'slack-signing-secret-01', header: 'x-slack-signature', body: { type: 'event_callback', team_id: 'T1', event_id: 'Ev1', event_time: 1_795_000_000, event: { type: 'message', channel: 'C1', text: 'Zoë' } }, events: [{ id: 'Ev1', type: 'message' }],
    sign: ({ body, nowMs }, secret) => ({ 'x-slack-request-timestamp': seconds(nowMs), 'x-slack-signature': `v0=${hmac('sha256', secret, `v0:${seconds(nowMs)}:`, body).toString('hex')}` }),
    more: { pastS: 300, verifies: ({ body, nowMs }, { headers }) => held(() => verifyRequestSignature({ signingSecret: 'slack-signing-secret-01', requestSignature: headers['x-slack-signature'] ?? '', requestTimestamp: Math.floor(nowMs / 1000), body: body.toString() })) },
  }),
];

export const publishedSigners: readonly VendorCase[] = [standardV1, standardV1a, twilioForm, twilioJson, sendgrid, workosPlain, paddleCase, contentful, discord, ...others];
