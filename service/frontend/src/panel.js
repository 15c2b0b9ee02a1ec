// The panel beside the diagram: for each kind of element the few things a process owner decides, in plain words.
import { Group } from '@bpmn-io/properties-panel'
import { getBusinessObject, is, isAny } from 'bpmn-js/lib/util/ModelUtil'
import { readProperty } from './extensions.js'
import { attribute, choices, field, property, text } from './fields.js'
import { condition, loopItem, loopList, loopOf, message, otherwise, processName } from './standard.js'
import { KINDS, UNITS, bodyOf, kindOf, periodOf, timerOf, writePeriod, writeTimer } from './timers.js'

const HIGH_PRIORITY = 400
const UNNAMED = ['bpmn:Collaboration', 'bpmn:Lane', 'bpmn:TextAnnotation']
const WITH_CLAUSE = ['bpmn:Activity', 'bpmn:Gateway', 'bpmn:Event', 'bpmn:Process']

const name = field('area', 'name', 'Name', attribute('name'), { autoResize: true, rows: 1 })
const clause = field('text', 'clause', 'Clause', property('clause'), { description: 'The clauses it serves, with a space between them' })
const identity = field('text', 'id', 'Key', attribute('id'), {
  description: 'Cases remember this key: change it only for something new',
  validate: (value, element, { moddle }) => keyProblem(value, getBusinessObject(element), moddle)
})

const task = [
  field('select', 'form', 'Form', property('form'), { options: choices('forms', 'Choose a form') }),
  field('select', 'role', 'Responsible role', property('role'), { options: choices('roles', asLane) }),
  field('text', 'agency', 'Only this agency', property('agency'), { description: 'An expression giving an agency, for example agency.id' })
]
const words = [
  field('area', 'guidance', 'Guidance', text('spiffworkflow:InstructionsForEndUser'), {
    description: 'Leave a line empty between paragraphs; start a line with "- " for a list', rows: 5
  }),
  field('text', 'asks', 'Who asked', property('asks')),
  field('area', 'next', 'What happens next', property('next'), { rows: 2 }),
  field('text', 'takes', 'How long it takes', property('takes')),
  field('area', 'example', 'Example', property('example'), { description: 'A good answer', rows: 2 })
]
const due = [
  field('text', 'due', 'Due', property('due'), { description: 'For example working_days_after(opened_at, 5)' }),
  field('text', 'due_basis', 'Why this date', property('due_basis')),
  field('text', 'remind', 'Remind', property('remind'), { description: 'Days before it is due, for example 14 7 1', validate: daysProblem })
]
const send = [
  message,
  field('select', 'form', 'Form', property('form'), { options: choices('forms', 'No form') }),
  field('select', 'role', 'Who may send it', property('role'), { options: choices('roles', asLane) })
]
const timer = {
  kind: field('select', 'timer-kind', 'When', {
    read: kindOf,
    write: (element, kind, tools) => writeTimer(element, kind, '', tools)
  }, { options: () => KINDS }),
  number: field('number', 'timer-number', 'Wait for', {
    read: element => periodOf(element)?.number ?? '',
    write: (element, number, tools) => number && writePeriod(element, number, periodOf(element)?.unit || 'D', tools)
  }, { min: 1, step: 1 }),
  unit: field('select', 'timer-unit', 'Unit', {
    read: element => periodOf(element)?.unit || 'D',
    write: (element, unit, tools) => writePeriod(element, periodOf(element)?.number || 1, unit, tools)
  }, { options: () => UNITS }),
  timeDate: timerBody('Date', 'For example months_after(received_at, 1)'),
  timeDuration: timerBody('Or an expression', 'For example "P10D" or days(10)'),
  timeCycle: timerBody('How often', 'For example "R3/P7D": three times, every seven days')
}
const clock = [
  field('text', 'clock', 'Clock key', property('clock'), { description: 'A short key; expressions read clocks.<key>.due' }),
  field('text', 'clock-name', 'Name of the time limit', property('name')),
  field('text', 'clock-from', 'Starts at', property('from'), { description: 'The case variable that holds the start' }),
  field('select', 'clock-kind', 'Kind', property('kind'), { options: () => [
    { value: '', label: 'Choose a kind' }, { value: 'statutory', label: 'Statutory' }, { value: 'local rule', label: 'Local rule' }
  ] }),
  field('text', 'clock-remind', 'Remind', property('remind'), { description: 'Days before it is due, for example 14 7 3 1', validate: daysProblem })
]
const lane = field('select', 'lane-role', 'Role of this lane', attribute('name'), {
  options: (element, tools) => [{ value: '', label: 'Choose a role' }, ...tools.choices.roles.map(role => ({ value: role.label, label: role.label }))]
})
const decision = field('select', 'decision', 'Decision table', text('spiffworkflow:CalledDecisionId'), { options: choices('decisions', 'Choose a decision table') })
const called = field('select', 'called', 'Process to run', attribute('calledElement'), { options: choices('processes', 'Choose a process') })
const script = field('area', 'script', 'Sets', attribute('script'), { description: 'One line for each variable: name = expression', monospace: true, rows: 5 })
const outcome = field('text', 'outcome', 'Outcome key', property('outcome'), { description: 'How the case ended, for statistics and tests' })
const note = field('area', 'note', 'Text', attribute('text'), { rows: 3 })

