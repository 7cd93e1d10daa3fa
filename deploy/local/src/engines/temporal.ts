import { status } from '@grpc/grpc-js';
import { Connection, isGrpcServiceError } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { temporalConnection } from '@truffle/kit';
import { join } from 'node:path';
import type { Child, Children } from '../children.ts';
import { until } from '../deadline.ts';
import type { Ports } from '../ports.ts';
import { untilReady } from '../readiness.ts';
import { writePrivately, type StateFolder } from '../state-folder.ts';
import type { EngineRelease } from './engine-release.ts';
import type { TemporalDatabase } from './temporal-database.ts';
import { dynamicSettings, serverSettings } from './temporal-settings.ts';

const version = '1.32.0';

export const temporalRelease: EngineRelease = {
  name: 'temporal',
  version,
  programs: {
    server: {
      file: 'temporal-server',
      versionArgs: ['--version'],
      goPackage: `go.temporal.io/server/cmd/server@v${version}`,
    },
    sqlTool: {
      file: 'temporal-sql-tool',
      versionArgs: ['--version'],
      goPackage: `go.temporal.io/server/cmd/tools/sql@v${version}`,
    },
  },
  accepts: (found) => found.startsWith('1.32.'),
  archive: (platform, architecture) => ({
    path: `/temporalio/temporal/releases/download/v${version}/temporal_${version}_${platform}_${architecture}.tar.gz`,
    sums: `/temporalio/temporal/releases/download/v${version}/checksums.txt`,
  }),
  buildTime: 'about 6 minutes on two cores',
};

/** The frontend's address with the folder of the client's certificate in it. */
export const temporalUrl = (port: number, tlsFolder: string): string =>
  `tls://127.0.0.1:${port}?tls=${encodeURIComponent(tlsFolder)}`;

/** Starts the server on its databases, over TLS with the certificate in `tlsFolder` if there is one, and answers when its frontend is healthy. */
export async function startTemporal(
  children: Children,
  folder: StateFolder,
  program: string,
  ports: Ports,
  database: TemporalDatabase,
  tlsFolder?: string,
): Promise<Child> {
  const dynamic = join(folder.temporal, 'dynamic.yaml');
  const config = join(folder.temporal, 'server.yaml');
  // JSON is YAML.
  writePrivately(dynamic, JSON.stringify(dynamicSettings, null, 2));
  writePrivately(config, JSON.stringify(serverSettings(ports, database, dynamic, tlsFolder), null, 2));
  const child = children.start({
    name: 'temporal',
    command: program,
    args: ['--config-file', config, '--allow-no-auth', 'start'],
    stopMilliseconds: 5000,
  });
  const address = tlsFolder === undefined ? `127.0.0.1:${ports.temporal}` : temporalUrl(ports.temporal, tlsFolder);
  await untilReady(child, 60_000, () => isServing(address));
  return child;
}

/** `SERVING` of grpc.health.v1. */
const serving = 1;

async function isServing(address: string): Promise<boolean> {
  const connection = await Connection.connect({ ...temporalConnection(address), connectTimeout: 2000 });
  try {
    const { status: health } = await connection.withDeadline(Date.now() + 2000, () =>
      connection.healthService.check({ service: 'temporal.api.workflowservice.v1.WorkflowService' }),
    );
    return (health as number) === serving;
  } finally {
    await connection.close();
  }
}

const retention = '7 days';

/** Registers the namespace if it is not there, and answers when it can be used. */
export async function ensureNamespace(address: string, namespace: string): Promise<void> {
  const connection = await Connection.connect({ ...temporalConnection(address), connectTimeout: 10_000 });
  const service = connection.workflowService;
  try {
    try {
      await service.describeNamespace({ namespace });
      return;
    } catch (error) {
      if (!isGrpcServiceError(error) || error.code !== status.NOT_FOUND) throw error;
    }
    await service
      .registerNamespace({ namespace, workflowExecutionRetentionPeriod: msToTs(retention) })
      .catch(ignoreExisting);
    // Each part of the server learns of it in its own time; this call goes through the same cache as starting a workflow does.
    await until(
      { what: `the namespace ${namespace}`, milliseconds: 30_000, every: 100 },
      async () => (await service.listOpenWorkflowExecutions({ namespace, maximumPageSize: 1 })) !== undefined,
    );
  } finally {
    await connection.close();
  }
}

function ignoreExisting(error: unknown): void {
  if (!isGrpcServiceError(error) || error.code !== status.ALREADY_EXISTS) throw error;
}
