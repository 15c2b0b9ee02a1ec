// Loaded by every page: turns on the GOV.UK components that have behaviour.
import { initAll } from 'govuk-frontend'

initAll()
