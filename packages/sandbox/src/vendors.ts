/** The simulated vendors by id. A new one is a folder under vendors/ and a line here. */
import type { Vendor, World } from './vendor.ts';
import { createBamboohr } from './vendors/bamboohr/bamboohr.ts';
import { createGithub } from './vendors/github/github.ts';
import { createGreenhouse } from './vendors/greenhouse/greenhouse.ts';
import { createHibob } from './vendors/hibob/hibob.ts';
import { createHubspot } from './vendors/hubspot/hubspot.ts';
import { createJira } from './vendors/jira/jira.ts';
import { createLever } from './vendors/lever/lever.ts';
import { createLinear } from './vendors/linear/linear.ts';
import { createPipedrive } from './vendors/pipedrive/pipedrive.ts';
import { createSalesforce } from './vendors/salesforce/salesforce.ts';
import { createSlack } from './vendors/slack/slack.ts';
import { createZendesk } from './vendors/zendesk/zendesk.ts';
import { createZohoCrm } from './vendors/zoho-crm/zoho-crm.ts';

export const vendorMakers: Readonly<Record<string, (world: World) => Vendor>> = {
  bamboohr: createBamboohr,
  github: createGithub,
  greenhouse: createGreenhouse,
  hibob: createHibob,
  hubspot: createHubspot,
  jira: createJira,
  lever: createLever,
  linear: createLinear,
  pipedrive: createPipedrive,
  salesforce: createSalesforce,
  slack: createSlack,
  zendesk: createZendesk,
  'zoho-crm': createZohoCrm,
};
