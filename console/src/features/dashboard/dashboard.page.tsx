import { useQuery } from '@connectrpc/connect-query';
import { AgentService } from '@truffle/api/agent/v1/agent_service';
import { ClusterService } from '@truffle/api/orchestration/v1/cluster_service';
import { OperationService } from '@truffle/api/orchestration/v1/operation_service';
import { usePlace } from '../../app/place.tsx';
import { texts } from '../../texts/texts.ts';
import { Notice } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { Changes } from './changes.tsx';
import { Health } from './health.tsx';
import { Clusters, Lately, NeedsPerson, Sites } from './panels.tsx';

const page = { size: 50 };

/** How the sites and clusters are, what needs a person, what was done lately and who changed what. */
export default function DashboardPage() {
  const { organization, project } = usePlace();
  const there = { org: organization?.name ?? '', project: project?.name ?? '' };
  const orgId = organization?.id ?? '';
  const projectId = project?.id ?? '';
  const inOrganization = { enabled: orgId !== '' };
  const inProject = { enabled: projectId !== '' };
  const agents = useQuery(AgentService.method.listAgents, { orgId, page }, inOrganization);
  const clusters = useQuery(ClusterService.method.listClusters, { projectId, page }, inProject);
  const operations = useQuery(OperationService.method.listOperations, { projectId, page }, inProject);
  const error = agents.error ?? clusters.error ?? operations.error;
  return (
    <Page title={texts.dashboard.title}>
      {error !== null && <Notice error={error} />}
      <Health agents={agents.data?.agents} clusters={clusters.data?.clusters} />
      <div className="cards wide">
        <Sites agents={agents.data?.agents} org={there.org} />
        <Clusters clusters={clusters.data?.clusters} there={there} />
        <NeedsPerson agents={agents.data?.agents} operations={operations.data?.operations} there={there} />
        <Lately operations={operations.data?.operations} there={there} />
        <Changes orgId={orgId} org={there.org} />
      </div>
    </Page>
  );
}
