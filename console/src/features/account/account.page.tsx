import { useQuery } from '@connectrpc/connect-query';
import { AccountService } from '@truffle/api/tenant/v1/account_service';
import { Badge, Flex, Heading, Link as TextLink, Text } from '@radix-ui/themes';
import { Link } from '@tanstack/react-router';
import { ArrowLeft } from 'lucide-react';
import { useEffect } from 'react';
import { texts } from '../../texts/texts.ts';
import { Notice } from '../../ui/notice.tsx';
import { Ago } from '../../ui/time.tsx';
import { Address } from './address.tsx';
import { DeleteAccount } from './delete-account.tsx';
import { Factors } from './factors.tsx';
import { Identities } from './identities.tsx';
import { Password } from './password.tsx';
import { Section } from './section.tsx';
import { Sessions } from './sessions.tsx';

const text = texts.account;

/** A person's own account: it belongs to no organization. */
export default function AccountPage() {
  useEffect(() => {
    document.title = `${text.own} · Truffle`;
  }, []);
  const { data, error } = useQuery(AccountService.method.whoAmI, {});
  const user = data?.user;
  return (
    <main className="content narrow">
      <Flex direction="column" gap="5">
        <TextLink asChild size="2">
          <Link to="/">
            <ArrowLeft size={14} aria-hidden /> {text.back}
          </Link>
        </TextLink>
        <Heading as="h1" size="6">
          {text.own}
        </Heading>
        {error !== null && <Notice error={error} />}
        <Section title={text.profile}>
          <Text size="2">
            <strong>{user?.name}</strong> {user?.email}{' '}
            <Badge highContrast color={user?.emailVerified === true ? 'green' : 'amber'}>
              {user?.emailVerified === true ? text.verified : text.unverified}
            </Badge>
          </Text>
          <Text size="1" color="gray">
            {text.since} <Ago at={user?.createdAt} />
          </Text>
          <Address email={user?.email ?? ''} verified={user?.emailVerified ?? true} />
        </Section>
        <Password />
        <Factors />
        <Sessions />
        <Identities />
        <DeleteAccount email={user?.email ?? ''} />
      </Flex>
    </main>
  );
}
