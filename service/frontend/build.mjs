// Builds what the browser needs into ../static/build (never committed): `npm ci && node build.mjs`.
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const here = dirname(fileURLToPath(import.meta.url))
const out = join(here, '..', 'static', 'build')
const modules = join(here, 'node_modules')

const COPIED = [
  ['bpmn-js/dist/assets/diagram-js.css', 'bpmn/diagram-js.css'],
  ['bpmn-js/dist/assets/bpmn-js.css', 'bpmn/bpmn-js.css'],
  ['bpmn-js/dist/assets/bpmn-font/css/bpmn.css', 'bpmn/bpmn-font/css/bpmn.css'],
  ['bpmn-js/dist/assets/bpmn-font/font', 'bpmn/bpmn-font/font'],
  ['@bpmn-io/properties-panel/dist/assets/properties-panel.css', 'bpmn/properties-panel.css'],
  ['govuk-frontend/dist/govuk/govuk-frontend.min.js', 'govuk-frontend.min.js']
]

await rm(out, { recursive: true, force: true })
await mkdir(out, { recursive: true })
await build({
  absWorkingDir: here,
  entryPoints: ['viewer', 'replay', 'modeler'].map(name => `src/${name}.js`),
  outdir: out,
  bundle: true,
  format: 'esm',
  splitting: true,
  minify: true,
  target: 'es2022',
  chunkNames: 'chunks/[name]-[hash]',
  define: { 'process.env.NODE_ENV': '"production"' },
  // The editor for FEEL is never shown here; without it the modeler is half as heavy and writes no <style> elements.
  alias: { '@bpmn-io/feel-editor': './src/no-feel-editor.js', '@bpmn-io/feelers-editor': './src/no-feel-editor.js' },
  legalComments: 'linked',
  logLevel: 'warning'
})
for (const [from, to] of COPIED) await cp(join(modules, from), join(out, to), { recursive: true })
await writeFile(join(out, 'govuk.css'), unbranded(await stylesheet()))

function stylesheet () {
  return readFile(join(modules, 'govuk-frontend/dist/govuk/govuk-frontend.min.css'), 'utf8')
}

// The typeface and the royal arms may be used on GOV.UK only.
function unbranded (css) {
  const plain = css
    .replace(/@font-face\{[^}]*\}/g, '')
    .replaceAll('GDS Transport,arial,sans-serif', 'Arial,"Liberation Sans",Helvetica,sans-serif')
    .replaceAll('url(/assets/images/govuk-crest.svg)', 'none')
  if (/GDS Transport|govuk-crest|@font-face|url\(\/assets/.test(plain)) throw new Error('GOV.UK typeface or crest left in the style sheet')
  return plain
}
