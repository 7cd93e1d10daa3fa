import { limits } from './limits.ts';
import { isPattern, longestMatched, matchesPattern } from './pattern.ts';
import type { Scalar } from './template.ts';

/** What a value must conform to: a parameter or what an array holds. */
export interface Constraints {
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'array';
  readonly enum?: readonly Scalar[] | undefined;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly items?: Constraints;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly secret?: boolean;
}

/** Why a value does not conform. */
export interface Nonconformity {
  readonly message: string;
  readonly expected: string;
}

/** Checks a value against a parameter's constraints. A secret's value is never repeated. @returns undefined when it conforms */
export function checkValue(constraints: Constraints, value: unknown): Nonconformity | undefined {
  const shown = constraints.secret === true ? 'the secret' : short(value);
  if (!isOfType(constraints.type, value))
    return { message: `${shown} is not of type ${constraints.type}`, expected: `a value of type ${constraints.type}` };
  if (constraints.enum !== undefined && !constraints.enum.some((choice) => choice === value)) {
    return { message: `${shown} is not one of the choices`, expected: `one of ${constraints.enum.join(', ')}` };
  }
  if (typeof value === 'number') return checkNumber(constraints, value);
  if (typeof value === 'string') return checkString(constraints, value, shown);
  return Array.isArray(value) ? checkList(constraints, value) : undefined;
}

function isOfType(type: Constraints['type'], value: unknown): boolean {
  switch (type) {
    case 'string':
    case 'boolean':
      return typeof value === type;
    case 'integer':
      return Number.isSafeInteger(value);
    case 'number':
      return typeof value === 'number' && Number.isFinite(value);
    case 'array':
      return Array.isArray(value);
  }
}

function checkNumber(
  { minimum = -Infinity, maximum = Infinity }: Constraints,
  value: number,
): Nonconformity | undefined {
  if (value >= minimum && value <= maximum) return undefined;
  const bounds = [
    minimum === -Infinity ? '' : `at least ${minimum}`,
    maximum === Infinity ? '' : `at most ${maximum}`,
  ].filter((each) => each !== '');
  return { message: `${value} is out of bounds`, expected: bounds.join(' and ') };
}

function checkString(
  { minLength = 0, maxLength = limits.textLength, pattern }: Constraints,
  value: string,
  shown: string,
): Nonconformity | undefined {
  if (value.length < minLength || value.length > maxLength) {
    return { message: `${shown} has ${value.length} characters`, expected: `${minLength} to ${maxLength} characters` };
  }
  if (!value.isWellFormed() || value.includes('\0'))
    return { message: `${shown} holds characters that are no text`, expected: 'text' };
  if (pattern === undefined || !isPattern(pattern)) return undefined;
  const longest = longestMatched(pattern);
  if (value.length > longest)
    return {
      message: `${shown} is too long for its pattern`,
      expected: `at most ${longest} characters`,
    };
  if (!matchesPattern(pattern, value))
    return { message: `${shown} does not match the pattern`, expected: `text that matches ${pattern}` };
  return undefined;
}

function checkList(
  { items, minItems = 0, maxItems = 100 }: Constraints,
  value: readonly unknown[],
): Nonconformity | undefined {
  if (value.length < minItems || value.length > maxItems)
    return { message: `The list has ${value.length} items`, expected: `${minItems} to ${maxItems} items` };
  if (items === undefined) return undefined;
  return value.map((item) => checkValue(items, item)).find((each) => each !== undefined);
}

function short(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
