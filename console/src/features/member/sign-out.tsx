import { useMutation } from '@connectrpc/connect-query';
import { MemberSessionService } from '@truffle/api/tenant/v1/member_session_service';
import { texts } from '../../texts/texts.ts';
import { Confirm } from '../../ui/confirm.tsx';
import { Act } from '../../ui/may.tsx';
import { Notice } from '../../ui/notice.tsx';

const text = texts.access;

interface SignOutProps {
  readonly orgId: string;
  readonly subject: string;
  /** How the person is called. */
  readonly who: string;
}

/** Ends a member's sessions as far as the organization goes. */
export function SignOut({ orgId, subject, who }: SignOutProps) {
  const end = useMutation(MemberSessionService.method.signOutMember);
  return (
    <>
      <Confirm
        title={text.signOutTitle}
        message={text.signOutHint(who)}
        action={text.signOut}
        onConfirm={() => end.mutate({ orgId, subject })}
      >
        <Act permission="member.sign_out" on={orgId} size="1" variant="soft" color="red">
          {text.signOut}
        </Act>
      </Confirm>
      {end.error !== null && <Notice error={end.error} />}
    </>
  );
}
