/** Objectives and their budgets, the deploy gate, and markers of deployments. */
import type { AgreementList, AgreementQuery, Deployment, DeploymentRequest, GateAnswer, GateQuery, ObjectiveDetail, ObjectiveQuery } from './generated/contract.ts';
import type { CallOptions, Transport } from './transport.ts';

export class Objectives {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Budget, burn rates, policy mode, history and alerts; `scope` is overall unless another is named. */
  get(id: string, query: ObjectiveQuery = {}, options: CallOptions = {}): Promise<ObjectiveDetail> {
    return this.#transport.call({ ...options, method: 'GET', path: ['objectives', id], query });
  }

  /** Whether a deployment may go ahead; `decision` is allow or deny, `reason` one line. */
  gate(query: GateQuery, options: CallOptions = {}): Promise<GateAnswer> {
    return this.#transport.call({ ...options, method: 'GET', path: ['deploy-gate'], query });
  }

  /** What customers were promised: agreements of the playbook and of the API. */
  agreements(query: AgreementQuery = {}, options: CallOptions = {}): Promise<AgreementList> {
    return this.#transport.call({ ...options, method: 'GET', path: ['agreements'], query });
  }

  /** Marks a deployment that has just happened. */
  markDeployment(deployment: DeploymentRequest, options: CallOptions = {}): Promise<Deployment> {
    return this.#transport.call({ ...options, method: 'POST', path: ['deployments'], body: deployment });
  }
}
