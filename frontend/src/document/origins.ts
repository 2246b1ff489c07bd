/** Who made a change, told to Yjs with every transaction: edits of the person, taking them back, everything else. */

export const EDIT = { name: 'edit' }
export const UNDO = { name: 'undo' }
/** Loading, repair, seeds after a run: never taken back. */
export const UNTRACKED = { name: 'untracked' }
