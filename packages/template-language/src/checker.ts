import { type Expression, ExpressionError, type Node } from './expression.ts';
import { functions, methodsOnly, operators } from './functions.ts';
import { nearest } from './nearest.ts';
import { bool, double, dyn, either, fits, int, list, nameOf, string, type Type } from './types.ts';

export type Scope = ReadonlyMap<string, Type>;

/** What a check found out. */
export interface Checked {
  readonly type: Type;
  /** What is read, such as `params.replicas` and `outputs.url`. */
  readonly references: ReadonlySet<string>;
}

/**
 * Finds an expression's type and refuses what cannot work: unknown names, operators and functions on wrong types, secrets where they must not be read.
 * @throws ExpressionError
 */
export function checkExpression(expression: Expression, scope: Scope): Checked {
  const references = new Set<string>();
  const checker = new Checker(expression, references);
  return { type: checker.infer(expression.root, scope), references };
}

class Checker {
  readonly #expression: Expression;
  readonly #references: Set<string>;

  constructor(expression: Expression, references: Set<string>) {
    this.#expression = expression;
    this.#references = references;
  }

  infer(node: Node, scope: Scope): Type {
    const kind = node.exprKind;
    switch (kind.case) {
      case 'constExpr':
        return this.#constant(node, kind.value.constantKind.case);
      case 'identExpr':
        return this.#identifier(node, kind.value.name, scope);
      case 'selectExpr':
        return kind.value.testOnly
          ? this.#has(kind.value.operand, scope)
          : this.#select(node, kind.value.operand, kind.value.field, scope);
      case 'callExpr':
        return this.#call(
          node,
          kind.value.function,
          [...(kind.value.target === undefined ? [] : [kind.value.target]), ...kind.value.args],
          scope,
        );
      case 'listExpr':
        return list(
          kind.value.elements
            .map((each) => this.infer(each, scope))
            .reduce<Type | undefined>((a, b) => (a === undefined ? b : either(a, b)), undefined) ?? dyn,
        );
      case 'structExpr':
        return this.#struct(node, kind.value, scope);
      case 'comprehensionExpr':
        return this.#loop(node, kind.value, scope);
      default:
        return dyn;
    }
  }

  #fail(
    code: 'EXPRESSION_TYPE' | 'UNKNOWN_REFERENCE' | 'SECRET_EXPOSED' | 'EXPRESSION_NOT_ALLOWED',
    node: Node,
    message: string,
    expected: string,
  ): never {
    const offset = this.#expression.offsets[String(node.id)] ?? 0;
    // A selection's offset is its dot: the name behind it is what people look for.
    const dot = /^\.\s*/.exec(this.#expression.source.slice(offset))?.[0].length ?? 0;
    throw new ExpressionError(code, offset + dot, message, expected);
  }

  #constant(node: Node, kind: string | undefined): Type {
    switch (kind) {
      case 'int64Value':
        return int;
      case 'doubleValue':
        return double;
      case 'stringValue':
        return string;
      case 'boolValue':
        return bool;
      case 'nullValue':
        return { kind: 'null' };
      default:
        return this.#fail(
          'EXPRESSION_NOT_ALLOWED',
          node,
          'Unsigned numbers and bytes are not used in templates',
          'an int, a double, a text, true or false',
        );
    }
  }

  #identifier(node: Node, name: string, scope: Scope): Type {
    const type = scope.get(name);
    if (type !== undefined) return type;
    const known = [...scope.keys()].filter((each) => !each.startsWith('@'));
    return this.#unknown(node, 'name', name, known);
  }

  #unknown(node: Node, what: string, name: string, known: readonly string[]): never {
    const near = nearest(name, known);
    const hint = near === undefined ? '' : `; did you mean ${near}?`;
    return this.#fail(
      'UNKNOWN_REFERENCE',
      node,
      `The ${what} ${name} is not known here${hint}`,
      known.length === 0 ? 'nothing is declared there' : `one of ${known.join(', ')}`,
    );
  }

  #has(operand: Node | undefined, scope: Scope): Type {
    if (operand !== undefined) this.infer(operand, scope);
    return bool;
  }

  #select(node: Node, operand: Node | undefined, field: string, scope: Scope): Type {
    const on = operand === undefined ? dyn : this.infer(operand, scope);
    return this.#member(node, on, field);
  }

  #member(node: Node, on: Type, field: string): Type {
    if (on.kind === 'dyn') return dyn;
    if (on.kind === 'map') return on.value;
    if (on.kind !== 'record')
      return this.#fail('EXPRESSION_TYPE', node, `${nameOf(on)} has no fields, so no ${field}`, 'a map');
    const type = on.fields.get(field);
    if (type === undefined && on.secret?.has(field) === true) {
      this.#fail(
        'SECRET_EXPOSED',
        node,
        `${on.name}.${field} is secret and cannot be read here`,
        "secrets in files' content, steps' env and sensitive outputs only",
      );
    }
    if (type === undefined)
      return this.#unknown(
        node,
        'name',
        `${on.name}.${field}`,
        [...on.fields.keys()].map((each) => `${on.name}.${each}`),
      );
    this.#references.add(`${on.name}.${field}`);
    return type;
  }

  #call(node: Node, name: string, args: readonly Node[], scope: Scope): Type {
    if (name === '_[_]') return this.#index(node, args, scope);
    const types = args.map((arg) => this.infer(arg, scope));
    if (name === '_?_:_') return this.#conditional(node, types);
    if (name === '_==_' || name === '_!=_') return this.#equality(node, types);
    const overloads = Object.hasOwn(operators, name)
      ? operators[name]
      : Object.hasOwn(functions, name)
        ? functions[name]
        : undefined;
    if (overloads === undefined) return this.#unknown(node, 'function', name, Object.keys(functions));
    if (methodsOnly.has(name) && node.exprKind.case === 'callExpr' && node.exprKind.value.target === undefined) {
      this.#fail('EXPRESSION_TYPE', node, `${name} is called on a value`, `value.${name}(…)`);
    }
    const found = overloads.filter(
      (each) => each.args.length === types.length && each.args.every((wanted, at) => fits(types[at] ?? dyn, wanted)),
    );
    const [first] = found;
    if (first === undefined) {
      const given = types.map(nameOf).join(' and ');
      this.#fail(
        'EXPRESSION_TYPE',
        node,
        `${label(name)} does not take ${given}`,
        overloads.map((each) => each.args.map(nameOf).join(' and ')).join('; or '),
      );
    }
    if (name === '_+_' && types.every((type) => type.kind === 'list'))
      return types.reduce<Type>(either, types[0] ?? dyn);
    return found.every((each) => each.result.kind === first.result.kind) ? first.result : dyn;
  }

  #index(node: Node, args: readonly Node[], scope: Scope): Type {
    const [operand, index] = args;
    if (operand === undefined || index === undefined) return dyn;
    const on = this.infer(operand, scope);
    const by = this.infer(index, scope);
    if (on.kind === 'list') {
      if (!fits(by, int)) this.#fail('EXPRESSION_TYPE', index, `A list is indexed by int, not ${nameOf(by)}`, 'int');
      return on.item;
    }
    if (on.kind === 'dyn' || on.kind === 'map') return on.kind === 'map' ? on.value : dyn;
    if (on.kind !== 'record')
      return this.#fail('EXPRESSION_TYPE', node, `${nameOf(on)} cannot be indexed`, 'a list or a map');
    const constant = index.exprKind.case === 'constExpr' ? index.exprKind.value.constantKind : undefined;
    if (constant?.case === 'stringValue') return this.#member(node, on, constant.value);
    if (on.secret !== undefined)
      this.#fail('EXPRESSION_TYPE', index, `${on.name} is read by a name that is written out`, `${on.name}.name`);
    return (
      [...on.fields.values()].reduce<Type | undefined>((a, b) => (a === undefined ? b : either(a, b)), undefined) ?? dyn
    );
  }

  #conditional(node: Node, [condition = dyn, yes = dyn, no = dyn]: readonly Type[]): Type {
    if (!fits(condition, bool))
      this.#fail('EXPRESSION_TYPE', node, `The condition before ? is ${nameOf(condition)}`, 'bool');
    return either(yes, no);
  }

  #equality(node: Node, [left = dyn, right = dyn]: readonly Type[]): Type {
    const comparable = fits(left, right) || left.kind === 'null' || right.kind === 'null';
    if (!comparable)
      this.#fail('EXPRESSION_TYPE', node, `${nameOf(left)} and ${nameOf(right)} are never equal`, nameOf(left));
    return bool;
  }

  #struct(node: Node, value: Extract<Node['exprKind'], { case: 'structExpr' }>['value'], scope: Scope): Type {
    if (value.messageName !== '')
      this.#fail('EXPRESSION_NOT_ALLOWED', node, 'Messages are not used in templates', "a map such as {'a': 1}");
    let values: Type | undefined;
    for (const entry of value.entries) {
      if (entry.keyKind.case === 'mapKey') this.infer(entry.keyKind.value, scope);
      const type = entry.value === undefined ? dyn : this.infer(entry.value, scope);
      values = values === undefined ? type : either(values, type);
    }
    return { kind: 'map', value: values ?? dyn };
  }

  #loop(node: Node, value: Extract<Node['exprKind'], { case: 'comprehensionExpr' }>['value'], scope: Scope): Type {
    const { iterRange, accuInit, loopCondition, loopStep, result } = value;
    const range = iterRange === undefined ? dyn : this.infer(iterRange, scope);
    if (range.kind !== 'list' && range.kind !== 'dyn' && range.kind !== 'map' && range.kind !== 'record') {
      this.#fail('EXPRESSION_TYPE', node, `A loop cannot go over ${nameOf(range)}`, 'a list or a map');
    }
    const item = range.kind === 'list' ? range.item : range.kind === 'dyn' ? dyn : string;
    const start = accuInit === undefined ? dyn : this.infer(accuInit, scope);
    const inner = new Map(scope).set(value.accuVar, start.kind === 'list' ? list(dyn) : start).set(value.iterVar, item);
    if (loopCondition !== undefined) this.infer(loopCondition, inner);
    const step = loopStep === undefined ? dyn : this.infer(loopStep, inner);
    const last = new Map(scope).set(value.accuVar, start.kind === 'list' && step.kind === 'list' ? list(dyn) : start);
    return result === undefined ? dyn : this.infer(result, last);
  }
}

function label(name: string): string {
  return name.startsWith('_') || name.startsWith('!') || name.startsWith('-')
    ? `The operator ${name.replaceAll('_', '')}`
    : name.replace('@in', 'The operator in');
}
