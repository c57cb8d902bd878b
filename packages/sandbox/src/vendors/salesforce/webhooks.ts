/** Salesforce outbound messages: SOAP 1.1 with one notification, told apart by OrganizationId; nothing is signed. */
import { asText } from '../../json.ts';
import { secretText } from '../../random.ts';
import type { Change, WebhookMessage } from '../../vendor.ts';
import { instanceUrl } from './access.ts';

const escapeXml = (value: string): string => value.replace(/[<>&'"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** Workflow fires on save only: deletions send nothing. */
export function outboundMessage(change: Change): WebhookMessage[] {
  if (change.kind === 'deleted') return [];
  const object = change.resource;
  const cells = Object.entries(change.record).filter(([name, value]) => name !== 'Id' && value !== null).map(([name, value]) => `<sf:${name}>${escapeXml(asText(value))}</sf:${name}>`).join('');
  const notification = `<Notification><Id>04l${secretText(12)}AAA</Id><sObject xsi:type="sf:${object}" xmlns:sf="urn:sobject.enterprise.soap.sforce.com"><sf:Id>${asText(change.record['Id'])}</sf:Id>${cells}</sObject></Notification>`;
  const partner = `${instanceUrl(change.account)}/services/Soap/u/62.0/${change.account}`;
  const body = `<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body><notifications xmlns="http://soap.sforce.com/2005/09/outbound"><OrganizationId>${change.account}</OrganizationId><ActionId>04k5g00000SBX01AAA</ActionId><SessionId xsi:nil="true"/><EnterpriseUrl>${partner.replace('/u/', '/c/')}</EnterpriseUrl><PartnerUrl>${partner}</PartnerUrl>${notification}</notifications></soapenv:Body></soapenv:Envelope>`;
  return [{ body, headers: { 'content-type': 'text/xml; charset=utf-8', soapaction: '""' } }];
}
