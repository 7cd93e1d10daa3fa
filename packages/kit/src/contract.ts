import { getOption, type DescMessage, type DescMethod, type DescService } from '@bufbuild/protobuf';
import {
  Access,
  Audience,
  Idempotency,
  RateClass,
  rules as rulesOption,
  type MethodRules,
} from '@truffle/api/options/v1/method';
import { PageInfoSchema, PageRequestSchema } from '@truffle/api/type/v1/page';

/** A method's options are missing or contradict each other: the process must not start. */
export class ContractError extends Error {
  override readonly name = 'ContractError';
}

const seen = new WeakMap<DescMethod, MethodRules>();

/** The options of `method`. @throws ContractError when they are missing or contradict each other */
export function rulesOf(method: DescMethod): MethodRules {
  let rules = seen.get(method);
  if (rules === undefined) {
    rules = getOption(method, rulesOption);
    const problem = problemWith(rules, method);
    if (problem !== undefined) throw new ContractError(`${method.parent.typeName}/${method.name}: ${problem}`);
    seen.set(method, rules);
  }
  return rules;
}

/** Checks every method of `services`. @throws ContractError for the first that does not say what it must */
export function checkContract(services: readonly DescService[]): void {
  for (const service of services) for (const method of service.methods) rulesOf(method);
}

function problemWith(rules: MethodRules, method: DescMethod): string | undefined {
  if (rules.audience === Audience.UNSPECIFIED) return 'says no audience';
  if (rules.access === Access.UNSPECIFIED) return 'says no access';
  if (rules.rate === RateClass.UNSPECIFIED) return 'says no rate class';
  if (rules.idempotency === Idempotency.UNSPECIFIED) return 'says no idempotency';
  const wantsPermission = rules.access === Access.PERMISSION;
  if (wantsPermission !== (rules.permission !== '')) return 'names a permission if and only if access is by permission';
  if (wantsPermission !== (rules.resource !== '')) return 'names a resource if and only if access is by permission';
  if (wantsPermission && !method.input.fields.some((f) => f.name === rules.resource))
    return `has no field ${rules.resource}`;
  if (rules.audience === Audience.PUBLIC && rules.access === Access.SERVICE) return 'is public but for services';
  if (rules.stepUp && (rules.audience !== Audience.PUBLIC || rules.access === Access.ANONYMOUS))
    return 'wants a step-up of nobody who could give one';
  if (rules.stepUp && method.methodKind !== 'unary') return 'streams but wants a step-up';
  if (rules.filtered && (!wantsPermission || rules.idempotency !== Idempotency.SAFE))
    return 'is filtered but reads nothing by permission';
  if (rules.shared && (!wantsPermission || rules.idempotency !== Idempotency.SAFE))
    return 'is shared but reads nothing by permission';
  if (isPaged(method) && (method.methodKind !== 'unary' || !pagesOf(method.output, PageInfoSchema).includes('page')))
    return 'asks for a page but does not answer with one';
  if (pagesOf(method.input, PageRequestSchema).some((name) => name !== 'page'))
    return 'asks for a page elsewhere than in the field page';
  if (rules.orders.length > 0 !== method.input.fields.some(({ name }) => name === 'order_by'))
    return 'names orders if and only if its request has a field order_by';
  if (rules.orders.length > 0 && !isPaged(method)) return 'is ordered but not paged';
  if (rules.acting && rules.access !== Access.AUTHENTICATED) return 'says acting but is no method of a person';
  const writes = rules.idempotency !== Idempotency.SAFE;
  if (rules.audience === Audience.PUBLIC && writes && rules.audit === '' && rules.permission !== 'agent.ping')
    return 'writes but has no audit verb';
  return undefined;
}

/** Whether the method lists page after page. */
export const isPaged = (method: DescMethod): boolean => pagesOf(method.input, PageRequestSchema).includes('page');

/** Where in `message` there are messages of the type `page`, as paths. */
const pagesOf = (message: DescMessage, page: DescMessage, above: readonly DescMessage[] = []): string[] =>
  message.fields.flatMap((field) => {
    if (field.message === undefined || above.includes(field.message)) return [];
    if (field.message.typeName === page.typeName) return [field.name];
    return pagesOf(field.message, page, [...above, message]).map((path) => `${field.name}.${path}`);
  });
