import { useQuery } from '@connectrpc/connect-query';
import { AgentService } from '@truffle/api/agent/v1/agent_service';
import { TemplateService } from '@truffle/api/template/v1/template_service';
import { useParams } from '@tanstack/react-router';
import { usePlace } from '../../app/place.tsx';
import { texts } from '../../texts/texts.ts';
import { Empty, Notice } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { DeployForm } from './deploy-form.tsx';

const text = texts.cluster;

/** The form that a template's schema draws, the plan, and the way to have it done. */
export default function DeployPage() {
  const { versionId } = useParams({ from: '/o/$org/p/$project/deploy/$versionId' });
  const { organization, project } = usePlace();
  const orgId = organization?.id ?? '';
  const enabled = orgId !== '';
  const version = useQuery(
    TemplateService.method.getTemplateVersion,
    { orgId, templateVersionId: versionId },
    { enabled },
  );
  const agents = useQuery(AgentService.method.listAgents, { orgId, page: { size: 100 } }, { enabled });
  const error = version.error ?? agents.error;
  if (error !== null) return <Notice error={error} />;
  const template = version.data?.version;
  if (template === undefined || agents.data === undefined || project === undefined) return null;
  const [first] = agents.data.agents;
  return (
    <Page title={`${text.deploy} ${template.templateName} ${template.version}`}>
      {first === undefined ? (
        <Empty title={text.noSite} hint={text.noSiteHint} command="truffle agent join-token create my-site" />
      ) : (
        <DeployForm template={template} agents={agents.data.agents} first={first} projectId={project.id} />
      )}
    </Page>
  );
}
