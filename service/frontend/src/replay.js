// Steps through the history of a case: slider, buttons, list and diagram always show the same step.
import { addButtons, mark, openDiagram, reveal, runToken, show } from './diagram.js'

const root = document.querySelector('[data-replay]')
const { frames, diagrams } = await load(root)
const slider = root.querySelector('[data-replay-slider]')
const chooser = root.querySelector('[data-replay-chooser]')
const status = root.querySelector('[data-replay-status]')
const waiting = root.querySelector('[data-replay-waiting]')
const limits = root.querySelector('[data-replay-limits]')
const canvas = root.querySelector('[data-diagram]')
let shown = { step: 0, process: null }
let running = new AbortController()
let viewer = null

await start()

async function load (element) {
  const response = await fetch(element.dataset.frames)
  if (!response.ok) throw new Error(`The history could not be fetched (${response.status})`)
  return await response.json()
}

async function start () {
  for (const part of root.querySelectorAll('[data-replay-script], [data-diagram-figure]')) part.hidden = false
  chooser.closest('[data-replay-script]').hidden = diagrams.length < 2
  root.querySelector('[data-replay-plain]').hidden = true
  slider.max = String(frames.length)
  const first = stepOfAddress() || Number(root.dataset.chosen) || frames.length
  const process = processOf(first) || waitingProcess(first) || diagrams[0].id
  viewer = await openDiagram(canvas, sourceOf(process))
  shown.process = process
  addButtons(root.querySelector('[data-diagram-buttons]'), viewer)
  slider.addEventListener('input', () => go(Number(slider.value)))
  chooser.addEventListener('change', () => showProcess(chooser.value))
  for (const link of document.querySelectorAll('[data-go]')) link.addEventListener('click', event => follow(event, link))
  addEventListener('hashchange', () => stepOfAddress() && go(stepOfAddress()))
  await go(first)
}

function stepOfAddress () {
  const found = /^#step=(\d+)$/.exec(location.hash)
  return found && within(Number(found[1]))
}

function within (step) {
  return Math.min(frames.length, Math.max(1, step))
}

function follow (event, link) {
  event.preventDefault()
  const asked = { first: 1, previous: shown.step - 1, next: shown.step + 1, last: frames.length }[link.dataset.go]
  go(asked === undefined ? Number(link.dataset.go) : asked)
}

// The process in which this step changed something; the one on screen if it changed too.
function processOf (step) {
  const now = frames[step - 1].markers
  const before = step > 1 ? frames[step - 2].markers : {}
  const changed = Object.keys(now).filter(id => JSON.stringify(now[id]) !== JSON.stringify(before[id]))
  if (changed.includes(shown.process)) return shown.process
  return diagrams.map(diagram => diagram.id).filter(id => changed.includes(id)).pop()
}

// The last diagram the case reached that still waits for something.
function waitingProcess (step) {
  const markers = frames[step - 1].markers
  return diagrams.map(diagram => diagram.id).filter(id => markers[id]?.current.length).pop()
}

function sourceOf (process) {
  return diagrams.find(diagram => diagram.id === process).source
}

async function go (asked) {
  const step = within(asked)
  const forward = step === shown.step + 1
  running.abort()
  running = new AbortController()
  shown.step = step
  say(step)
  await showProcess(processOf(step) || shown.process)
  const markers = frames[step - 1].markers[shown.process] || {}
  if (forward) await runToken(viewer, newlyTaken(step), running.signal)
  if (shown.step === step) reveal(viewer, markers.current || markers.done || [])
}

function newlyTaken (step) {
  const before = new Set(frames[step - 2]?.markers[shown.process]?.taken || [])
  return (frames[step - 1].markers[shown.process]?.taken || []).filter(id => !before.has(id))
}

async function showProcess (process) {
  if (process !== shown.process) {
    shown.process = process
    await show(viewer, sourceOf(process))
  }
  chooser.value = shown.process
  mark(viewer, frames[shown.step - 1].markers[shown.process])
}

function say (step) {
  const frame = frames[step - 1]
  slider.value = String(step)
  slider.setAttribute('aria-valuetext', `Step ${step} of ${frames.length}: ${frame.title}`)
  status.textContent = `Step ${step} of ${frames.length}: ${frame.title}, ${frame.when}`
  waiting.textContent = frame.waiting
  limits.replaceChildren(...frame.limits.map(line))
  limits.closest('section').hidden = frame.limits.length === 0
  history.replaceState(null, '', `${location.pathname}${location.search}#step=${step}`)
  for (const item of document.querySelectorAll('[data-step]')) {
    const now = Number(item.dataset.step) === step
    if (now) item.setAttribute('aria-current', 'step')
    else item.removeAttribute('aria-current')
    if (now) scrollWithin(item)
  }
}

function line (text) {
  const item = document.createElement('li')
  item.textContent = text
  return item
}

// Moves the list, never the page.
function scrollWithin (item) {
  const list = item.closest('[data-replay-list]')
  if (list && list.scrollHeight > list.clientHeight) list.scrollTop = item.offsetTop - list.clientHeight / 3
}
