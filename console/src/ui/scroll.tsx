import type { ReactNode } from 'react';

/**
 * Lets the keyboard get to a box while what is in it is more than it shows (WCAG 2.1.1).
 * @returns what ends that
 */
export function keepReachable(box: HTMLElement, content: Element): () => void {
  const watch = new ResizeObserver(() => {
    if (box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight) box.tabIndex = 0;
    else box.removeAttribute('tabindex');
  });
  watch.observe(box);
  watch.observe(content);
  return () => watch.disconnect();
}

function reachable(box: HTMLPreElement | null): (() => void) | undefined {
  const content = box?.firstElementChild ?? null;
  return box === null || content === null ? undefined : keepReachable(box, content);
}

interface ScrollTextProps {
  readonly label: string;
  readonly children: ReactNode;
}

/** Text as it was written, in a box of its own that scrolls. */
export const ScrollText = ({ label, children }: ScrollTextProps) => (
  <pre className="log" aria-label={label} ref={reachable}>
    <span className="log-text">{children}</span>
  </pre>
);
