import { useMutation, useQuery } from '@connectrpc/connect-query';
import type { Template, TemplateVersion } from '@truffle/api/template/v1/template';
import { TemplateService } from '@truffle/api/template/v1/template_service';
import { Button, Code, Flex, Heading, Spinner, Text } from '@radix-ui/themes';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { lazy, Suspense } from 'react';
import { usePlace } from '../../app/place.tsx';
import { texts } from '../../texts/texts.ts';
import { Choice } from '../../ui/choice.tsx';
import { Confirm } from '../../ui/confirm.tsx';
import { List } from '../../ui/list.tsx';
import { Act } from '../../ui/may.tsx';
import { Empty, Notice } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { usePages } from '../../ui/pages.ts';
import { Ago } from '../../ui/time.tsx';
import { ScrollText } from '../../ui/scroll.tsx';

const text = texts.template;
const Difference = lazy(() => import('./difference.tsx'));
const from = '/o/$org/p/$project/templates/$templateId';

/** A template's versions, and what differs between two. */
export default function TemplatePage() {
  const { organization } = usePlace();
  const { templateId } = useParams({ from });
  const orgId = organization?.id ?? '';
  const enabled = orgId !== '';
  const { data, error, refetch } = useQuery(TemplateService.method.getTemplate, { orgId, templateId }, { enabled });
  const pages = usePages(
    TemplateService.method.listTemplateVersions,
    { orgId, templateId },
    ({ versions }) => versions,
    {
      enabled,
    },
  );
  if (error !== null) return <Notice error={error} retry={() => void refetch()} />;
  const template = data?.template;
  if (template === undefined) return null;
  return (
    <Page title={template.title || template.name} actions={<Actions template={template} orgId={orgId} />}>
      <Text color="gray">{template.summary}</Text>
      <Heading as="h2" size="4">
        {text.versions}
      </Heading>
      <List
        label={text.versions}
        pages={pages}
        empty={<Empty title={text.none} hint={text.noneHint} command={`truffle template versions ${template.name}`} />}
        keyOf={({ id }) => id}
        columns={[
          { title: text.version, sorted: 'descending', cell: ({ version }) => <Text weight="medium">{version}</Text> },
          { title: text.made, cell: ({ createdAt }) => <Ago at={createdAt} /> },
          { title: text.digest, cell: ({ digest }) => <Code size="1">{digest.slice(0, 19)}…</Code> },
          { title: texts.access.actions, cell: ({ id }) => <VersionLinks versionId={id} /> },
        ]}
      />
      {pages.rows !== undefined && pages.rows.length > 0 && <Compare orgId={orgId} versions={pages.rows} />}
    </Page>
  );
}

function VersionLinks({ versionId }: { readonly versionId: string }) {
  const { org, project } = useParams({ from });
  return (
    <Flex gap="3">
      <Link to="/o/$org/p/$project/deploy/$versionId" params={{ org, project, versionId }}>
        {texts.cluster.deploy}
      </Link>
      <Link to="/o/$org/p/$project/templates/edit" params={{ org, project }} search={{ version: versionId }}>
        {text.editFrom}
      </Link>
    </Flex>
  );
}

function Actions({ template, orgId }: { readonly template: Template; readonly orgId: string }) {
  const { org, project } = useParams({ from });
  const navigate = useNavigate();
  const remove = useMutation(TemplateService.method.deleteTemplate, {
    onSuccess: () => void navigate({ to: '/o/$org/p/$project/templates', params: { org, project } }),
  });
  return (
    <>
      <Button asChild>
        <Link to="/o/$org/p/$project/deploy/$versionId" params={{ org, project, versionId: template.latestVersionId }}>
          {texts.cluster.deploy}
        </Link>
      </Button>
      {template.orgId !== '' && (
        <Confirm
          title={texts.access.deleteTitle(template.name)}
          message={text.deleteHint}
          action={texts.confirm.delete}
          name={template.name}
          onConfirm={() => remove.mutate({ orgId, templateId: template.id, revision: template.revision })}
        >
          <Act permission="template.delete" on={orgId} variant="soft" color="red" loading={remove.isPending}>
            {texts.confirm.delete}
          </Act>
        </Confirm>
      )}
      {remove.error !== null && <Notice error={remove.error} />}
    </>
  );
}

interface CompareProps {
  readonly orgId: string;
  /** Newest first. */
  readonly versions: readonly TemplateVersion[];
}

/** Two versions side by side: those of the address, else the newest and the one before it. */
function Compare({ orgId, versions }: CompareProps) {
  const { before = versions[1]?.id ?? versions[0]?.id ?? '', after = versions[0]?.id ?? '' } = useSearch({ from });
  const navigate = useNavigate({ from });
  const read = (templateVersionId: string) =>
    [TemplateService.method.getTemplateVersion, { orgId, templateVersionId }, { staleTime: Infinity }] as const;
  const old = useQuery(...read(before));
  const now = useQuery(...read(after));
  const options = versions.map(({ id, version }) => ({ value: id, label: version }));
  const error = old.error ?? now.error;
  return (
    <>
      <Heading as="h2" size="4" mt="3">
        {before === after ? text.source : text.difference}
      </Heading>
      <div className="filters">
        <Choice
          small
          label={text.before}
          value={before}
          options={options}
          onChange={(value) => void navigate({ search: (was) => ({ ...was, before: value }), replace: true })}
        />
        <Choice
          small
          label={text.after}
          value={after}
          options={options}
          onChange={(value) => void navigate({ search: (was) => ({ ...was, after: value }), replace: true })}
        />
      </div>
      {error !== null && <Notice error={error} />}
      {old.data?.version !== undefined && now.data?.version !== undefined && (
        <Suspense fallback={<Spinner size="3" />}>
          {before === after ? (
            <ScrollText label={text.source}>{now.data.version.source}</ScrollText>
          ) : (
            <Difference before={old.data.version.source} after={now.data.version.source} />
          )}
        </Suspense>
      )}
    </>
  );
}
