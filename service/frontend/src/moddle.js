// What bpmn-js must be told before it may read our diagrams without losing anything.
import spiffworkflow from './spiffworkflow.json'

// An element of a described namespace that the description lacks would be dropped on save: describe them all.
export const moddleExtensions = { spiffworkflow }

const LOOP_REFERENCE = /^bpmn:loopData(In|Out)putRef$/

// The engine reads loopDataInputRef as the name of a variable; the BPMN schema reads it as a reference to an element.
// bpmn-js cannot resolve such a reference and would drop it on save, so each gets an item of that id to point to.
export function keepLoopVariables (bpmn) {
  bpmn.on('import.parse.complete', ({ references, warnings }) => {
    const kept = new Set()
    for (const { element, property, id } of references) {
      if (!LOOP_REFERENCE.test(property) || element.get(property)) continue
      element.set(property, loopVariable(bpmn.get('moddle'), element, id))
      kept.add(id)
    }
    const others = warnings.filter(warning => !kept.has(warning.value))
    warnings.splice(0, warnings.length, ...others)
  })
}

export function loopVariable (moddle, loop, name) {
  const item = moddle.create('bpmn:ItemAwareElement', { id: name })
  item.$parent = loop
  return item
}
