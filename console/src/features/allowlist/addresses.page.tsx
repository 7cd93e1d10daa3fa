import { useQuery } from '@connectrpc/connect-query';
import { Text } from '@radix-ui/themes';
import { AllowlistService } from '@truffle/api/tenant/v1/allowlist_service';
import { usePlace } from '../../app/place.tsx';
import { texts } from '../../texts/texts.ts';
import { Notice } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { AllowlistForm } from './allowlist-form.tsx';

const text = texts.security;

/** Which addresses the organization is used from. */
export default function AddressesPage() {
  const { organization } = usePlace();
  const orgId = organization?.id ?? '';
  const { data, error, refetch } = useQuery(AllowlistService.method.getAllowlist, { orgId }, { enabled: orgId !== '' });
  return (
    <Page title={text.addresses}>
      <Text color="gray" size="2">
        {text.addressesHint}
      </Text>
      {error !== null && <Notice error={error} retry={() => void refetch()} />}
      {data?.allowlist !== undefined && (
        <AllowlistForm key={orgId} allowlist={data.allowlist} callerAddress={data.callerAddress} />
      )}
    </Page>
  );
}
