import { createClient } from '@connectrpc/connect';
import { useMutation, useQuery } from '@connectrpc/connect-query';
import type { Problem } from '@truffle/api/template/v1/template';
import { TemplateService } from '@truffle/api/template/v1/template_service';
import { Callout, Code, Spinner, Text } from '@radix-ui/themes';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { lazy, Suspense, useCallback, useState } from 'react';
import { usePlace } from '../../app/place.tsx';
import { transport } from '../../app/transport.ts';
import { texts } from '../../texts/texts.ts';
import { Copy } from '../../ui/copy.tsx';
import { Act } from '../../ui/may.tsx';
import { Notice } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { starter } from './starter.ts';

const text = texts.template;
const Editor = lazy(() => import('./editor.tsx'));
const client = createClient(TemplateService, transport);
const from = '/o/$org/p/$project/templates/edit';

/** Writes a template, new or from a version that there is, and publishes it as a version. */
export default function EditPage() {
  const { organization } = usePlace();
  const { version = '' } = useSearch({ from });
  const orgId = organization?.id ?? '';
  const { data, error } = useQuery(
    TemplateService.method.getTemplateVersion,
    { orgId, templateVersionId: version },
    { enabled: orgId !== '' && version !== '', staleTime: Infinity },
  );
  if (error !== null) return <Notice error={error} />;
  if (orgId === '' || (version !== '' && data === undefined)) return null;
  return <Writing key={version} orgId={orgId} first={data?.version?.source ?? starter} />;
}

function Writing({ orgId, first }: { readonly orgId: string; readonly first: string }) {
  const params = useParams({ from });
  const navigate = useNavigate();
  const [source, setSource] = useState(first);
  const [problems, setProblems] = useState<readonly Problem[]>();
  const check = useCallback(
    async (typed: string): Promise<readonly Problem[]> => {
      const answer = await client.validateTemplate({ orgId, source: typed }).catch(() => undefined);
      setProblems(answer?.problems);
      return answer?.problems ?? [];
    },
    [orgId],
  );
  const publish = useMutation(TemplateService.method.createTemplateVersion, {
    onSuccess: ({ template }) =>
      void navigate({
        to: '/o/$org/p/$project/templates/$templateId',
        params: { ...params, templateId: template?.id ?? '' },
      }),
  });
  return (
    <Page
      title={text.edit}
      actions={
        <Act
          permission="template.create"
          on={orgId}
          loading={publish.isPending}
          disabled={problems !== undefined && problems.length > 0}
          onClick={() => publish.mutate({ orgId, source })}
        >
          {text.publish}
        </Act>
      }
    >
      <Text color="gray" size="2">
        {text.editHint}
      </Text>
      {publish.error !== null && <Notice error={publish.error} />}
      <Suspense fallback={<Spinner size="3" />}>
        <Editor source={first} onChange={setSource} check={check} />
      </Suspense>
      <div role="status">
        {problems?.length === 0 && (
          <Callout.Root highContrast color="green" size="1">
            <Callout.Text>{text.good}</Callout.Text>
          </Callout.Root>
        )}
        {problems?.map(({ line, column, path, message, expected }) => (
          <Text as="div" size="2" key={`${line}/${column}/${message}`}>
            <Code>
              {line}:{column}
            </Code>{' '}
            {path} {expected === '' ? message : text.expected(message, expected)}
          </Text>
        ))}
      </div>
      <Copy text="truffle template create my-template.yaml" />
    </Page>
  );
}
