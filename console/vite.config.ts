import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { leanDescriptors } from './lean-descriptors.ts';

/** `npm run dev` serves the pages itself and asks the control plane that `npm start` runs for everything else. */
export default defineConfig({
  plugins: [leanDescriptors(), react()],
  build: { target: 'es2022', sourcemap: false, chunkSizeWarningLimit: 700 },
  server: { proxy: { '^/(v1/|truffle\\.)': process.env['TRUFFLE_ENDPOINT'] ?? 'http://127.0.0.1:7400' } },
});
