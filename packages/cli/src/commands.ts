/** Every command of the command line, in the order of the help. */
import type { Command } from './command.ts';
import { accountsList, accountsShow } from './commands/accounts.ts';
import { connectorsLint } from './commands/connectors-lint.ts';
import { connectorsNew } from './commands/connectors-new.ts';
import { connectorsPush, connectorsRollback } from './commands/connectors-push.ts';
import { connectorsRecord } from './commands/connectors-record.ts';
import { connectorsTest } from './commands/connectors-test.ts';
import { demo } from './commands/demo.ts';
import { endpointsListen } from './commands/endpoints-listen.ts';
import { deliveriesList, endpointsList, endpointsTest } from './commands/endpoints.ts';
import { exportGrafana, exportPrometheus } from './commands/export.ts';
import { exportOpenSlo, playbookImport } from './commands/openslo.ts';
import { gate } from './commands/gate.ts';
import { playbookRender } from './commands/playbook-render.ts';
import { playbookCheck, playbookSlo } from './commands/playbook.ts';
import { inboundList, inboundReplay } from './commands/inbound.ts';
import { overridesPut, overridesRemove, overridesShow } from './commands/overrides.ts';
import { start } from './commands/start.ts';
import { vaultRotate, vaultStatus } from './commands/vault.ts';

export const commands: readonly Command[] = [
  start,
  demo,
  connectorsLint,
  connectorsTest,
  connectorsRecord,
  connectorsNew,
  connectorsPush,
  connectorsRollback,
  overridesShow,
  overridesPut,
  overridesRemove,
  accountsList,
  accountsShow,
  inboundList,
  inboundReplay,
  endpointsList,
  endpointsTest,
  endpointsListen,
  deliveriesList,
  playbookCheck,
  playbookSlo,
  playbookRender,
  playbookImport,
  gate,
  exportPrometheus,
  exportGrafana,
  exportOpenSlo,
  vaultStatus,
  vaultRotate,
];
