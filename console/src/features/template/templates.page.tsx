import { TemplateService } from '@truffle/api/template/v1/template_service';
import type { Template } from '@truffle/api/template/v1/template';
import { Badge, Button, Card, Flex, Heading, Text } from '@radix-ui/themes';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { usePlace } from '../../app/place.tsx';
import { texts } from '../../texts/texts.ts';
import { Choice } from '../../ui/choice.tsx';
import { Filter } from '../../ui/filter.tsx';
import { Empty, Notice } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { usePages } from '../../ui/pages.ts';
import { useSorting } from '../../ui/sorting.ts';

const text = texts.template;
const from = '/o/$org/p/$project/templates';

/** The gallery: choose what to deploy. */
export default function TemplatesPage() {
  const { organization } = usePlace();
  const params = useParams({ from });
  const { name = '' } = useSearch({ from });
  const navigate = useNavigate({ from });
  const sorting = useSorting('name');
  const { rows, error, more, onEnd, retry } = usePages(
    TemplateService.method.listTemplates,
    { orgId: organization?.id ?? '', name, orderBy: sorting.by },
    ({ templates }) => templates,
    { enabled: organization !== undefined },
  );
  const write = (
    <Button asChild variant="soft">
      <Link to="/o/$org/p/$project/templates/edit" params={params}>
        {text.write}
      </Link>
    </Button>
  );
  return (
    <Page title={text.many} actions={write}>
      {error !== null && <Notice error={error} retry={retry} />}
      <div className="filters">
        <Filter
          label={texts.list.exactName}
          value={name}
          onChange={(value) =>
            void navigate({ search: (was) => ({ ...was, name: value || undefined }), replace: true })
          }
        />
        <Choice
          small
          label={texts.list.order}
          value={sorting.by}
          options={Object.entries(text.orders).map(([value, label]) => ({ value, label }))}
          onChange={sorting.set}
        />
      </div>
      {rows?.length === 0 && (
        <Empty title={text.none} hint={text.noneHint} command="truffle template create my-template.yaml" />
      )}
      <div className="cards">
        {rows?.map((template) => (
          <TemplateCard key={template.id} template={template} />
        ))}
      </div>
      {more && (
        <div>
          <Button variant="soft" onClick={onEnd}>
            {texts.list.more}
          </Button>
        </div>
      )}
    </Page>
  );
}

function TemplateCard({ template }: { readonly template: Template }) {
  const { id, name, title, summary, latestVersion, latestVersionId, categories, publisher } = template;
  const params = useParams({ from });
  return (
    <Card>
      <Flex direction="column" gap="2" height="100%">
        <Flex justify="between" align="baseline" gap="2">
          <Heading as="h2" size="3">
            <Link
              to="/o/$org/p/$project/deploy/$versionId"
              params={{ ...params, versionId: latestVersionId }}
              className="row-link card-link"
            >
              {title || name}
            </Link>
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
            <Badge key={category} highContrast variant="soft">
              {category}
            </Badge>
          ))}
          <Text size="1" color="gray">
            {publisher}
          </Text>
          <Link
            to="/o/$org/p/$project/templates/$templateId"
            params={{ ...params, templateId: id }}
            className="above-card"
            aria-label={text.versionsOf(name)}
          >
            <Text size="1">{text.versionsAndSource}</Text>
          </Link>
        </Flex>
      </Flex>
    </Card>
  );
}
