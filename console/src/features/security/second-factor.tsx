import { useMutation } from '@connectrpc/connect-query';
import { Card, Flex, Text } from '@radix-ui/themes';
import { OrganizationService } from '@truffle/api/tenant/v1/tenancy_service';
import { useQueryClient } from '@tanstack/react-query';
import { usePlace } from '../../app/place.tsx';
import { texts } from '../../texts/texts.ts';
import { Confirm } from '../../ui/confirm.tsx';
import { Act } from '../../ui/may.tsx';
import { Notice } from '../../ui/notice.tsx';

const text = texts.security;

/** Whether people reach the organization only with a second factor. */
export function SecondFactor() {
  const { organization } = usePlace();
  const client = useQueryClient();
  const set = useMutation(OrganizationService.method.requireSecondFactor, {
    onSuccess: () => client.invalidateQueries(),
  });
  if (organization === undefined) return null;
  const { id, secondFactorRequired: required } = organization;
  return (
    <Card>
      <Flex justify="between" align="center" gap="4" wrap="wrap">
        <div>
          <Text as="div" weight="medium">
            {required ? text.factorRequired : text.factorOptional}
          </Text>
          <Text as="div" size="2" color="gray">
            {text.factorHint}
          </Text>
        </div>
        <Confirm
          title={required ? text.factorDrop : text.factorDemand}
          message={required ? text.factorDropHint : text.factorDemandHint}
          action={required ? text.factorDrop : text.factorDemand}
          onConfirm={() => set.mutate({ orgId: id, required: !required })}
        >
          <Act permission="organization.secure" on={id} variant="soft" loading={set.isPending}>
            {required ? text.factorDrop : text.factorDemand}
          </Act>
        </Confirm>
      </Flex>
      {set.error !== null && <Notice error={set.error} />}
    </Card>
  );
}
