export { edgeSettings, startEdge } from './edge.ts';
