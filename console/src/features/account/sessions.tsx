import { useMutation, useQuery } from '@connectrpc/connect-query';
import type { Session } from '@truffle/api/tenant/v1/session';
import { SessionService } from '@truffle/api/tenant/v1/session_service';
import { Badge, Button, Flex, Text } from '@radix-ui/themes';
import { useQueryClient } from '@tanstack/react-query';
import { texts } from '../../texts/texts.ts';
import { Notice } from '../../ui/notice.tsx';
import { Ago } from '../../ui/time.tsx';
import { Section } from './section.tsx';
import { programOf } from './user-agent.ts';

const text = texts.account.sessions;

/** Where the person is signed in. */
export function Sessions() {
  const client = useQueryClient();
  const onSuccess = (): void => void client.invalidateQueries();
  const { data, error } = useQuery(SessionService.method.listSessions, { page: { size: 100 } });
  const revoke = useMutation(SessionService.method.revokeSession, { onSuccess });
  const revokeOthers = useMutation(SessionService.method.revokeOtherSessions, { onSuccess });
  const sessions = data?.sessions ?? [];
  const failed = error ?? revoke.error ?? revokeOthers.error;
  return (
    <Section
      title={text.title}
      actions={
        sessions.length > 1 && (
          <Button variant="soft" color="red" loading={revokeOthers.isPending} onClick={() => revokeOthers.mutate({})}>
            {text.endOthers}
          </Button>
        )
      }
    >
      {failed !== null && <Notice error={failed} />}
      {sessions.map((session) => (
        <Line key={session.id} session={session} onEnd={() => revoke.mutate({ sessionId: session.id })} />
      ))}
    </Section>
  );
}

function Line({ session, onEnd }: { readonly session: Session; readonly onEnd: () => void }) {
  const { address, userAgent, current, createdAt, lastSeenAt } = session;
  const program = programOf(userAgent) || text.unknown;
  return (
    <Flex justify="between" align="center" gap="3">
      <Flex direction="column">
        <Text size="2" weight="medium" title={userAgent}>
          {program}{' '}
          {current && (
            <Badge highContrast color="green">
              {text.current}
            </Badge>
          )}
        </Text>
        <Text size="1" color="gray">
          {address} · {text.begun} <Ago at={createdAt} /> · {text.seen} <Ago at={lastSeenAt} />
        </Text>
      </Flex>
      {!current && (
        <Button variant="soft" color="gray" onClick={onEnd} aria-label={text.endOf(program)}>
          {text.end}
        </Button>
      )}
    </Flex>
  );
}
