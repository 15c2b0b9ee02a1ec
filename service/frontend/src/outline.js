// The diagram as a list of buttons, always in step with the drawing: how it is edited by keyboard.
import { getBusinessObject, is } from 'bpmn-js/lib/util/ModelUtil'

export function keepOutline (list, modeler, select) {
  const draw = () => list.replaceChildren(...elements(modeler).map(element => item(element, select)))
  modeler.on('elements.changed', draw)
  modeler.on('commandStack.changed', draw)
  draw()
}

function elements (modeler) {
  const all = modeler.get('elementRegistry').filter(element => is(element, 'bpmn:FlowNode') && !element.labelTarget)
  return all.sort((one, other) => one.x - other.x || one.y - other.y)
}

function item (element, select) {
  const object = getBusinessObject(element)
  const button = document.createElement('button')
  button.type = 'button'
  button.className = 'app-link-button'
  button.textContent = object.name || object.id
  button.addEventListener('click', () => select(element.id))
  const kind = document.createElement('span')
  kind.className = 'govuk-hint app-outline__kind'
  kind.textContent = words(object.$type)
  const entry = document.createElement('li')
  entry.append(button, ' ', kind)
  return entry
}

// bpmn:UserTask -> user task
function words (type) {
  return type.replace('bpmn:', '').replace(/(?<=[a-z])[A-Z]/g, letter => ` ${letter}`).toLowerCase()
}
