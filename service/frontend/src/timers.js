// Timers of a diagram. The engine reads every body as an expression, so a plain duration stands in quotes: "P10D".
import { getBusinessObject, is } from 'bpmn-js/lib/util/ModelUtil'
import { child } from './extensions.js'

export const KINDS = [
  { value: 'timeDate', label: 'On a date' },
  { value: 'timeDuration', label: 'After a period' },
  { value: 'timeCycle', label: 'Again and again' }
]
export const UNITS = [{ value: 'H', label: 'hours' }, { value: 'D', label: 'days' }, { value: 'W', label: 'weeks' }]

const PERIOD = /^\s*["']P(?:(\d+)([WD])|T(\d+)H)["']\s*$/

export function timerOf (element) {
  const definitions = getBusinessObject(element)?.eventDefinitions || []
  return definitions.find(definition => is(definition, 'bpmn:TimerEventDefinition'))
}

export function kindOf (element) {
  const timer = timerOf(element)
  return KINDS.map(kind => kind.value).find(kind => timer?.[kind]) || 'timeDuration'
}

export function bodyOf (element) {
  return timerOf(element)?.[kindOf(element)]?.body || ''
}

export function writeTimer (element, kind, body, { factory, modeling }) {
  const timer = timerOf(element)
  const changed = { timeDate: undefined, timeDuration: undefined, timeCycle: undefined }
  changed[kind] = child(factory, timer, 'bpmn:FormalExpression', { body })
  modeling.updateModdleProperties(element, timer, changed)
}

// {number, unit} of a plain period; null when the body is another expression.
export function periodOf (element) {
  const found = PERIOD.exec(bodyOf(element))
  if (!found) return null
  return found[3] ? { number: Number(found[3]), unit: 'H' } : { number: Number(found[1]), unit: found[2] }
}

export function writePeriod (element, number, unit, tools) {
  writeTimer(element, 'timeDuration', unit === 'H' ? `"PT${number}H"` : `"P${number}${unit}"`, tools)
}
