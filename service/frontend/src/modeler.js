// The page on which a process owner edits a diagram of a draft.
import BpmnModeler from 'bpmn-js/lib/Modeler'
import { BpmnPropertiesPanelModule } from 'bpmn-js-properties-panel'
import { addButtons, begin, openDiagram, reveal } from './diagram.js'
import { showFindings } from './findings.js'
import { keepLoopVariables, moddleExtensions } from './moddle.js'
import { keepOutline } from './outline.js'
import panel from './panel.js'

const editor = document.querySelector('[data-editor]')
const canvas = editor.querySelector('[data-diagram]')
const status = editor.querySelector('[data-editor-status]')
const problem = editor.querySelector('[data-editor-problem]')
const findings = document.querySelector('[data-findings]')
const PALETTE_MARGIN = 35
let unsaved = false

await start()

async function start () {
  const modeler = new BpmnModeler({
    container: canvas,
    // Waiting before an input counts would lose what was typed just before saving.
    debounceInput: false,
    propertiesPanel: { parent: editor.querySelector('[data-editor-panel]') },
    choices: JSON.parse(document.querySelector('[data-choices]').textContent),
    additionalModules: [BpmnPropertiesPanelModule, panel],
    moddleExtensions
  })
  keepLoopVariables(modeler)
  const { warnings } = await modeler.importXML(await (await fetch(editor.dataset.source)).text())
  if (warnings.length) return await openReadOnly(modeler, warnings)
  const palette = canvas.querySelector('.djs-palette').offsetWidth + PALETTE_MARGIN
  begin(modeler, palette)
  addButtons(editor.querySelector('[data-diagram-buttons]'), modeler, palette)
  keepOutline(editor.querySelector('[data-outline]'), modeler, id => select(modeler, id))
  listen(modeler)
  selectFromAddress(modeler)
}

// What the editor could not read it would drop on saving, so nothing may be saved.
async function openReadOnly (modeler, warnings) {
  modeler.destroy()
  editor.classList.add('app-editor--read-only')
  for (const button of editor.querySelectorAll('[data-save], [data-check]')) button.disabled = true
  report('This diagram holds something the editor would lose, so it can only be looked at here.', warnings.map(warning => warning.message))
  addButtons(editor.querySelector('[data-diagram-buttons]'), await openDiagram(canvas, editor.dataset.source))
}

function listen (modeler) {
  modeler.on('commandStack.changed', () => {
    unsaved = modeler.get('commandStack').canUndo()
    status.textContent = unsaved ? 'Not saved yet' : ''
  })
  editor.querySelector('[data-save]').addEventListener('click', () => save(modeler))
  editor.querySelector('[data-check]').addEventListener('click', () => check(modeler))
  addEventListener('beforeunload', event => unsaved && event.preventDefault())
  addEventListener('hashchange', () => selectFromAddress(modeler))
  addEventListener('keydown', event => {
    if ((event.ctrlKey || event.metaKey) && event.key === 's') {
      event.preventDefault()
      save(modeler)
    }
  })
}

function selectFromAddress (modeler) {
  const found = /^#element=(.+)$/.exec(location.hash)
  if (found) select(modeler, decodeURIComponent(found[1]))
}

function select (modeler, id) {
  const element = modeler.get('elementRegistry').get(id)
  if (!element) return
  modeler.get('selection').select(element)
  reveal(modeler, [id])
}

async function send (url, content) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'application/json', 'X-CSRFToken': editor.dataset.csrf },
    body: JSON.stringify({ path: editor.dataset.path, ...content })
  })
  const isJson = response.headers.get('Content-Type')?.includes('json')
  return { ok: response.ok, status: response.status, answer: isJson ? await response.json() : {} }
}

async function textOf (modeler) {
  return (await modeler.saveXML({ format: true })).xml
}

async function save (modeler) {
  const before = modeler.get('commandStack')._stackIdx
  const text = await textOf(modeler)
  try {
    const { ok, answer } = await send(editor.dataset.saveAddress, { text, version: Number(editor.dataset.version), key: crypto.randomUUID() })
    if (!ok) return refuse(answer.message || answer.detail, text)
    editor.dataset.version = String(answer.version)
    problem.hidden = true
    unsaved = modeler.get('commandStack')._stackIdx !== before
    status.textContent = answer.message
  } catch {
    refuse('The draft could not be saved: the server did not answer.', text)
  }
}

// Whatever the reason, the person keeps what they drew.
function refuse (message, text) {
  report(message || 'The draft could not be saved.', ['Nothing you drew is lost: it is still on this page.'])
  const link = document.createElement('a')
  link.className = 'govuk-link'
  link.href = URL.createObjectURL(new Blob([text], { type: 'application/xml' }))
  link.download = editor.dataset.path.split('/').pop()
  link.textContent = 'Download your diagram as a file'
  problem.append(link)
}

function report (heading, lines) {
  const strong = document.createElement('strong')
  strong.textContent = heading
  const list = document.createElement('ul')
  for (const line of lines) list.append(Object.assign(document.createElement('li'), { textContent: line }))
  problem.replaceChildren(strong, list)
  problem.hidden = false
  problem.focus()
}

async function check (modeler) {
  status.textContent = 'Checking'
  const { ok, answer } = await send(editor.dataset.checkAddress, { text: await textOf(modeler) })
  if (!ok) return report(answer.message || 'The diagram could not be checked.', [])
  status.textContent = showFindings(findings, answer.findings, editor.dataset.path, id => select(modeler, id))
}
