// Stands in for the FEEL editors of the properties panel, which none of our fields uses.
export class FeelersEditor {
  constructor () {
    throw new Error('There is no FEEL editor in this service')
  }
}

export default FeelersEditor
