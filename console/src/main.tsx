import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import './app/kit.css';
import './app/app.css';
import { App } from './app/app.tsx';
import { askWhere } from './app/place.tsx';

const root = document.getElementById('root');
if (root === null) throw new TypeError('index.html has no #root');
// What every page begins with is asked while the page's own code is on its way.
if (/^\/(?:o\/|$)/.test(globalThis.location.pathname)) askWhere();
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
