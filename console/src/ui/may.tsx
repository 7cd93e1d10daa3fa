import { Code, ConnectError } from '@connectrpc/connect';
import { createQueryOptions, useTransport } from '@connectrpc/connect-query';
import { Button, Tooltip, type ButtonProps } from '@radix-ui/themes';
import { useQueries } from '@tanstack/react-query';
import { AccessService } from '@truffle/api/tenant/v1/access_service';
import { texts } from '../texts/texts.ts';

/** Whether the caller may do something; `why` is for who may not. */
export interface Leave {
  readonly may: boolean;
  readonly why: string;
}

/**
 * Asks the server whether the caller may. Until it has answered they may: it is asked again by the call itself.
 * @param on id of what it is asked on, empty for not yet known; of several, one that they may is enough
 */
export function useMay(permission: string, on: string | readonly string[]): Leave {
  const transport = useTransport();
  const ids = (typeof on === 'string' ? [on] : on).filter((id) => id !== '').slice(0, mostAsked);
  return useQueries({
    queries: ids.map((resourceId) => ({
      ...createQueryOptions(AccessService.method.explainOwnAccess, { permission, resourceId }, { transport }),
    })),
    combine: (answers) => {
      const missing = (error: Error | null): boolean =>
        error !== null && ConnectError.from(error).code === Code.NotFound;
      const refused =
        answers.length > 0 && answers.every(({ data, error }) => data?.allowed === false || missing(error));
      return {
        may: !refused,
        why: answers.find(({ data }) => data !== undefined)?.data?.summary ?? texts.may.nothing,
      };
    },
  });
}

/** Of more places than this the first ones stand for all. */
const mostAsked = 10;

type ActProps = ButtonProps & {
  /** `<noun>.<verb>`. */
  readonly permission: string;
  /** Id of what it is asked on; of several, one that they may is enough. */
  readonly on: string | readonly string[];
};

/** A button for what needs a permission. Who has it not can reach it, and reads why it does nothing. */
export function Act({ permission, on, ...button }: ActProps) {
  const { may, why } = useMay(permission, on);
  if (may) return <Button {...button} />;
  return (
    <Tooltip content={why}>
      <Button {...button} {...inert} color="gray" variant="soft" aria-disabled className="denied" title={why} />
    </Tooltip>
  );
}

/** Also what a dialog's trigger put on the button: none of it happens. */
const inert = {
  type: 'button',
  onClick: undefined,
  onPointerDown: undefined,
  onKeyDown: undefined,
  'aria-haspopup': undefined,
  'aria-expanded': undefined,
  'aria-controls': undefined,
} as const;
