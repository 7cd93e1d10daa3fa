import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import { AccessVerdict, type AccessReasonSchema } from '@truffle/api/tenant/v1/access';
import type { AccessService } from '@truffle/api/tenant/v1/access_service';
import { pageOf } from '@truffle/database';
import { callerOf, InvalidProblem, type GrantVerdict } from '@truffle/kit';
import type { TenantParts } from '../parts.ts';
import type { Explanation, Reason } from './access.ts';
import { explainOther, explainOwn, whoCan } from './access.usecases.ts';
import { permissionCatalogue } from './catalogue.ts';

const verdicts: Readonly<Record<GrantVerdict, AccessVerdict>> = {
  allows: AccessVerdict.ALLOWS,
  denies: AccessVerdict.DENIES,
  'other-permissions': AccessVerdict.OTHER_PERMISSIONS,
  elsewhere: AccessVerdict.ELSEWHERE,
  'not-yet': AccessVerdict.NOT_YET,
  expired: AccessVerdict.EXPIRED,
  narrowed: AccessVerdict.NARROWED,
};

const reasonMessage = (reason: Reason): MessageInitShape<typeof AccessReasonSchema> => ({
  binding: reason.binding,
  groupName: reason.groupName,
  roleName: reason.roleName,
  verdict: verdicts[reason.verdict],
});

const explanation = ({ allowed, summary, reasons }: Explanation) => ({
  allowed,
  summary,
  reasons: reasons.slice(0, mostReasons).map(reasonMessage),
});

/** Bindings that an answer shows: those that decide come first. */
const mostReasons = 100;

export const accessRpc = (parts: TenantParts): ServiceImpl<typeof AccessService> => ({
  listPermissions: () => ({
    permissions: permissionCatalogue().map(({ name, sentences, roles }) => ({
      name,
      sentences: [...sentences],
      roles: [...roles],
    })),
  }),
  explainOwnAccess: async (request, context) =>
    explanation(await explainOwn(parts, callerOf(context), request.permission, request.resourceId)),
  explainAccess: async ({ subject, email, permission, resourceId }, context) => {
    if ((subject === '') === (email === ''))
      throw new InvalidProblem([
        { field: 'subject', description: 'say either subject or email', reason: 'ONE_OF_SUBJECT_AND_EMAIL' },
      ]);
    return explanation(await explainOther(parts, callerOf(context), { subject, email, permission, resourceId }));
  },
  whoCan: async ({ permission, resourceId, page: wanted }, context) => {
    const page = pageOf(wanted);
    const found = await whoCan(parts, callerOf(context), { permission, resourceId, after: page.after }, page.limit + 1);
    const { rows, next } = page.cut(found, (holder) => holder.subject);
    const holders = rows.map(({ subject, displayName, reasons }) => ({
      subject,
      displayName,
      reasons: reasons.map(reasonMessage),
    }));
    return { holders, page: { next } };
  },
});
