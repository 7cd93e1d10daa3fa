import { Dialog, VisuallyHidden } from '@radix-ui/themes';
import { useNavigate } from '@tanstack/react-router';
import { Command } from 'cmdk';
import { texts } from '../texts/texts.ts';
import { organizationPages, projectPages } from './pages.ts';
import type { Place } from './place.tsx';

interface PaletteProps {
  readonly place: Place;
  readonly open: boolean;
  readonly onOpen: (open: boolean) => void;
}

/** Everything that one can go to, by its name. */
export default function Palette({ place, open, onOpen }: PaletteProps) {
  const navigate = useNavigate();
  const org = place.organization?.name ?? '';
  const project = place.project?.name;
  const go = (act: () => Promise<void>): void => {
    onOpen(false);
    void act();
  };
  return (
    <Dialog.Root open={open} onOpenChange={onOpen}>
      <Dialog.Content maxWidth="520px" style={{ padding: 0 }} aria-describedby={undefined}>
        <VisuallyHidden>
          <Dialog.Title>{texts.palette.title}</Dialog.Title>
        </VisuallyHidden>
        <Command label={texts.palette.title} loop>
          <Command.Input placeholder={texts.palette.placeholder} autoFocus />
          <Command.List>
            <Command.Empty>{texts.palette.nothing}</Command.Empty>
            <Command.Group heading={texts.palette.pages}>
              {organizationPages.map(({ to, title }) => (
                <Command.Item key={to} onSelect={() => go(() => navigate({ to, params: { org } }))}>
                  {title}
                </Command.Item>
              ))}
              {project !== undefined &&
                projectPages.map(({ to, title }) => (
                  <Command.Item key={to} onSelect={() => go(() => navigate({ to, params: { org, project } }))}>
                    {title}
                  </Command.Item>
                ))}
            </Command.Group>
            <Command.Group heading={texts.palette.projects}>
              {place.projects.map(({ id, name }) => (
                <Command.Item
                  key={id}
                  onSelect={() => go(() => navigate({ to: '/o/$org/p/$project', params: { org, project: name } }))}
                >
                  {name}
                </Command.Item>
              ))}
            </Command.Group>
          </Command.List>
        </Command>
      </Dialog.Content>
    </Dialog.Root>
  );
}
