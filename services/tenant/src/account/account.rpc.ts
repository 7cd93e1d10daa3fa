import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import type { AccountService } from '@truffle/api/tenant/v1/account_service';
import { callerOf } from '@truffle/kit';
import { whoIs } from '../identity/who-is.usecases.ts';
import { organizationMessage } from '../organization/organization.codec.ts';
import type { TenantParts } from '../parts.ts';
import { projectMessage } from '../project/project.codec.ts';
import { workspaceMessage } from '../workspace/workspace.codec.ts';
import { replacing } from '../session/replaced.usecases.ts';
import { userMessage } from './account.codec.ts';
import { changePassword, signIn, signOut } from './account.usecases.ts';
import { signUp } from './sign-up.usecases.ts';

export const accountRpc = (parts: TenantParts): ServiceImpl<typeof AccountService> => ({
  signUp: async (request, context) => {
    const caller = callerOf(context);
    const opened = await signUp(parts, caller, request);
    if (opened === undefined) return { verificationSent: true };
    const made = await replacing(parts, caller, context.requestHeader, opened);
    const { organization, workspace, project } = made;
    return {
      user: userMessage(made.user),
      sessionToken: made.sessionToken,
      ...(organization && { organization: organizationMessage(organization) }),
      ...(workspace && { workspace: workspaceMessage(workspace) }),
      ...(project && { project: projectMessage(project) }),
    };
  },
  signIn: async (request, context) => {
    const caller = callerOf(context);
    const opened = await signIn(parts, caller, request.email, request.password);
    const made = await replacing(parts, caller, context.requestHeader, opened);
    return {
      user: userMessage(made.user),
      sessionToken: made.sessionToken,
      expiresAt: timestampFromDate(made.expiresAt),
    };
  },
  signOut: async (_request, context) => {
    await signOut(parts, callerOf(context));
    return {};
  },
  whoAmI: async (_request, context) => whoIs(parts, callerOf(context)),
  changePassword: async (request, context) => {
    await changePassword(parts, callerOf(context), request.oldPassword, request.newPassword);
    return {};
  },
});
