// Starts the behaviours of the GOV.UK components; every page works without them.
import { initAll } from '/static/build/govuk-frontend.min.js'

initAll()

// What was typed is kept nowhere until it is sent: ask before leaving it behind.
let typed = false
for (const form of document.querySelectorAll('main form[method="post"]')) {
  form.addEventListener('input', () => { typed = true })
  form.addEventListener('submit', () => { typed = false })
}
addEventListener('beforeunload', event => typed && event.preventDefault())
