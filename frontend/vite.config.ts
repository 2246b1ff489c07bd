import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import path from 'node:path'
import { defineConfig } from 'vitest/config'
import { releaseFiles } from './build/release-files.ts'

const root = import.meta.dirname
const server = process.env.COMFY_CREATOR_URL ?? 'http://127.0.0.1:8188'

export default defineConfig({
  root,
  base: './',
  plugins: [react(), tailwindcss(), releaseFiles(root)],
  resolve: { alias: { '@': path.join(root, 'src') } },
  build: {
    outDir: path.join(root, '..', 'frontend_dist'),
    emptyOutDir: true,
    target: 'es2022',
    sourcemap: false,
    reportCompressedSize: true,
    chunkSizeWarningLimit: 900,
  },
  worker: { format: 'es' },
  server: { proxy: { '/api': { target: server, ws: true, changeOrigin: true } } },
  test: {
    environment: 'happy-dom',
    include: ['src/**/*.test.{ts,tsx}'],
    setupFiles: ['src/test/setup.ts'],
    restoreMocks: true,
  },
})
