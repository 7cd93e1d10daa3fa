import { Flex, IconButton, Select, Spinner, Text, Tooltip } from '@radix-ui/themes';
import { Link, Outlet, useNavigate } from '@tanstack/react-router';
import { Moon, Search, Sun } from 'lucide-react';
import { lazy, Suspense, useEffect, useState } from 'react';
import { texts } from '../texts/texts.ts';
import { Notice } from '../ui/notice.tsx';
import { AccountMenu } from '../features/account/account-menu.tsx';
import { Live } from './live.tsx';
import { LiveSign } from './live-sign.tsx';
import { organizationPages, projectPages } from './pages.ts';
import { usePlace, type Place } from './place.tsx';
import { useAppearance } from './theme.ts';

// It comes when it is first asked for.
const Palette = lazy(() => import('./palette.tsx'));

/** What every page of an organization stands in: where one is, the way to everywhere else, and whether it is live. */
export function Shell() {
  const place = usePlace();
  const { organization, error } = place;
  if (error !== null) return <Notice error={error} />;
  if (organization === undefined)
    return place.organizations.length === 0 ? <Loading /> : <Notice error={new Error(texts.shell.noOrganization)} />;
  return (
    <Live orgId={organization.id}>
      <a className="skip" href="#content">
        {texts.shell.skip}
      </a>
      <div className="shell">
        <Rail place={place} orgName={organization.name} />
        <main id="content" className="content" tabIndex={-1}>
          <LiveSign />
          <Outlet />
        </main>
      </div>
    </Live>
  );
}

const Loading = () => (
  <Flex justify="center" p="9">
    <Spinner size="3" />
  </Flex>
);

function Rail({ place, orgName }: { readonly place: Place; readonly orgName: string }) {
  const navigate = useNavigate();
  // Undefined until it was first asked for.
  const [searching, setSearching] = useState<boolean>();
  useEffect(() => onPaletteKey(() => setSearching(true)), []);
  const [appearance, setAppearance] = useAppearance();
  const project = place.project?.name;
  return (
    <aside className="rail" aria-label={texts.shell.rail}>
      <Flex align="center" justify="between">
        <Link to="/o/$org" params={{ org: orgName }} className="row-link">
          <Flex align="center" gap="2">
            <img src="/icon.svg" alt="" width={22} height={22} />
            <Text weight="bold">Truffle</Text>
          </Flex>
        </Link>
        <AccountMenu />
      </Flex>
      <Flex direction="column" gap="2" className="rail-places">
        <Switcher
          label={texts.shell.organization}
          value={orgName}
          names={place.organizations.map(({ name }) => name)}
          onChoose={(org) => void navigate({ to: '/o/$org', params: { org } })}
        />
        <Switcher
          label={texts.shell.project}
          value={project ?? ''}
          names={place.projects.map(({ name }) => name)}
          onChoose={(name) => void navigate({ to: '/o/$org/p/$project', params: { org: orgName, project: name } })}
        />
      </Flex>
      <nav aria-label={texts.shell.navigation}>
        {organizationPages.map(({ to, title, icon: Icon, exact }) => (
          <Link key={to} to={to} params={{ org: orgName }} className="rail-link" activeOptions={{ exact }}>
            <Icon size={16} aria-hidden /> {title}
          </Link>
        ))}
        {project !== undefined &&
          projectPages.map(({ to, title, icon: Icon }) => (
            <Link key={to} to={to} params={{ org: orgName, project }} className="rail-link">
              <Icon size={16} aria-hidden /> {title}
            </Link>
          ))}
      </nav>
      <Flex gap="2" align="center" className="rail-tools">
        <Tooltip content={texts.palette.open}>
          <IconButton variant="soft" color="gray" aria-label={texts.palette.open} onClick={() => setSearching(true)}>
            <Search size={16} />
          </IconButton>
        </Tooltip>
        <Tooltip content={texts.shell.appearance}>
          <IconButton
            variant="soft"
            color="gray"
            aria-label={texts.shell.appearance}
            onClick={() => setAppearance(appearance === 'dark' ? 'light' : 'dark')}
          >
            {appearance === 'dark' ? <Sun size={16} /> : <Moon size={16} />}
          </IconButton>
        </Tooltip>
      </Flex>
      {searching !== undefined && (
        <Suspense fallback={null}>
          <Palette place={place} open={searching} onOpen={setSearching} />
        </Suspense>
      )}
    </aside>
  );
}

/** Calls `open` for Ctrl-K and Cmd-K. @returns what ends that */
function onPaletteKey(open: () => void): () => void {
  const onKey = (event: KeyboardEvent): void => {
    if (event.key !== 'k' || !(event.metaKey || event.ctrlKey)) return;
    event.preventDefault();
    open();
  };
  globalThis.addEventListener('keydown', onKey);
  return () => globalThis.removeEventListener('keydown', onKey);
}

interface SwitcherProps {
  readonly label: string;
  readonly value: string;
  readonly names: readonly string[];
  readonly onChoose: (name: string) => void;
}

function Switcher({ label, value, names, onChoose }: SwitcherProps) {
  return (
    <Select.Root value={value} onValueChange={onChoose} disabled={names.length === 0}>
      <Select.Trigger aria-label={label} variant="surface" placeholder={label} />
      <Select.Content>
        <Select.Group>
          <Select.Label>{label}</Select.Label>
          {names.map((name) => (
            <Select.Item key={name} value={name}>
              {name}
            </Select.Item>
          ))}
        </Select.Group>
      </Select.Content>
    </Select.Root>
  );
}
