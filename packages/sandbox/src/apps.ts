/** The OAuth apps registered with the simulated vendors: fixed, public, worthless outside the sandbox. */
import { readFileSync } from 'node:fs';

/** What the owner of an app is given by the vendor. */
export interface SandboxApp {
  readonly client_id: string;
  readonly client_secret: string;
  /** The vendor's number for the app, where it has one. */
  readonly app_id?: string;
  /** What the vendor signs the app's webhooks with, where it is not the client secret. */
  readonly signing_secret?: string;
  readonly webhook_secret?: string;
  /** PKCS#8 PEM, for apps that sign JWTs. */
  readonly private_key?: string;
}

export const sandboxApps = {
  bamboohr: { client_id: 'developer_portal-evenkeel-sandbox', client_secret: 'bd0c4e1f7a2b4c6d8e9f0a1b2c3d4e5f' },
  hubspot: { client_id: '3f9c1a52-0b6e-4c8d-9a77-5e1d2b3c4f60', client_secret: 'a4c2e6f0-1b3d-4f5a-8c7e-9d0b1a2c3e4f', app_id: '1046201' },
  salesforce: { client_id: '3MVG9sandboxEvenkeelConsumerKey.0000000000000000000000000001', client_secret: 'C0FFEE5A17F0RCE5A17F0RCE5A17F0RCE5A17F0RCE5A17F0RCE5A17F0RCE0001' },
  pipedrive: { client_id: 'c0ffee0123456789', client_secret: 'f00dfeed0123456789abcdef0123456789abcdef' },
  linear: { client_id: '7d1e5a90c2b34f6e8a1d0c9b7e6f5a43', client_secret: '1c9b8a7f6e5d4c3b2a19080706050403' },
  slack: { client_id: '2141029472.691202649728', client_secret: '39f4b8e1c07d4a6f9e2b5c8d1a3f6e70', app_id: 'A0EVENKEEL1', signing_secret: '8f742231b10e8888abcd99yyyzzz85a5' },
  github: { client_id: 'Iv23liSandboxEvenkeel', client_secret: '8f4d2c6b0a9e7d5c3b1a09f8e7d6c5b4a3928170', app_id: '730112', webhook_secret: 'github-sandbox-webhook-secret', private_key: readFileSync(new URL('../keys/github-app.pem', import.meta.url), 'utf8') },
  zendesk: { client_id: 'evenkeel_sandbox', client_secret: '5b0a9e7d5c3b1a09f8e7d6c5b4a39281705b0a9e7d5c3b1a09f8e7d6c5b4a392' },
  jira: { client_id: 'EvenkeelSandboxJira0000000000000', client_secret: 'ATOAsandboxEvenkeel0000000000000000000000000000000000000000' },
  'zoho-crm': { client_id: '1000.EVENKEELSANDBOX0000000000000000', client_secret: '7c3b1a09f8e7d6c5b4a39281705b0a9e7d5c3b1a09' },
  lever: { client_id: 'evenkeelSandboxLever0000000000000', client_secret: 'lever-sandbox-0b0a9e7d5c3b1a09f8e7d6c5b4a39281' },
} as const satisfies Record<string, SandboxApp>;

/** Keys that the key-authenticated vendors accept, ten each; the n-th belongs to the vendor's n-th account. */
export const sandboxKeys = {
  bamboohr: Array.from({ length: 10 }, (_, n) => `bamboo-sandbox-key-${String(n + 1).padStart(2, '0')}`),
  greenhouse: Array.from({ length: 10 }, (_, n) => `greenhouse-sandbox-key-${String(n + 1).padStart(2, '0')}`),
  pipedrive: Array.from({ length: 10 }, (_, n) => `pipedrive-sandbox-api-token-${String(n + 1).padStart(2, '0')}`),
  linear: Array.from({ length: 10 }, (_, n) => `lin_api_sandboxkey${String(n + 1).padStart(2, '0')}`),
  hubspot: Array.from({ length: 10 }, (_, n) => `pat-na1-00000000-0000-4000-8000-0000000000${String(n + 1).padStart(2, '0')}`),
  zendesk: Array.from({ length: 10 }, (_, n) => `zendesk-sandbox-api-token-${String(n + 1).padStart(2, '0')}`),
  lever: Array.from({ length: 10 }, (_, n) => `lever-sandbox-key-${String(n + 1).padStart(2, '0')}`),
  hibob: Array.from({ length: 10 }, (_, n) => `SERVICE-${String(n + 1).padStart(2, '0')}:hibob-sandbox-token-${String(n + 1).padStart(2, '0')}`),
};
