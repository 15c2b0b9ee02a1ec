// Shows each diagram of the page: <div data-diagram data-source="..." data-markers="{...}">.
import { addButtons, mark, openDiagram, reveal } from './diagram.js'

for (const container of document.querySelectorAll('[data-diagram]')) await start(container)

async function start (container) {
  const figure = container.closest('[data-diagram-figure]')
  figure.hidden = false
  try {
    const viewer = await openDiagram(container, container.dataset.source)
    const markers = JSON.parse(container.dataset.markers || '{}')
    mark(viewer, markers)
    reveal(viewer, markers.current || [])
    addButtons(figure.querySelector('[data-diagram-buttons]'), viewer)
    selectFromList(viewer)
  } catch (error) {
    figure.querySelector('[data-diagram-problem]').textContent = error.message
  }
}

// A link with data-element shows that element in the diagram.
function selectFromList (viewer) {
  for (const link of document.querySelectorAll('[data-element]')) {
    link.addEventListener('click', () => {
      reveal(viewer, [link.dataset.element])
      viewer.get('selection').select(viewer.get('elementRegistry').get(link.dataset.element) || null)
    })
  }
}
