import { fileURLToPath } from 'node:url';
import { Client, Connection, WorkflowNotFoundError } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { bells, temporalConnection, type Bell } from '@truffle/kit';
import type { Database } from '@truffle/database';
import type { Logger } from '@truffle/telemetry';
import type { Tables } from '../cluster/cluster.table.ts';
import { importRefOf, importWorkflowId, type ImportRef } from '../image/image.advance.ts';
import { findOpenImports } from '../image/image.repo.ts';
import { findIdleOperations } from '../operation/operation.repo.ts';
import type { OperationStart } from '../operation/operation.open.ts';
import type { Activities } from './activities.ts';
import { imageWorkflow, nextSignal, nudgeSignal, operationWorkflow } from './names.ts';

export interface EngineOptions {
  readonly address: string;
  readonly namespace: string;
  readonly taskQueue: string;
  readonly activities: Activities;
  /** Of the role that may see open operations of every tenant. */
  readonly sweepDatabase: Database<Tables>;
  readonly bell: Bell;
  readonly logger: Logger;
}

/** Milliseconds between two nudges of one workflow, and between sweeps for operations that nobody works on. */
const nudgeApart = 250;
const sweepEvery = 15_000;
const idleSeconds = 30;
const sweepPage = 100;

let runtimeInstalled = false;

/** Temporal, as this service uses it: starts workflows, nudges them, and runs the worker that carries them. */
export class WorkflowEngine {
  readonly #options: EngineOptions;
  #connection: Connection | undefined;
  #native: NativeConnection | undefined;
  #client: Client | undefined;
  #worker: Worker | undefined;
  #running: Promise<void> | undefined;
  #sweeper: NodeJS.Timeout | undefined;
  #deaf: (() => void) | undefined;
  readonly #nudges = new Map<string, 'resting' | 'due'>();

  constructor(options: EngineOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { address, namespace, taskQueue, activities, bell, logger } = this.#options;
    installRuntime(logger);
    this.#connection = await Connection.connect({ ...temporalConnection(address), connectTimeout: '10s' });
    this.#client = new Client({ connection: this.#connection, namespace });
    this.#native = await NativeConnection.connect(temporalConnection(address));
    this.#worker = await Worker.create({
      connection: this.#native,
      namespace,
      taskQueue,
      workflowsPath: fileURLToPath(new URL('workflows.ts', import.meta.url)),
      activities,
      shutdownGraceTime: '10s',
      maxConcurrentLocalActivityExecutions: 20,
    });
    this.#running = this.#worker.run();
    this.#running.catch((error: unknown) => logger.error({ err: error }, 'the worker stopped'));
    this.#deaf = bell.listen(bells.workflow, (workflowId) => this.#nudge(workflowId), 'orchestration');
    this.#sweeper = setInterval(() => void this.#sweep(), sweepEvery);
    void this.#sweep();
  }

  /** Starts the workflow of a committed operation, or leaves the one at work: best effort, the sweep finds what was missed. */
  readonly begin: OperationStart = (operation) => {
    this.#begin(operation).catch((error: unknown) =>
      this.#options.logger.warn({ err: error, operation: operation.id }, 'a workflow did not start; the sweep will'),
    );
  };

  /** The same for an import. */
  readonly beginImport = (ref: ImportRef): void => {
    this.#beginImport(ref).catch((error: unknown) =>
      this.#options.logger.warn({ err: error, command: ref.commandId }, 'a workflow did not start; the sweep will'),
    );
  };

  async ready(): Promise<void> {
    if (this.#worker === undefined || this.#worker.getState() !== 'RUNNING')
      throw new Error('the Temporal worker is not running');
    await this.#connection?.workflowService.getSystemInfo({});
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    this.#deaf?.();
    if (this.#worker?.getState() === 'RUNNING') this.#worker.shutdown();
    await this.#running?.catch(() => undefined);
    await this.#connection?.close();
    await this.#native?.close();
  }

  async #begin(operation: {
    readonly org_id: string;
    readonly id: string;
    readonly cluster_id: string;
  }): Promise<void> {
    const input = { orgId: operation.org_id, operationId: operation.id };
    // A workflow that is just closing on the operation before takes this one on; else it begins with it.
    await this.#client?.workflow.signalWithStart(operationWorkflow, {
      workflowId: operation.cluster_id,
      taskQueue: this.#options.taskQueue,
      args: [input],
      signal: nextSignal,
      signalArgs: [input],
      workflowIdConflictPolicy: 'USE_EXISTING',
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      priority: { fairnessKey: operation.org_id },
    });
  }

  async #beginImport(ref: ImportRef): Promise<void> {
    await this.#client?.workflow.start(imageWorkflow, {
      workflowId: importWorkflowId(ref),
      taskQueue: this.#options.taskQueue,
      args: [ref],
      workflowIdConflictPolicy: 'USE_EXISTING',
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      priority: { fairnessKey: ref.orgId },
    });
  }

  /** Nudges at once, then not again until a moment has passed; rings in between are one. */
  #nudge(workflowId: string): void {
    if (this.#nudges.has(workflowId)) {
      this.#nudges.set(workflowId, 'due');
      return;
    }
    this.#nudges.set(workflowId, 'resting');
    setTimeout(() => {
      const due = this.#nudges.get(workflowId) === 'due';
      this.#nudges.delete(workflowId);
      if (due) this.#nudge(workflowId);
    }, nudgeApart);
    this.#client?.workflow
      .getHandle(workflowId)
      .signal(nudgeSignal)
      .catch((error: unknown) => {
        if (!(error instanceof WorkflowNotFoundError))
          this.#options.logger.debug({ err: error, workflowId }, 'a nudge was lost');
      });
  }

  async #sweep(): Promise<void> {
    const { sweepDatabase } = this.#options;
    try {
      for (let after: string | undefined = ''; after !== undefined;) {
        const from: string = after;
        const page = await sweepDatabase.anywhere((tx) => findIdleOperations(tx, idleSeconds, from, sweepPage));
        for (const operation of page) await this.#begin(operation);
        after = page.length < sweepPage ? undefined : page.at(-1)?.id;
      }
      for (let after: string | undefined = ''; after !== undefined;) {
        const from: string = after;
        const page = await sweepDatabase.anywhere((tx) => findOpenImports(tx, idleSeconds, from, sweepPage));
        for (const row of page) await this.#beginImport(importRefOf(row));
        after = page.length < sweepPage ? undefined : page.at(-1)?.command_id;
      }
    } catch (error) {
      this.#options.logger.warn({ err: error }, 'the sweep for idle operations failed; the next one follows');
    }
  }
}

/** The SDK's native part has one runtime per process; its own logs go where ours go. */
function installRuntime(logger: Logger): void {
  if (runtimeInstalled) return;
  runtimeInstalled = true;
  Runtime.install({
    logger: new DefaultLogger('WARN', ({ level, message, meta }) =>
      logger[level === 'ERROR' ? 'error' : 'warn']({ meta }, message),
    ),
    shutdownSignals: [],
  });
}
