import { ConnectError } from '@connectrpc/connect';
import { useMutation } from '@connectrpc/connect-query';
import { OrganizationService } from '@truffle/api/tenant/v1/tenancy_service';
import { Button, Text } from '@radix-ui/themes';
import { Link, useNavigate } from '@tanstack/react-router';
import { useQueryClient } from '@tanstack/react-query';
import { texts } from '../../texts/texts.ts';
import { findErrorInfo } from '../../ui/error-info.ts';
import { Field } from '../../ui/field.tsx';
import { Notice } from '../../ui/notice.tsx';
import { Entrance } from './entrance.tsx';

const text = texts.account;

/** Makes another organization, with its first workspace and project. */
export default function NewOrganizationPage() {
  const navigate = useNavigate();
  const client = useQueryClient();
  const make = useMutation(OrganizationService.method.createOrganization, {
    onSuccess: async ({ organization }) => {
      await client.invalidateQueries();
      await navigate({ to: '/o/$org', params: { org: organization?.name ?? '' } });
    },
  });
  const [wrong] = make.error === null ? [] : findErrorInfo(ConnectError.from(make.error)).fields;
  return (
    <Entrance
      title={text.newOrganization}
      onSubmit={(value) => make.mutate({ name: value('name'), title: value('title') })}
    >
      {make.error !== null && wrong === undefined && <Notice error={make.error} />}
      <Field label={text.orgName} name="name" hint={text.orgNameHint} required autoFocus problem={wrong?.description} />
      <Field label={text.orgTitle} name="title" maxLength={120} hint={text.orgTitleHint} />
      <Button type="submit" loading={make.isPending}>
        {text.newOrganization}
      </Button>
      <Text size="2">
        <Link to="/">{text.back}</Link>
      </Text>
    </Entrance>
  );
}
