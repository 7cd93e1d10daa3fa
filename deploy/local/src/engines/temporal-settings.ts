import { join } from 'node:path';
import { internalName, tlsFiles } from '@truffle/kit';
import type { Ports } from '../ports.ts';
import { temporalDatabases, type TemporalDatabase } from './temporal-database.ts';

/** The server's static configuration: all four parts in one process on loopback, on PostgreSQL, small. */
export function serverSettings(
  ports: Ports,
  database: TemporalDatabase,
  dynamicFile: string,
  tlsFolder?: string,
): object {
  const store = (databaseName: string, connections: number): object => ({
    sql: {
      pluginName: 'postgres12',
      databaseName,
      connectAddr: `127.0.0.1:${database.port}`,
      connectProtocol: 'tcp',
      user: temporalDatabases.role,
      password: database.password,
      ...(tlsFolder === undefined
        ? {}
        : { tls: { enabled: true, caFile: join(tlsFolder, tlsFiles.authority), enableHostVerification: true } }),
      // Each of the four parts has a pool of its own: at most 4 × (15 + 5) of PostgreSQL's 200 connections.
      maxConns: connections,
      maxIdleConns: connections,
      maxConnLifetime: '1h',
    },
  });
  const part = (grpcPort: number, membershipPort: number): object => ({
    rpc: { grpcPort, membershipPort, bindOnLocalHost: true },
  });
  return {
    log: { stdout: true, level: 'warn' },
    persistence: {
      defaultStore: 'main',
      visibilityStore: 'visibility',
      numHistoryShards: 4,
      datastores: { main: store(temporalDatabases.main, 15), visibility: store(temporalDatabases.visibility, 5) },
    },
    global: {
      membership: { maxJoinDuration: '30s', broadcastAddress: '127.0.0.1' },
      ...(tlsFolder === undefined ? {} : { tls: tlsSettings(tlsFolder) }),
    },
    services: {
      frontend: part(ports.temporal, ports.temporalFrontendMembership),
      history: part(ports.temporalHistory, ports.temporalHistoryMembership),
      matching: part(ports.temporalMatching, ports.temporalMatchingMembership),
      worker: part(ports.temporalWorker, ports.temporalWorkerMembership),
    },
    clusterMetadata: {
      enableGlobalNamespace: false,
      failoverVersionIncrement: 10,
      masterClusterName: 'active',
      currentClusterName: 'active',
      clusterInformation: {
        active: {
          enabled: true,
          initialFailoverVersion: 1,
          rpcName: 'frontend',
          rpcAddress: `127.0.0.1:${ports.temporal}`,
        },
      },
    },
    dcRedirectionPolicy: { policy: 'noop' },
    dynamicConfigClient: { filepath: dynamicFile, pollInterval: '60s' },
  };
}

/**
 * Its parts show their one certificate to each other as to clients, and demand one. Who is in the cluster they tell each other (ringpop, over TChannel)
 * in clear: Temporal has no TLS for that; nothing of workflows is in it.
 */
function tlsSettings(folder: string): object {
  const certFile = join(folder, tlsFiles.certificate);
  const keyFile = join(folder, tlsFiles.key);
  const authority = [join(folder, tlsFiles.authority)];
  const server = { certFile, keyFile, requireClientAuth: true, clientCaFiles: authority };
  const client = { serverName: internalName('temporal'), rootCaFiles: authority };
  return {
    refreshInterval: '1h',
    internode: { server, client },
    frontend: { server, client },
    systemWorker: { certFile, keyFile, client },
  };
}

const always = (value: unknown): readonly object[] => [{ value, constraints: {} }];

/** One partition for each queue: fairness between organizations holds within a partition, and one process gains nothing from more. */
export const dynamicSettings = {
  'matching.enableFairness': always(true),
  'matching.numTaskqueueReadPartitions': always(1),
  'matching.numTaskqueueWritePartitions': always(1),
  'system.forceSearchAttributesCacheRefreshOnRead': always(true),
};
