// A diagram to look at: markers, keyboard and buttons for moving about, the token.
import NavigatedViewer from 'bpmn-js/lib/NavigatedViewer'
import { keepLoopVariables, moddleExtensions } from './moddle.js'

const MARKERS = ['done', 'current', 'taken', 'overdue']
const PAN = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }
const MARGIN = 15
const MARK = 45
const READABLE = 0.65
const FLOW_MILLISECONDS = 350
const SVG = 'http://www.w3.org/2000/svg'

export async function openDiagram (container, source) {
  const viewer = new NavigatedViewer({ container, moddleExtensions, textRenderer: { defaultStyle: { fontFamily: 'Arial, "Liberation Sans", sans-serif' } } })
  keepLoopVariables(viewer)
  await show(viewer, source)
  moveByKeyboard(container, viewer)
  return viewer
}

export async function show (viewer, source) {
  const response = await fetch(source)
  if (!response.ok) throw new Error(`The diagram could not be fetched (${response.status})`)
  await viewer.importXML(await response.text())
  begin(viewer)
}

// Shows all of the diagram in what `left` (a palette) and the mark of bpmn.io leave free of the canvas.
export function fit (viewer, left = MARGIN) {
  place(viewer, left, fitting(viewer, left))
}

// Shows as much as can be read: all of a small diagram, the beginning of a large one.
export function begin (viewer, left = MARGIN) {
  place(viewer, left, Math.max(READABLE, fitting(viewer, left)))
}

function free ({ outer }, left) {
  return { width: outer.width - left - MARGIN, height: outer.height - MARGIN - MARK }
}

function fitting (viewer, left) {
  viewer.get('canvas').resized()
  const box = viewer.get('canvas').viewbox()
  const { width, height } = free(box, left)
  return Math.min(1, width / box.inner.width, height / box.inner.height)
}

function place (viewer, left, scale) {
  const box = viewer.get('canvas').viewbox()
  const { width, height } = free(box, left)
  const spare = { x: Math.max(0, width - box.inner.width * scale), y: Math.max(0, height - box.inner.height * scale) }
  viewer.get('canvas').viewbox({
    x: box.inner.x - (left + spare.x / 2) / scale,
    y: box.inner.y - (MARGIN + spare.y / 2) / scale,
    width: box.outer.width / scale,
    height: box.outer.height / scale
  })
}

// Moves the first of these elements into view if it is outside.
export function reveal (viewer, ids) {
  const element = ids.map(id => viewer.get('elementRegistry').get(id)).find(Boolean)
  if (element) viewer.get('canvas').scrollToElement(element, MARK)
}

export function zoom (viewer, factor) {
  const canvas = viewer.get('canvas')
  canvas.zoom(Math.min(4, Math.max(0.2, canvas.zoom() * factor)))
}

// `markers` is {done: [id], current: [id], taken: [flow id], overdue: [id]}; anything else is taken off.
export function mark (viewer, markers) {
  const canvas = viewer.get('canvas')
  const wanted = Object.fromEntries(MARKERS.map(name => [name, new Set(markers?.[name] || [])]))
  viewer.get('elementRegistry').forEach(({ id }) => {
    for (const name of MARKERS) {
      const has = canvas.hasMarker(id, name)
      if (wanted[name].has(id) && !has) canvas.addMarker(id, name)
      if (!wanted[name].has(id) && has) canvas.removeMarker(id, name)
    }
  })
}

function moveByKeyboard (container, viewer) {
  container.addEventListener('keydown', event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const by = PAN[event.key]
    if (by) viewer.get('canvas').scroll({ dx: by[0], dy: by[1] })
    else if (event.key === '+' || event.key === '=') zoom(viewer, 1.25)
    else if (event.key === '-') zoom(viewer, 0.8)
    else if (event.key === '0') fit(viewer)
    else return
    event.preventDefault()
  })
}

export function addButtons (bar, viewer, left) {
  const actions = [['Zoom in', () => zoom(viewer, 1.25)], ['Zoom out', () => zoom(viewer, 0.8)], ['Show all', () => fit(viewer, left)]]
  for (const [text, action] of actions) {
    const button = document.createElement('button')
    button.type = 'button'
    button.className = 'govuk-button govuk-button--secondary app-diagram__button'
    button.textContent = text
    button.addEventListener('click', action)
    bar.append(button)
  }
}

// Moves a token along the flows, one after another. `stop` is an AbortSignal: another step may be asked for meanwhile.
export async function runToken (viewer, flows, stop) {
  if (matchMedia('(prefers-reduced-motion: reduce)').matches) return
  const layer = viewer.get('canvas').getLayer('tokens', 100)
  const token = document.createElementNS(SVG, 'circle')
  token.setAttribute('r', '9')
  token.setAttribute('class', 'app-token')
  layer.append(token)
  try {
    for (const id of flows) {
      if (stop.aborted) return
      await along(pathOf(viewer, id), token, stop)
    }
  } finally {
    token.remove()
  }
}

// Without the child combinator the first match would be the arrow head.
function pathOf (viewer, id) {
  const flow = viewer.get('elementRegistry').get(id)
  return flow && viewer.get('elementRegistry').getGraphics(flow).querySelector('.djs-visual > path')
}

function along (path, token, stop) {
  if (!path) return Promise.resolve()
  const length = path.getTotalLength()
  const started = performance.now()
  return new Promise(resolve => {
    const draw = time => {
      const part = Math.max(0, Math.min(1, (time - started) / FLOW_MILLISECONDS))
      const { x, y } = path.getPointAtLength(part * length)
      token.setAttribute('transform', `translate(${x},${y})`)
      if (part < 1 && !stop.aborted) requestAnimationFrame(draw)
      else resolve()
    }
    requestAnimationFrame(draw)
  })
}
