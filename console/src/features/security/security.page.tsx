import { TabNav } from '@radix-ui/themes';
import { Link, useLocation, useParams } from '@tanstack/react-router';
import { texts } from '../../texts/texts.ts';
import { Section } from '../../ui/section.tsx';

const text = texts.security;
const pages = [
  ['/o/$org/security/sign-in', text.signIn],
  ['/o/$org/security/addresses', text.addresses],
  ['/o/$org/security/streams', text.streams],
] as const;

/** How the organization is kept safe: what its pages stand in. */
export default function SecurityPage() {
  const { org = '' } = useParams({ strict: false });
  const { pathname } = useLocation();
  return (
    <Section label={text.title}>
      {pages.map(([to, title]) => (
        <TabNav.Link key={to} asChild active={pathname === to.replace('$org', org)}>
          <Link to={to} params={{ org }}>
            {title}
          </Link>
        </TabNav.Link>
      ))}
    </Section>
  );
}
