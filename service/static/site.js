// Starts the behaviours of the GOV.UK components; every page works without them.
import { initAll } from '/static/build/govuk-frontend.min.js'

initAll()
