// Reading and writing what an element carries besides standard BPMN. Every write is one undoable command.
import { getBusinessObject } from 'bpmn-js/lib/util/ModelUtil'

const PROPERTIES = 'spiffworkflow:Properties'

function extension (element, type) {
  const values = getBusinessObject(element).extensionElements?.values || []
  return values.find(value => value.$type === type)
}

export function readProperty (element, name) {
  const properties = extension(element, PROPERTIES)?.properties || []
  return properties.find(property => property.name === name)?.value || ''
}

export function readText (element, type) {
  return extension(element, type)?.value || ''
}

// An empty value takes the property away.
export function writeProperty (element, name, value, { factory, modeling }) {
  const properties = ensureExtension(element, PROPERTIES, { factory, modeling })
  const others = (properties.properties || []).filter(property => property.name !== name)
  const written = value ? [...others, child(factory, properties, 'spiffworkflow:Property', { name, value: String(value) })] : others
  modeling.updateModdleProperties(element, properties, { properties: written })
}

// An empty value takes the element away.
export function writeText (element, type, value, { factory, modeling }) {
  const found = extension(element, type)
  if (value) return modeling.updateModdleProperties(element, found || ensureExtension(element, type, { factory, modeling }), { value })
  if (!found) return
  const all = getBusinessObject(element).extensionElements
  modeling.updateModdleProperties(element, all, { values: all.values.filter(other => other !== found) })
}

function ensureExtension (element, type, { factory, modeling }) {
  const found = extension(element, type)
  if (found) return found
  const all = ensureExtensions(element, { factory, modeling })
  const added = child(factory, all, type, {})
  modeling.updateModdleProperties(element, all, { values: [...(all.values || []), added] })
  return added
}

function ensureExtensions (element, { factory, modeling }) {
  const object = getBusinessObject(element)
  if (object.extensionElements) return object.extensionElements
  const all = child(factory, object, 'bpmn:ExtensionElements', { values: [] })
  modeling.updateModdleProperties(element, object, { extensionElements: all })
  return all
}

export function child (factory, parent, type, properties) {
  const made = factory.create(type, properties)
  made.$parent = parent
  return made
}
