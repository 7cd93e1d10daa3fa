import { useMutation, useQuery } from '@connectrpc/connect-query';
import type { Agent } from '@truffle/api/agent/v1/agent';
import { ImageService, ImportState, type ImageImport } from '@truffle/api/orchestration/v1/image_service';
import { Badge, Flex, Spinner, Text } from '@radix-ui/themes';
import { useState } from 'react';
import { texts } from '../../texts/texts.ts';
import { Choice } from '../../ui/choice.tsx';
import { FailureNotice } from '../../ui/failure.tsx';
import { Field } from '../../ui/field.tsx';
import { FormDialog } from '../../ui/form-dialog.tsx';
import { Act } from '../../ui/may.tsx';
import { Notice } from '../../ui/notice.tsx';
import { bytes } from '../../ui/bytes.ts';

const text = texts.agent.imports;
/** How often an import is looked at that runs: what it does just now is in no event. */
const lookMs = 2_000;
const anyNode = 'any';
const none = { image: '', url: '', sha256: '', node: anyNode };

/** Has the site make a template of an image that it downloads, and shows how that goes. */
export function ImportImage({ agent }: { readonly agent: Agent }) {
  const { id: agentId, inventory } = agent;
  const begin = useMutation(ImageService.method.importImage);
  const [value, setValue] = useState(none);
  const set = (patch: Partial<typeof none>): void => setValue({ ...value, ...patch });
  const image = begin.data?.import?.image ?? '';
  const nodes = (inventory?.nodes ?? []).map(({ name }) => ({ value: name, label: name }));
  return (
    <Flex direction="column" gap="3">
      <div>
        <FormDialog
          title={text.title}
          hint={text.hint}
          trigger={
            <Act permission="image.import" on={agentId} variant="soft">
              {text.title}
            </Act>
          }
          action={text.begin}
          pending={begin.isPending}
          error={begin.error}
          onOpen={() => {
            begin.reset();
            setValue(none);
          }}
          onSend={() =>
            begin.mutateAsync({ agentId, ...value, storage: '', node: value.node === anyNode ? '' : value.node })
          }
        >
          <Field
            label={text.image}
            hint={text.imageHint}
            name="image"
            required
            pattern="[a-z0-9]([a-z0-9.\-]{0,61}[a-z0-9])?"
            value={value.image}
            onChange={(event) => set({ image: event.target.value })}
          />
          <Field
            label={text.url}
            name="url"
            type="url"
            required
            value={value.url}
            onChange={(event) => set({ url: event.target.value })}
          />
          <Field
            label={text.sha256}
            hint={text.sha256Hint}
            name="sha256"
            required
            pattern="[0-9a-fA-F]{64}"
            value={value.sha256}
            onChange={(event) => set({ sha256: event.target.value.toLowerCase() })}
          />
          <Choice
            label={text.node}
            value={value.node}
            options={[{ value: anyNode, label: text.anyNode }, ...nodes]}
            onChange={(node) => set({ node })}
          />
        </FormDialog>
      </div>
      {image !== '' && <Progress agentId={agentId} image={image} />}
    </Flex>
  );
}

function Progress({ agentId, image }: { readonly agentId: string; readonly image: string }) {
  const { data, error } = useQuery(
    ImageService.method.getImageImport,
    { agentId, image },
    { refetchInterval: ({ state }) => (state.data?.import?.state === ImportState.RUNNING ? lookMs : false) },
  );
  if (error !== null) return <Notice error={error} />;
  return data?.import === undefined ? <Spinner /> : <Standing of={data.import} />;
}

function Standing({ of: { image, state, detail, node, vmid, diskBytes, failure } }: { readonly of: ImageImport }) {
  const colors = { [ImportState.SUCCEEDED]: 'green', [ImportState.FAILED]: 'red' } as const;
  return (
    <div role="status" className="panel">
      <Flex gap="3" align="center" wrap="wrap">
        <Text size="2" weight="medium">
          {image}
        </Text>
        <Badge highContrast color={(colors as Readonly<Record<number, 'green' | 'red'>>)[state] ?? 'blue'}>
          {text.states[state]}
        </Badge>
        <Text size="2" color="gray">
          {[detail, vmid === 0 ? '' : `${node} · ${vmid}`, diskBytes === 0n ? '' : bytes(diskBytes)]
            .filter((each) => each !== '')
            .join(' · ')}
        </Text>
      </Flex>
      <FailureNotice failure={failure} />
    </div>
  );
}
