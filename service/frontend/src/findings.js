// What the checks found, as a table; a row of this diagram leads to its element.
export function showFindings (place, findings, path, select) {
  const summary = inWords(findings)
  const heading = Object.assign(document.createElement('h2'), { className: 'govuk-heading-m', textContent: summary })
  place.replaceChildren(heading, ...(findings.length ? [table(findings, path, select)] : []))
  place.hidden = false
  return summary
}

function inWords (findings) {
  const errors = findings.filter(finding => finding.level === 'error').length
  if (!findings.length) return 'The checks found nothing'
  const others = findings.length - errors
  return `${errors ? count(errors, 'thing') : 'Nothing'} to mend, ${count(others, 'warning')}`
}

function count (number, noun) {
  return `${number || 'no'} ${noun}${number === 1 ? '' : 's'}`
}

function table (findings, path, select) {
  const made = document.createElement('table')
  made.className = 'govuk-table app-findings'
  made.append(row('th', ['Where', 'What is wrong', 'How to mend it'], 'thead'))
  const body = document.createElement('tbody')
  body.className = 'govuk-table__body'
  for (const finding of findings) body.append(cells(finding, path, select))
  made.append(body)
  return made
}

function row (tag, texts, section) {
  const line = Object.assign(document.createElement('tr'), { className: 'govuk-table__row' })
  for (const text of texts) {
    line.append(Object.assign(document.createElement(tag), { className: 'govuk-table__header', scope: 'col', textContent: text }))
  }
  const part = document.createElement(section)
  part.className = 'govuk-table__head'
  part.append(line)
  return part
}

function cells (finding, path, select) {
  const line = Object.assign(document.createElement('tr'), { className: 'govuk-table__row' })
  const texts = [where(finding, path, select), `${finding.level === 'error' ? '' : 'Warning: '}${finding.message}`, finding.mend || '']
  for (const content of texts) {
    const cell = Object.assign(document.createElement('td'), { className: 'govuk-table__cell' })
    cell.append(content)
    line.append(cell)
  }
  return line
}

function where (finding, path, select) {
  const line = finding.line ? `, line ${finding.line}` : ''
  if (finding.file !== path || !finding.element) return `${finding.file}${line}${finding.element ? `, ${finding.element}` : ''}`
  const button = Object.assign(document.createElement('button'), { type: 'button', className: 'app-link-button', textContent: finding.element })
  button.addEventListener('click', () => select(finding.element))
  const both = document.createDocumentFragment()
  both.append(button, line)
  return both
}
