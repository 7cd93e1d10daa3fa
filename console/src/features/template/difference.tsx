import { MergeView } from '@codemirror/merge';
import { EditorState } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import { useEffect, useRef } from 'react';
import { texts } from '../../texts/texts.ts';
import { look } from './editor.tsx';

interface DifferenceProps {
  readonly before: string;
  readonly after: string;
}

const fixed = [...look, EditorState.readOnly.of(true), EditorView.editable.of(false)];
const named = (name: string) =>
  EditorView.contentAttributes.of({ 'aria-label': name, tabindex: '0', role: 'textbox', 'aria-readonly': 'true' });

/** Two sources side by side, with what differs; what is alike is folded. */
export default function Difference({ before, after }: DifferenceProps) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (place.current === null) return;
    const view = new MergeView({
      parent: place.current,
      a: { doc: before, extensions: [...fixed, named(texts.template.before)] },
      b: { doc: after, extensions: [...fixed, named(texts.template.after)] },
      collapseUnchanged: { margin: 3 },
    });
    return () => view.destroy();
  }, [before, after]);
  return <div ref={place} className="editor" />;
}
