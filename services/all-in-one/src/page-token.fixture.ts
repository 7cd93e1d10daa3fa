import { create, type DescMethod, type Message } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { MetricReadService, ReadMetricsRequestSchema } from '@truffle/api/agent/v1/metric_read_service';
import { ServerMetricService } from '@truffle/api/orchestration/v1/server_metric_service';
import { AuditService } from '@truffle/api/tenant/v1/audit_service';
import { PageRequestSchema, type PageInfo } from '@truffle/api/type/v1/page';
import { isPaged, loadServiceKeys, nobody, PageTokens, rulesOf, type ServiceName } from '@truffle/kit';
import { testEngines } from '@truffle/testkit';
import { everyMethod, requestOf } from './contract.fixture.ts';
import { absentLike } from './id-field.fixture.ts';

type Ids = Readonly<Record<string, string>>;

/** Lists that are read page after page. */
export const pagedMethods = everyMethod.filter(([, , method]) => isPaged(method));

/** Fields without which a list is not asked for. */
const needed: ReadonlySet<string> = new Set(['template_id', 'permission']);

/** A list's request as its owner makes it, without filters. */
export function listRequest(method: DescMethod, ids: Ids): Message {
  const isNeeded = (name: string): boolean => name === rulesOf(method).resource || needed.has(name);
  const request = requestOf(method.input, ({ name }) => (isNeeded(name) ? ids[name] : undefined));
  const given: Record<string, unknown> = request;
  const kept = method.input.fields.filter(({ name }) => isNeeded(name)).map((f) => [f.localName, given[f.localName]]);
  return create(method.input, Object.fromEntries(kept));
}

export const withToken = (request: Message, token: string): Message =>
  ({ ...request, page: create(PageRequestSchema, { size: 1, token }) }) as Message;

/** What another service's list, which this one passes on, is asked for. */
const passedOn = (method: DescMethod, ids: Ids): [DescMethod, Message] | undefined =>
  method !== ServerMetricService.method.listServerMetrics
    ? undefined
    : [
        MetricReadService.method.readMetrics,
        create(ReadMetricsRequestSchema, { agentId: ids['agent_id'] ?? '', resourceId: ids['server_id'] ?? '' }),
      ];

/** The token that a list gives a caller for its next page: sealed with the installation's keys, as its service seals it. */
export function tokenFor(
  caller: { readonly subject: string; readonly orgId: string },
  method: DescMethod,
  request: Message,
  ids: Ids,
): string {
  const { TRUFFLE_SERVICE_KEYS_DIR: folder } = testEngines().installation.env;
  const service = method.parent.typeName.split('.')[1];
  const keys = loadServiceKeys(folder, service === 'agent' ? 'agent-gateway' : (service as ServiceName));
  const below = passedOn(method, ids);
  const [field, direction] = rulesOf(method).orders[0]?.split(' ') ?? [];
  // Good as a number and as a time; or the place in a list that is ordered as it is by itself.
  const key =
    field === undefined || method === AuditService.method.listAuditRecords
      ? '0'
      : JSON.stringify([field, direction === 'desc', '0', '']);
  const page = {
    next: below === undefined ? Buffer.from(`1:${key}`).toString('base64url') : tokenFor(caller, ...below, ids),
  };
  const answer = { ...create(method.output), page } as Message & { readonly page: PageInfo };
  const tokens = new PageTokens(keys.secretFor('page tokens'));
  return tokens.close(method, { ...nobody, ...caller }, request, answer).page.next;
}

/** Another value for each filter that a list has. A filter that is not known here fails its test. */
export function filtersOf(method: DescMethod, ids: Ids): readonly (readonly [string, object])[] {
  const values: Readonly<Record<string, unknown>> = {
    name: 'other',
    show_deleted: true,
    start_time: timestampFromMs(0),
    end_time: timestampFromMs(4_000_000_000_000),
    cluster_id: ids['cluster_id'],
    template_id: absentLike(ids['template_id'] ?? ''),
    permission: 'cluster.delete',
    after: 1n,
    resource_id: ids['cluster_id'],
    service_account_id: absentLike(ids['service_account_id'] ?? ''),
    order_by: `${rulesOf(method).orders[0]?.split(' ')[0]} desc`,
  };
  return method.input.fields
    .filter(({ name }) => name !== 'page' && name !== rulesOf(method).resource)
    .map((field) => {
      const value = field.name === 'filter' ? create(field.message!, { action: 'cluster.create' }) : values[field.name];
      if (value === undefined) throw new TypeError(`${method.name}: say another value of the filter ${field.name}`);
      return [field.name, { [field.localName]: value }];
    });
}
