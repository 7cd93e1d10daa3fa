import { english } from './en/en.ts';

/** Every word that people read. Another language is another object of this shape. */
export type Texts = typeof english;

export const texts: Texts = english;
