// The kinds of field a panel is made of. Fields are made once: a field made anew at each change would lose the cursor.
import {
  CheckboxEntry, NumberFieldEntry, SelectEntry, TextAreaEntry, TextFieldEntry,
  isCheckboxEntryEdited, isNumberFieldEntryEdited, isSelectEntryEdited, isTextAreaEntryEdited, isTextFieldEntryEdited
} from '@bpmn-io/properties-panel'
import { useService } from 'bpmn-js-properties-panel'
import { getBusinessObject } from 'bpmn-js/lib/util/ModelUtil'
import { readProperty, readText, writeProperty, writeText } from './extensions.js'

const ENTRIES = {
  text: [TextFieldEntry, isTextFieldEntryEdited],
  area: [TextAreaEntry, isTextAreaEntryEdited],
  select: [SelectEntry, isSelectEntryEdited],
  number: [NumberFieldEntry, isNumberFieldEntryEdited],
  tick: [CheckboxEntry, isCheckboxEntryEdited]
}

// `access` is {read(element, tools), write(element, value, tools)}; `more` may hold description, options, validate, min.
export function field (kind, id, label, access, more = {}) {
  const [Entry, isEdited] = ENTRIES[kind]
  function Field ({ element, id }) {
    const tools = useTools()
    return Entry({
      element,
      id,
      label,
      ...more,
      debounce: tools.debounce,
      getValue: () => access.read(element, tools),
      setValue: value => access.write(element, value, tools),
      getOptions: () => more.options(element, tools),
      validate: more.validate && (value => more.validate(value, element, tools))
    })
  }
  return { id, component: Field, isEdited }
}

function useTools () {
  return {
    modeling: useService('modeling'),
    factory: useService('bpmnFactory'),
    moddle: useService('moddle'),
    registry: useService('elementRegistry'),
    choices: useService('config.choices'),
    debounce: useService('debounceInput')
  }
}

export function property (name) {
  return {
    read: element => readProperty(element, name),
    write: (element, value, tools) => writeProperty(element, name, value, tools)
  }
}

export function text (type) {
  return {
    read: element => readText(element, type),
    write: (element, value, tools) => writeText(element, type, value, tools)
  }
}

export function attribute (name) {
  return {
    read: element => getBusinessObject(element)[name] || '',
    write: (element, value, { modeling }) => modeling.updateProperties(element, { [name]: value || undefined })
  }
}

export function choices (list, blank) {
  return (element, tools) => {
    const first = typeof blank === 'function' ? blank(element, tools) : blank
    return [{ value: '', label: first }, ...tools.choices[list]]
  }
}
