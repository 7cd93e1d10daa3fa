import type { DescMethod } from '@bufbuild/protobuf';
import type { HandlerContext } from '@connectrpc/connect';
import type { PageRequest } from '@truffle/api/type/v1/page';
import { OrderedPage, type Order, type Ordering } from '@truffle/database';
import { rulesOf } from './contract.ts';
import { InvalidProblem } from './problem.ts';

/** What a request for a list says of its order and page. */
interface OrderedRequest {
  /** `<field>` or `<field> desc` (AIP-132); empty for the list's own order. */
  readonly orderBy: string;
  readonly page?: PageRequest | undefined;
}

/** The order that `orderBy` names, of those that the method's options allow. @throws InvalidProblem naming them */
export function orderOf(method: DescMethod, orderBy: string): Order {
  const { orders } = rulesOf(method);
  const [field = '', direction, ...rest] = (orderBy.trim() || (orders[0] ?? '')).split(/\s+/);
  const fields = orders.map((each) => each.split(' ')[0] ?? '');
  const isDirection = direction === undefined || direction === 'desc' || direction === 'asc';
  if (!fields.includes(field) || !isDirection || rest.length > 0)
    throw new InvalidProblem([
      {
        field: 'order_by',
        description: `must be one of ${fields.join(', ')}; with " desc" behind it for the other way round`,
        reason: 'UNKNOWN_ORDER',
      },
    ]);
  return { field, descending: direction === 'desc' };
}

/** The page that `request` asks for, in its order. @param ordering has each field that the method's options name */
export const orderedPageOf = (
  { method }: Pick<HandlerContext, 'method'>,
  request: OrderedRequest,
  ordering: Ordering,
): OrderedPage => new OrderedPage(ordering, orderOf(method, request.orderBy), request.page);
