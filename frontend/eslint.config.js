import js from '@eslint/js'
import reactHooks from 'eslint-plugin-react-hooks'
import tseslint from 'typescript-eslint'

const onlyCanvas = {
  group: ['@xyflow/*'],
  message: 'Only src/canvas talks to React Flow: give the canvas a prop or an event instead.',
}
const noReact = {
  group: ['react', 'react/*', 'react-dom', 'react-dom/*', 'zustand', 'zustand/react', 'radix-ui', 'cmdk', 'sonner'],
  message: 'Kernels are pure: no React here. Put the component into features, widgets or ui.',
}
const upwards = {
  group: ['@/app/*', '@/canvas/*', '@/widgets/*', '@/features/*', '@/ui/*', '@/i18n', '@/i18n/*'],
  message: 'Kernels know nothing of the page: imports run downhill only.',
}

export default tseslint.config(
  { ignores: ['node_modules', 'dist', 'coverage'] },
  js.configs.recommended,
  tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['eslint.config.js'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      eqeqeq: ['error', 'always'],
      'no-console': 'error',
    },
  },
  { files: ['eslint.config.js'], extends: [tseslint.configs.disableTypeChecked] },
  {
    files: ['src/**/*.tsx', 'src/{app,canvas,features,widgets,ui,i18n}/**/*.ts'],
    ...reactHooks.configs.flat.recommended,
  },
  {
    files: ['src/**/*.{ts,tsx}'],
    ignores: ['src/canvas/**'],
    rules: { 'no-restricted-imports': ['error', { patterns: [onlyCanvas] }] },
  },
  {
    files: ['src/{graph,formats,definitions,document,commands,api,workers}/**/*.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: [onlyCanvas, noReact, upwards] }] },
  },
)
