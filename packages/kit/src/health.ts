import { setTimeout as wait } from 'node:timers/promises';
import { Code, ConnectError, type ConnectRouter, type HandlerContext } from '@connectrpc/connect';
import { Health, HealthCheckResponse_ServingStatus as Status } from '@truffle/api/grpc/health/v1/health';

const lookAgainMs = 2_000;

/**
 * Serves gRPC's health protocol: every service of the router is as healthy as the process, and the empty name stands for all.
 * @param ready resolves when the process can do its work
 */
export function registerHealth(router: ConnectRouter, ready: () => Promise<void>): void {
  const known = () => new Set(['', ...router.handlers.map((h) => h.service.typeName)]);
  const statusNow = () =>
    ready().then(
      () => Status.SERVING,
      () => Status.NOT_SERVING,
    );
  const statusOf = async (service: string) => (known().has(service) ? statusNow() : Status.SERVICE_UNKNOWN);

  async function* watch({ service }: { service: string }, context: HandlerContext) {
    let last: Status | undefined;
    while (!context.signal.aborted) {
      const status = await statusOf(service);
      if (status !== last) yield { status };
      last = status;
      await wait(lookAgainMs, undefined, { signal: context.signal }).catch(() => undefined);
    }
  }

  router.service(Health, {
    async check({ service }) {
      if (!known().has(service)) throw new ConnectError(`${service} is not served here`, Code.NotFound);
      return { status: await statusNow() };
    },
    watch,
    async list() {
      const status = await statusNow();
      return { statuses: Object.fromEntries([...known()].map((name) => [name, { status }])) };
    },
  });
}
