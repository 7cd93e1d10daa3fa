import { useMutation } from '@connectrpc/connect-query';
import { DeviceService } from '@truffle/api/tenant/v1/device_service';
import { Button, Code, Flex, Text } from '@radix-ui/themes';
import { useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { texts } from '../../texts/texts.ts';
import { Field } from '../../ui/field.tsx';
import { Notice } from '../../ui/notice.tsx';
import { Entrance } from './entrance.tsx';

/** Where a person lets a program in that shows a code: who asks is shown first. */
export default function DevicePage() {
  const { code } = useSearch({ from: '/device' });
  const [userCode, setUserCode] = useState(code);
  const find = useMutation(DeviceService.method.getDeviceLogin);
  const approve = useMutation(DeviceService.method.approveDeviceLogin);
  const deny = useMutation(DeviceService.method.denyDeviceLogin);
  const error = approve.error ?? deny.error ?? find.error;
  if (approve.isSuccess || deny.isSuccess)
    return (
      <Entrance title={texts.account.device} onSubmit={() => undefined}>
        <Text role="status">{approve.isSuccess ? texts.account.deviceApproved : texts.account.deviceDenied}</Text>
      </Entrance>
    );
  return (
    <Entrance
      title={texts.account.device}
      onSubmit={(value) => {
        setUserCode(value('code'));
        find.mutate({ userCode: value('code') });
      }}
    >
      {error !== null && <Notice error={error} />}
      {find.data === undefined ? (
        <>
          <Field
            label={texts.account.deviceCode}
            hint={texts.account.deviceHint}
            name="code"
            defaultValue={code}
            autoComplete="off"
            required
            autoFocus
          />
          <Button loading={find.isPending} type="submit">
            {texts.account.deviceFind}
          </Button>
        </>
      ) : (
        <>
          <Text>{texts.account.deviceAsks}</Text>
          <Code>{find.data.userAgent || '-'}</Code>
          <Code>{find.data.address || '-'}</Code>
          <Flex gap="3">
            <Button type="button" loading={approve.isPending} onClick={() => approve.mutate({ userCode })}>
              {texts.account.deviceApprove}
            </Button>
            <Button type="button" color="red" variant="soft" onClick={() => deny.mutate({ userCode })}>
              {texts.account.deviceDeny}
            </Button>
          </Flex>
        </>
      )}
    </Entrance>
  );
}
