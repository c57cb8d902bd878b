/** The simulated vendors by id. A new one is a folder under vendors/ and a line here. */
import type { Vendor, World } from './vendor.ts';
import { createBamboohr } from './vendors/bamboohr/bamboohr.ts';
import { createGithub } from './vendors/github/github.ts';
import { createGreenhouse } from './vendors/greenhouse/greenhouse.ts';
import { createHubspot } from './vendors/hubspot/hubspot.ts';
import { createLinear } from './vendors/linear/linear.ts';
import { createPipedrive } from './vendors/pipedrive/pipedrive.ts';
import { createSalesforce } from './vendors/salesforce/salesforce.ts';
import { createSlack } from './vendors/slack/slack.ts';

export const vendorMakers: Readonly<Record<string, (world: World) => Vendor>> = {
  bamboohr: createBamboohr,
  github: createGithub,
  greenhouse: createGreenhouse,
  hubspot: createHubspot,
  linear: createLinear,
  pipedrive: createPipedrive,
  salesforce: createSalesforce,
  slack: createSlack,
};
