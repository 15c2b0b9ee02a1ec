// Fields for what standard BPMN holds in nested elements: conditions, messages and loops.
import { getBusinessObject, is } from 'bpmn-js/lib/util/ModelUtil'
import { child } from './extensions.js'
import { field } from './fields.js'
import { loopVariable } from './moddle.js'

export const condition = field('text', 'condition', 'Go this way when', {
  read: element => getBusinessObject(element).conditionExpression?.body || '',
  write: (element, body, { factory, modeling }) => {
    const object = getBusinessObject(element)
    modeling.updateProperties(element, { conditionExpression: body ? child(factory, object, 'bpmn:FormalExpression', { body }) : undefined })
  }
}, { description: 'For example decision == "yes" or days_open > 30' })

export const otherwise = field('tick', 'otherwise', 'Go this way when no other way applies', {
  read: element => getBusinessObject(element.source).default === getBusinessObject(element),
  write: (element, ticked, { modeling }) => {
    modeling.updateProperties(element.source, { default: ticked ? getBusinessObject(element) : undefined })
    if (ticked) modeling.updateProperties(element, { conditionExpression: undefined })
  }
})

function messageDefinition (element) {
  return getBusinessObject(element).eventDefinitions.find(definition => is(definition, 'bpmn:MessageEventDefinition'))
}

function definitionsOf (object) {
  return is(object, 'bpmn:Definitions') ? object : definitionsOf(object.$parent)
}

export const message = field('text', 'message', 'Message', {
  read: element => messageDefinition(element).messageRef?.name || '',
  write: (element, name, tools) => {
    tools.modeling.updateModdleProperties(element, messageDefinition(element), { messageRef: name ? messageCalled(element, name, tools) : undefined })
  }
}, {
  description: 'A short key in small letters, for example report_received',
  validate: value => !value || /^[a-z][a-z0-9_]*$/.test(value) ? null : 'Use small letters, numbers and underscores'
})

// Two events that wait for the same message share one definition of it.
function messageCalled (element, name, { factory, modeling }) {
  const definitions = definitionsOf(getBusinessObject(element))
  const found = definitions.rootElements.find(root => is(root, 'bpmn:Message') && root.name === name)
  if (found) return found
  const made = child(factory, definitions, 'bpmn:Message', { name })
  modeling.updateModdleProperties(element, definitions, { rootElements: [...definitions.rootElements, made] })
  return made
}

export const processName = field('text', 'process-name', 'Name of the process', {
  read: element => getBusinessObject(element).processRef?.name || '',
  write: (element, name, { modeling }) => modeling.updateModdleProperties(element, getBusinessObject(element).processRef, { name })
}, { description: 'What lists of processes call it' })

export function loopOf (element) {
  const loop = getBusinessObject(element)?.loopCharacteristics
  return loop && is(loop, 'bpmn:MultiInstanceLoopCharacteristics') ? loop : null
}

export const loopList = field('text', 'loop-list', 'List to repeat over', {
  read: element => loopOf(element).loopDataInputRef?.id || '',
  write: (element, name, { moddle, modeling }) => {
    const loop = loopOf(element)
    modeling.updateModdleProperties(element, loop, { loopDataInputRef: name ? loopVariable(moddle, loop, name) : undefined })
  }
}, { description: 'A case variable that holds a list' })

export const loopItem = field('text', 'loop-item', 'Call each one', {
  read: element => loopOf(element).inputDataItem?.name || '',
  write: (element, name, { factory, modeling }) => {
    const loop = loopOf(element)
    if (loop.inputDataItem) return modeling.updateModdleProperties(element, loop.inputDataItem, { name: name || undefined })
    modeling.updateModdleProperties(element, loop, { inputDataItem: child(factory, loop, 'bpmn:DataInput', { name }) })
  }
}, { description: 'The name expressions use for the one in hand, for example agency' })
