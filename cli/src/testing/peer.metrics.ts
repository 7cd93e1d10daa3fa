import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ConnectRouter } from '@connectrpc/connect';
import {
  type ListServerMetricsResponseSchema,
  ServerMetricService,
} from '@truffle/api/orchestration/v1/server_metric_service';

/** What was measured of the peer's server, and what is missing of that. */
export type Measured = MessageInitShape<typeof ListServerMetricsResponseSchema>;

/** Answers what was measured, in one page. */
export const serveMetrics = (router: ConnectRouter, measured: () => Measured): void =>
  void router.service(ServerMetricService, { listServerMetrics: () => measured() });
