import { useQuery } from '@connectrpc/connect-query';
import { TemplateService } from '@truffle/api/template/v1/template_service';
import { Badge, Card, Flex, Heading, Text } from '@radix-ui/themes';
import { Link, useParams } from '@tanstack/react-router';
import { usePlace } from '../../app/place.tsx';
import { texts } from '../../texts/texts.ts';
import { Empty, Notice } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';

const text = texts.template;

/** The gallery: choose what to deploy. */
export default function TemplatesPage() {
  const { organization } = usePlace();
  const params = useParams({ from: '/o/$org/p/$project/templates' });
  const { data, error, refetch } = useQuery(
    TemplateService.method.listTemplates,
    { orgId: organization?.id ?? '', page: { size: 100 } },
    { enabled: organization !== undefined },
  );
  return (
    <Page title={text.many}>
      {error !== null && <Notice error={error} retry={() => void refetch()} />}
      {data?.templates.length === 0 && (
        <Empty title={text.none} hint={text.noneHint} command="truffle template push my-template.yaml" />
      )}
      <div className="cards">
        {data?.templates.map(({ id, name, title, summary, latestVersion, latestVersionId, categories, publisher }) => (
          <Card key={id} asChild>
            <Link to="/o/$org/p/$project/deploy/$versionId" params={{ ...params, versionId: latestVersionId }}>
              <Flex direction="column" gap="2" height="100%">
                <Flex justify="between" align="baseline" gap="2">
                  <Heading as="h2" size="3">
                    {title || name}
                  </Heading>
                  <Text size="1" color="gray">
                    {latestVersion}
                  </Text>
                </Flex>
                <Text size="2" color="gray">
                  {summary}
                </Text>
                <Flex gap="2" mt="auto" align="center" wrap="wrap">
                  {categories.map((category) => (
                    <Badge key={category} variant="soft">
                      {category}
                    </Badge>
                  ))}
                  <Text size="1" color="gray">
                    {publisher}
                  </Text>
                </Flex>
              </Flex>
            </Link>
          </Card>
        ))}
      </div>
    </Page>
  );
}
