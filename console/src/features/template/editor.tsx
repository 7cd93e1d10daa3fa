import {
  acceptCompletion,
  autocompletion,
  type CompletionContext,
  type CompletionResult,
} from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { yaml } from '@codemirror/lang-yaml';
import { syntaxHighlighting } from '@codemirror/language';
import { lintGutter, linter, type Diagnostic } from '@codemirror/lint';
import { EditorState } from '@codemirror/state';
import { EditorView, keymap, lineNumbers } from '@codemirror/view';
import { classHighlighter } from '@lezer/highlight';
import type { Problem } from '@truffle/api/template/v1/template';
import schema from '@truffle/template-language/schema' with { type: 'json' };
import { useEffect, useRef } from 'react';
import { texts } from '../../texts/texts.ts';
import { suggest } from './suggest.ts';

interface EditorProps {
  /** What it begins with; later ones do not change what is typed. */
  readonly source: string;
  readonly onChange: (source: string) => void;
  /** What is wrong with a source, as the server says. */
  readonly check: (source: string) => Promise<readonly Problem[]>;
}

/** After this long without typing the server is asked. */
const restMs = 500;

/** A template's source, with completion by its schema and the server's problems underlined. */
export default function Editor({ source, onChange, check }: EditorProps) {
  const place = useRef<HTMLDivElement>(null);
  const first = useRef(source);
  const calls = useRef({ onChange, check });
  useEffect(() => {
    calls.current = { onChange, check };
  });
  useEffect(() => {
    if (place.current === null) return;
    const lint = async ({ state }: EditorView): Promise<Diagnostic[]> =>
      (await calls.current.check(state.doc.toString())).map((problem) => diagnosticOf(state, problem));
    const view = new EditorView({
      parent: place.current,
      state: EditorState.create({
        doc: first.current,
        extensions: [
          ...look,
          history(),
          autocompletion({ override: [complete], activateOnTyping: true }),
          lintGutter(),
          linter(lint, { delay: restMs }),
          // Tab takes a completion and else goes on to the next field, so that the keyboard gets out again.
          keymap.of([{ key: 'Tab', run: acceptCompletion }, ...defaultKeymap, ...historyKeymap]),
          EditorView.contentAttributes.of({ 'aria-label': texts.template.source }),
          EditorView.updateListener.of(({ docChanged, state }) => {
            if (docChanged) calls.current.onChange(state.doc.toString());
          }),
        ],
      }),
    });
    return () => view.destroy();
  }, []);
  return <div ref={place} className="editor" />;
}

/** How sources look, also where they can't be changed. */
export const look = [yaml(), syntaxHighlighting(classHighlighter), lineNumbers(), EditorView.lineWrapping];

function diagnosticOf(state: EditorState, { line, column, message, expected, path }: Problem): Diagnostic {
  const at = state.doc.line(Math.min(Math.max(line, 1), state.doc.lines));
  const from = Math.min(at.from + Math.max(column - 1, 0), at.to);
  const word = /^[^\s:]+/.exec(state.doc.sliceString(from, at.to))?.[0].length ?? 0;
  const about = expected === '' ? message : texts.template.expected(message, expected);
  return {
    from,
    to: Math.max(from + word, Math.min(from + 1, state.doc.length)),
    severity: 'error',
    message: path === '' ? about : `${path}: ${about}`,
  };
}

function complete(context: CompletionContext): CompletionResult | null {
  const { state, pos, explicit } = context;
  const word = context.matchBefore(/[\w.-]*/);
  const line = state.doc.lineAt(pos);
  const found = suggest(schema, state.doc.toString().split('\n'), line.number - 1, pos - line.from);
  if (found.length === 0 || (!explicit && word?.text === '' && !/[:-]\s$/.test(line.text.slice(0, pos - line.from))))
    return null;
  return {
    from: word?.from ?? pos,
    options: found.map(({ label, about, kind, required }) => ({
      label,
      info: about,
      type: kind === 'property' ? 'property' : 'constant',
      detail: required ? texts.template.required : '',
      boost: required ? 1 : 0,
      apply: kind === 'property' ? `${label}: ` : label,
    })),
    validFor: /^[\w.-]*$/,
  };
}