function timerBody (label, description) {
  return field('text', 'timer-body', label, {
    read: bodyOf,
    write: (element, body, tools) => writeTimer(element, kindOf(element), body || '', tools)
  }, { description })
}

function asLane (element, { registry }) {
  const object = getBusinessObject(element)
  const found = registry.find(other => is(other, 'bpmn:Lane') && getBusinessObject(other).flowNodeRef?.includes(object))
  return found ? `As the lane: ${getBusinessObject(found).name}` : 'Choose a role'
}

function keyProblem (value, object, moddle) {
  if (!/^[A-Za-z_][\w.-]*$/.test(value || '')) return 'Use letters, numbers and underscores, starting with a letter'
  const owner = moddle.ids.assigned(value)
  return owner && owner !== object ? 'Something else in this diagram has this key' : null
}

function daysProblem (value) {
  return !value || /^\d+( +\d+)*$/.test(value.trim()) ? null : 'Write numbers of days with spaces between them'
}

function timerFields (element) {
  const kind = kindOf(element)
  if (kind !== 'timeDuration') return [timer.kind, timer[kind]]
  const plain = periodOf(element) || !bodyOf(element)
  return plain ? [timer.kind, timer.number, timer.unit, timer.timeDuration] : [timer.kind, timer.timeDuration]
}

function hasMessage (element) {
  return (getBusinessObject(element).eventDefinitions || []).some(definition => is(definition, 'bpmn:MessageEventDefinition'))
}

function fromChoice (element) {
  return is(element, 'bpmn:SequenceFlow') && is(element.source, 'bpmn:ExclusiveGateway')
}

// [id, heading, does it apply, its fields, open at first]
const SECTIONS = [
  ['general', 'What it is', element => !isAny(element, UNNAMED), () => [name], true],
  ['process', 'Process', element => is(element, 'bpmn:Participant'), () => [processName], true],
  ['note', 'Note', element => is(element, 'bpmn:TextAnnotation'), () => [note], true],
  ['lane', 'Responsible role', element => is(element, 'bpmn:Lane'), () => [lane], true],
  ['task', 'Who does what', element => is(element, 'bpmn:UserTask'), () => task, true],
  ['message', 'Message', hasMessage, () => send, true],
  ['due', 'When it is due', element => is(element, 'bpmn:UserTask'), () => due, true],
  ['timer', 'Time', element => Boolean(timerOf(element)), timerFields, true],
  ['clock', 'Time limit of the case', element => is(element, 'bpmn:BoundaryEvent') && Boolean(timerOf(element)), () => clock, true],
  ['condition', 'Condition', fromChoice, () => [condition, otherwise], true],
  ['decision', 'Decision', element => is(element, 'bpmn:BusinessRuleTask'), () => [decision], true],
  ['called', 'Process', element => is(element, 'bpmn:CallActivity'), () => [called], true],
  ['script', 'Calculation', element => is(element, 'bpmn:ScriptTask'), () => [script], true],
  ['loop', 'Repeat for each', element => Boolean(loopOf(element)), () => [loopList, loopItem], true],
  ['outcome', 'End', element => is(element, 'bpmn:EndEvent'), () => [outcome], true],
  ['words', 'What people read', element => is(element, 'bpmn:UserTask') || hasMessage(element), () => words, true],
  ['clauses', 'Law', element => isAny(element, WITH_CLAUSE), () => [clause], true],
  ['technical', 'Technical', element => !is(element, 'bpmn:Collaboration'), () => [identity], false]
]

// One tick for each role that may be reminded of a time limit.
function reminded (role) {
  const keys = element => readProperty(element, 'remind_roles').split(/\s+/).filter(Boolean)
  return field('tick', `remind-role-${role.value}`, role.label, {
    read: element => keys(element).includes(role.value),
    write: (element, ticked, tools) => {
      const others = keys(element).filter(key => key !== role.value)
      property('remind_roles').write(element, (ticked ? [...others, role.value] : others).join(' '), tools)
    }
  })
}

class Panel {
  constructor (propertiesPanel, config) {
    const ticks = config.roles.map(reminded)
    const who = ['reminded', 'Who is reminded', element => is(element, 'bpmn:BoundaryEvent') && Boolean(timerOf(element)), () => ticks, false]
    const after = SECTIONS.findIndex(([id]) => id === 'clock') + 1
    this.sections = [...SECTIONS.slice(0, after), who, ...SECTIONS.slice(after)]
    propertiesPanel.registerProvider(HIGH_PRIORITY, this)
  }

  getGroups (element) {
    return () => this.sections.filter(([, , applies]) => applies(element)).map(section => group(section, element))
  }
}
Panel.$inject = ['propertiesPanel', 'config.choices']

function group ([id, label, , fields, shouldOpen], element) {
  return { id, label, component: Group, shouldOpen, entries: fields(element).map(entry => ({ ...entry, element })) }
}

export default { __init__: ['plainPanel'], plainPanel: ['type', Panel] }
