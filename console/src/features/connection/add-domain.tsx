import { useMutation } from '@connectrpc/connect-query';
import { Flex, Text } from '@radix-ui/themes';
import type { Connection } from '@truffle/api/tenant/v1/connection';
import { ConnectionService } from '@truffle/api/tenant/v1/connection_service';
import { useState } from 'react';
import { texts } from '../../texts/texts.ts';
import { Copy } from '../../ui/copy.tsx';
import { Field } from '../../ui/field.tsx';
import { FormDialog } from '../../ui/form-dialog.tsx';
import { Act } from '../../ui/may.tsx';

const text = texts.security;

/** Says that a domain's people sign in by a connection, and which DNS record proves that it is the organization's. */
export function AddDomain({ connection }: { readonly connection: Connection }) {
  const [domain, setDomain] = useState('');
  const add = useMutation(ConnectionService.method.addDomain);
  const added = add.data?.domain;
  return (
    <FormDialog
      title={text.addDomainTo(connection.name)}
      hint={text.addDomainHint}
      trigger={
        <Act
          permission="connection.manage"
          on={connection.orgId}
          size="1"
          variant="soft"
          aria-label={text.addDomainTo(connection.name)}
        >
          {text.addDomain}
        </Act>
      }
      action={text.addDomain}
      pending={add.isPending}
      error={add.error}
      onOpen={() => {
        add.reset();
        setDomain('');
      }}
      onSend={() => add.mutateAsync({ connectionId: connection.id, domain })}
      result={
        added === undefined ? undefined : (
          <Flex direction="column" gap="3">
            <Text size="2">{text.putRecord}</Text>
            <Copy text={`${added.recordName} TXT "${added.recordValue}"`} />
          </Flex>
        )
      }
    >
      <Field
        label={text.domain}
        name="domain"
        required
        placeholder="acme.example"
        value={domain}
        onChange={(event) => setDomain(event.target.value)}
      />
    </FormDialog>
  );
}
