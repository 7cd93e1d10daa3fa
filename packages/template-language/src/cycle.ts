/** Finds one circle in a graph. @returns its nodes, the first one again at the end; undefined when there is none */
export function findCycle(edges: ReadonlyMap<string, readonly string[]>): readonly string[] | undefined {
  const done = new Set<string>();
  const visit = (node: string, trail: readonly string[]): readonly string[] | undefined => {
    const at = trail.indexOf(node);
    if (at !== -1) return [...trail.slice(at), node];
    if (done.has(node)) return undefined;
    for (const next of edges.get(node) ?? []) {
      const found = visit(next, [...trail, node]);
      if (found !== undefined) return found;
    }
    done.add(node);
    return undefined;
  };
  for (const node of edges.keys()) {
    const found = visit(node, []);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Sorts nodes so that each stands after those it depends on; ties by name, so that the order never depends on that of the input. The graph has no circles. */
export function sortByDependency(edges: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const sorted: string[] = [];
  const visit = (node: string): void => {
    if (sorted.includes(node) || !edges.has(node)) return;
    [...(edges.get(node) ?? [])].toSorted().forEach(visit);
    sorted.push(node);
  };
  [...edges.keys()].toSorted().forEach(visit);
  return sorted;
}
