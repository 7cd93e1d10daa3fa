import { ScalarType, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { pathToString, reflect, type ReflectMessage } from '@bufbuild/protobuf/reflect';
import { createValidator } from '@bufbuild/protovalidate';
import { InvalidProblem } from './problem.ts';

const validator = createValidator();

/** Checks a request against the bounds that its proto states. @throws InvalidProblem naming every field that is wrong */
export function validate<D extends DescMessage>(schema: D, message: MessageShape<D>): void {
  const nul = fieldWithNul(reflect(schema, message));
  if (nul !== undefined)
    throw new InvalidProblem([{ field: nul, description: 'must not contain the character NUL', reason: 'STRING_NUL' }]);
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

/** The path of a text with NUL, which no database takes; undefined when there is none. Free-form values are their readers' to check. */
function fieldWithNul(message: ReflectMessage): string | undefined {
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    if (field.fieldKind === 'scalar' && field.scalar === ScalarType.STRING) {
      if (message.get(field).includes('\0')) return field.name;
    } else if (field.fieldKind === 'message') {
      const inner = fieldWithNul(message.get(field));
      if (inner !== undefined) return `${field.name}.${inner}`;
    } else if (field.fieldKind === 'list' && field.listKind === 'scalar' && field.scalar === ScalarType.STRING) {
      for (const [at, text] of [...message.get(field)].entries())
        if (typeof text === 'string' && text.includes('\0')) return `${field.name}[${at}]`;
    } else if (field.fieldKind === 'list' && field.listKind === 'message') {
      for (const [at, each] of [...message.get(field)].entries()) {
        const inner = fieldWithNul(each as ReflectMessage);
        if (inner !== undefined) return `${field.name}[${at}].${inner}`;
      }
    }
  }
  return undefined;
}
