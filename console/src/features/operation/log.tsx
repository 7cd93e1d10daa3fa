import { timestampDate } from '@bufbuild/protobuf/wkt';
import { Flex, Text, TextField } from '@radix-ui/themes';
import { useState } from 'react';
import { texts } from '../../texts/texts.ts';
import { ScrollText } from '../../ui/scroll.tsx';
import { mostLines, useOperationLog } from './watch.ts';

interface OperationLogProps {
  readonly operationId: string;
  /** Only what is about this server; empty for all. */
  readonly serverId?: string;
}

/** What the steps of an operation wrote, live, with a search. */
export function OperationLog({ operationId, serverId = '' }: OperationLogProps) {
  const all = useOperationLog(operationId);
  const lines = serverId === '' ? all : all.filter((line) => line.serverId === serverId);
  const [wanted, setWanted] = useState('');
  const shown =
    wanted === '' ? lines : lines.filter(({ text, serverName }) => `${serverName} ${text}`.includes(wanted));
  return (
    <Flex direction="column" gap="2">
      <TextField.Root
        value={wanted}
        onChange={(event) => setWanted(event.target.value)}
        placeholder={texts.operation.searchLog}
        aria-label={texts.operation.searchLog}
      />
      <ScrollText label={texts.operation.log}>
        {shown.map(({ cursor, time, serverName, text }) => (
          <span key={cursor}>
            <span className="log-time">
              {time === undefined ? '' : timestampDate(time).toLocaleTimeString(texts.locale)}
            </span>{' '}
            {serverName !== '' && <strong>{serverName}</strong>} {text}
            {'\n'}
          </span>
        ))}
      </ScrollText>
      <Text size="1" color="gray">
        {lines.length >= mostLines ? texts.operation.cut(mostLines) : texts.operation.lines(shown.length)}
      </Text>
    </Flex>
  );
}
