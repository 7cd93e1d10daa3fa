import { TabNav } from '@radix-ui/themes';
import { Link, useLocation, useParams } from '@tanstack/react-router';
import { texts } from '../../texts/texts.ts';
import { Section } from '../../ui/section.tsx';

const text = texts.access;
const pages = [
  ['/o/$org/access/people', text.people],
  ['/o/$org/access/groups', text.groups],
  ['/o/$org/access/roles', text.roles],
  ['/o/$org/access/grants', text.grants],
  ['/o/$org/access/why', text.why],
  ['/o/$org/access/service-accounts', text.serviceAccounts],
  ['/o/$org/access/keys', text.keys],
  ['/o/$org/access/trusts', text.trusts],
] as const;

/** Who may do what here: what its pages stand in. */
export default function AccessPage() {
  const { org = '' } = useParams({ strict: false });
  const { pathname } = useLocation();
  return (
    <Section label={text.title}>
      {pages.map(([to, title]) => (
        <TabNav.Link key={to} asChild active={pathname.startsWith(to.replace('$org', org))}>
          <Link to={to} params={{ org }}>
            {title}
          </Link>
        </TabNav.Link>
      ))}
    </Section>
  );
}
