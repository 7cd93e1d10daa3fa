import { create } from '@bufbuild/protobuf';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import type { HandlerContext } from '@connectrpc/connect';
import { OperationService, type WatchOperationLogsRequest } from '@truffle/api/orchestration/v1/operation_service';
import {
  TemplateService,
  type ListTemplatesRequest,
  type ValidateTemplateRequest,
} from '@truffle/api/template/v1/template_service';
import { EventService, type WatchEventsRequest } from '@truffle/api/tenant/v1/event_service';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { RetryInfoSchema } from '@truffle/api/google/rpc/error_details';
import { Code, ConnectError } from '@connectrpc/connect';
import { registerHealth } from './health.ts';
import { NotFoundProblem, UnauthenticatedProblem } from './problem.ts';
import { statusOf } from './problem.status.ts';
import { registerReflection } from './reflection.ts';
import { restHandler } from './rest.ts';
import { listenOrigin } from './server.ts';
import { validate } from './validate.ts';

export const orgId = `org_${'0'.repeat(26)}`;
export const templateId = `tpl_${'0'.repeat(26)}`;
export const operationId = `op_${'0'.repeat(26)}`;

/** A server of the real contract: what it was asked, for the tests to look at, and how it feels. */
export interface TestOrigin {
  readonly url: string;
  readonly port: number;
  readonly asked: { method: string; request: unknown; header: Headers }[];
  /** Watches that are open. */
  readonly open: Set<AbortSignal>;
  healthy: boolean;
  close(): Promise<void>;
}

export const services = [TemplateService, EventService, OperationService] as const;

/** Serves three services with answers that follow from the request, on a free port. */
export async function startTestOrigin(): Promise<TestOrigin> {
  const state = { asked: [] as TestOrigin['asked'], open: new Set<AbortSignal>(), healthy: true };
  const note = (request: unknown, context: HandlerContext): void =>
    void state.asked.push({ method: context.method.name, request, header: context.requestHeader });
  const connectHandler = connectNodeAdapter({
    requireConnectProtocolHeader: false,
    routes: (router) => {
      router.service(TemplateService, {
        listTemplates(request: ListTemplatesRequest, context) {
          note(request, context);
          context.responseHeader.set('x-request-id', context.requestHeader.get('x-request-id') ?? 'req_made_here');
          return { templates: [{ id: templateId, name: request.name || 'web' }], page: { next: 'more' } };
        },
        getTemplate(request, context) {
          note(request, context);
          throw statusOf(new NotFoundProblem('template', request.templateId), 'req_12345678').status;
        },
        validateTemplate(request: ValidateTemplateRequest, context) {
          note(request, context);
          if (request.source === 'tired') {
            const status = new ConnectError('too many calls', Code.ResourceExhausted);
            status.details.push({
              desc: RetryInfoSchema,
              value: create(RetryInfoSchema, { retryDelay: durationFromMs(1_500) }),
            });
            throw status;
          }
          try {
            validate(context.method.input, request);
          } catch (error) {
            throw statusOf(error, 'req_12345678').status;
          }
          return { digest: `sha256:${request.source.length}` };
        },
        deleteTemplate(request, context) {
          note(request, context);
          return {};
        },
      });
      router.service(EventService, {
        async *watchEvents(request: WatchEventsRequest, context) {
          note(request, context);
          state.open.add(context.signal);
          context.signal.addEventListener('abort', () => state.open.delete(context.signal));
          if (request.resourceId === 'nobody')
            throw statusOf(new UnauthenticatedProblem('NO_CREDENTIAL', 'sign in first'), 'req_12345678').status;
          const from = request.after ?? 100n;
          for (let n = from + 1n; n <= from + 3n; n++) yield { event: { n, type: 'dev.truffle.test.v1' } };
          yield {};
          if (request.resourceId === 'breaks')
            throw statusOf(new NotFoundProblem('organization', request.orgId), 'req_12345678').status;
          if (request.resourceId === 'ends') return;
          await new Promise((resolve) => context.signal.addEventListener('abort', resolve));
        },
      });
      router.service(OperationService, {
        async *watchOperationLogs(request: WatchOperationLogsRequest, context) {
          note(request, context);
          yield {
            lines: [
              { cursor: 'a1', text: 'one' },
              { cursor: 'a2', text: 'two' },
            ],
          };
        },
      });
      registerHealth(router, () => (state.healthy ? Promise.resolve() : Promise.reject(new Error('unwell'))));
      registerReflection(router, services);
    },
  });
  const rest = restHandler(services, connectHandler);
  const server = await listenOrigin(
    (request, response) =>
      request.url?.startsWith('/v1/') ? rest(request, response) : connectHandler(request, response),
    {
      host: '127.0.0.1',
      port: 0,
    },
  );
  return Object.assign(state, {
    url: `http://127.0.0.1:${server.port}`,
    port: server.port,
    close: () => server.close(100),
  });
}
