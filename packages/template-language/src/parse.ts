import { digestOf } from './digest.ts';
import { type Data, parseDocumentText, type Positions } from './document.ts';
import { checkExpressions, type Watch } from './expressions.ts';
import { limits } from './limits.ts';
import { catchRefusal, nowhere, type Problem, Refusal } from './problem.ts';
import { checkReferences } from './references.ts';
import { readSource } from './source.ts';
import { checkStructure } from './structure.ts';
import type { Template } from './template.ts';

/** A template that holds, with its identity; or all that is wrong with it. */
export type ParseResult =
  | { readonly ok: true; readonly template: Template; /** `sha256:…` of its content. */ readonly digest: string }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Parses and validates a template in this thread. For sources that are trusted (or already validated): a hostile one can hold the thread
 * for as long as `limits` allow and has no deadline; give those to `parseTemplate`.
 */
export function parseTemplateHere(source: string | Uint8Array, watch?: Watch): ParseResult {
  return catchRefusal((): ParseResult => {
    const { data, positions } = parseDocumentText(readSource(source));
    return validate(data, positions, watch);
  });
}

const noPositions: Positions = { value: () => nowhere, key: () => nowhere, within: () => nowhere };

/** Validates a template that was stored or sent as JSON. Its problems have paths and no lines. In this thread, as `parseTemplateHere`. */
export function loadTemplate(data: unknown): ParseResult {
  return catchRefusal(() => validate(data as Data, noPositions));
}

function validate(data: Data, positions: Positions, watch?: Watch): ParseResult {
  demandNone(checkStructure(data, positions));
  // The schema has just proved the shape.
  const template = complete(data as unknown as Partial<Template>);
  demandNone([...checkReferences(template, positions), ...checkExpressions(template, positions, watch)]);
  return { ok: true, template, digest: digestOf(template) };
}

function demandNone(problems: readonly Problem[]): void {
  if (problems.length === 0) return;
  const sorted = problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
  throw new Refusal(sorted.slice(0, limits.problems));
}

function complete(data: Partial<Template>): Template {
  return { parameters: {}, deployments: {}, outputs: {}, ...data } as Template;
}
