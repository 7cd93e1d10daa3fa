import {
  Boxes,
  FolderTree,
  HardDrive,
  KeyRound,
  LayoutDashboard,
  LayoutTemplate,
  ListChecks,
  ScrollText,
  Server,
  ShieldCheck,
  type LucideIcon,
} from 'lucide-react';
import { texts } from '../texts/texts.ts';

/** The pages that one gets to from everywhere: by the rail and by the palette. */
export const organizationPages = [
  { to: '/o/$org', title: texts.dashboard.title, icon: LayoutDashboard, exact: true },
  { to: '/o/$org/sites', title: texts.agent.many, icon: Server, exact: false },
  { to: '/o/$org/projects', title: texts.project.many, icon: FolderTree, exact: false },
  { to: '/o/$org/access', title: texts.access.title, icon: KeyRound, exact: false },
  { to: '/o/$org/security', title: texts.security.title, icon: ShieldCheck, exact: false },
  { to: '/o/$org/audit', title: texts.audit.title, icon: ScrollText, exact: false },
] as const satisfies readonly {
  readonly to: string;
  readonly title: string;
  readonly icon: LucideIcon;
  readonly exact: boolean;
}[];

/** Those of a project. */
export const projectPages = [
  { to: '/o/$org/p/$project/clusters', title: texts.cluster.many, icon: Boxes },
  { to: '/o/$org/p/$project/servers', title: texts.server.many, icon: HardDrive },
  { to: '/o/$org/p/$project/templates', title: texts.template.many, icon: LayoutTemplate },
  { to: '/o/$org/p/$project/operations', title: texts.operation.many, icon: ListChecks },
] as const satisfies readonly { readonly to: string; readonly title: string; readonly icon: LucideIcon }[];
