import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { pathToString } from '@bufbuild/protobuf/reflect';
import { createValidator } from '@bufbuild/protovalidate';
import { InvalidProblem } from './problem.ts';

const validator = createValidator();

/** Checks a request against the bounds that its proto states. @throws InvalidProblem naming every field that is wrong */
export function validate<D extends DescMessage>(schema: D, message: MessageShape<D>): void {
  const result = validator.validate(schema, message);
  if (result.kind === 'valid') return;
  if (result.kind === 'error') throw result.error;
  throw new InvalidProblem(
    result.violations.map((violation) => ({
      field: pathToString(violation.field),
      description: violation.message,
      reason: violation.ruleId.toUpperCase().replaceAll(/[^A-Z0-9]+/g, '_'),
    })),
  );
}
