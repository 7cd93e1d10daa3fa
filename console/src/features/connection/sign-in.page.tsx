import { Heading, Text } from '@radix-ui/themes';
import { texts } from '../../texts/texts.ts';
import { Page } from '../../ui/page.tsx';
import { useDirectory } from '../access/directory.ts';
import { SecondFactor } from '../security/second-factor.tsx';
import { ConnectionForm } from './connection-form.tsx';
import { ConnectionList } from './connection-list.tsx';
import { DomainList } from './domain-list.tsx';

const text = texts.security;

/** How people sign in to the organization: a second factor, providers, and the domains that are theirs. */
export default function SignInPage() {
  const directory = useDirectory();
  return (
    <Page title={text.signIn} actions={<ConnectionForm directory={directory} />}>
      <SecondFactor />
      <Heading as="h2" size="4" mt="3">
        {text.providers}
      </Heading>
      <ConnectionList directory={directory} />
      <Heading as="h2" size="4" mt="3">
        {text.domains}
      </Heading>
      <Text color="gray" size="2">
        {text.domainsHint}
      </Text>
      <DomainList orgId={directory.orgId} />
    </Page>
  );
}
