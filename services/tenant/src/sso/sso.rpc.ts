import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { LinkedIdentitySchema, type LinkedIdentity, type SsoService } from '@truffle/api/tenant/v1/sso_service';
import { pageOf } from '@truffle/database';
import { callerOf, InvalidProblem } from '@truffle/kit';
import { userMessage } from '../account/account.codec.ts';
import { demandPerson } from '../account/person.usecases.ts';
import type { TenantParts } from '../parts.ts';
import { replacing } from '../session/replaced.usecases.ts';
import { listIdentities, type LinkedIdentityRow } from './linked-identity.repo.ts';
import { beginLink, beginSignIn, finishLink, finishSignIn, unlink, type BegunFlow } from './sso.usecases.ts';

export const ssoRpc = (parts: TenantParts): ServiceImpl<typeof SsoService> => ({
  beginSignIn: async ({ by, fresh }) => {
    if (by.case === undefined) throw new InvalidProblem([{ field: 'by', description: 'is required' }]);
    const wanted = by.case === 'email' ? { email: by.value } : { connectionId: by.value };
    return begunMessage(await beginSignIn(parts, wanted, fresh));
  },
  finishSignIn: async (request, context) => {
    const caller = callerOf(context);
    const made = await finishSignIn(parts, caller, request);
    const opened = await replacing(parts, caller, context.requestHeader, made);
    return {
      user: userMessage(opened.user),
      sessionToken: opened.sessionToken,
      expiresAt: timestampFromDate(opened.expiresAt),
      orgId: opened.orgId,
    };
  },
  beginLink: async ({ connectionId }, context) => begunMessage(await beginLink(parts, callerOf(context), connectionId)),
  finishLink: async (request, context) => ({
    identity: identityMessage(await finishLink(parts, callerOf(context), request)),
  }),
  listIdentities: async (request, context) => {
    const { user } = await demandPerson(parts, callerOf(context));
    const page = pageOf(request.page);
    const found = await parts.identity.anywhere((tx) => listIdentities(tx, user.id, page.after, page.limit + 1));
    const { rows, next } = page.cut(found, (row) => row.id);
    return { identities: rows.map(identityMessage), page: { next } };
  },
  unlink: async ({ identityId }, context) => {
    await unlink(parts, callerOf(context), identityId);
    return {};
  },
});

const begunMessage = ({ url, binding, expiresAt }: BegunFlow) => ({
  url,
  binding,
  expiresAt: timestampFromDate(expiresAt),
});

const identityMessage = (row: LinkedIdentityRow): LinkedIdentity =>
  create(LinkedIdentitySchema, {
    id: row.id,
    orgId: row.org_id,
    connectionId: row.connection_id,
    issuer: row.issuer,
    subject: row.subject,
    createdAt: timestampFromDate(row.created_at),
    lastUsedAt: timestampFromDate(row.last_used_at),
  });
