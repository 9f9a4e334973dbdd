/** The result of a check; `remedy` says what to do about a problem. */
export type Finding = { what: string; state: 'fine' | 'problem' | 'note'; detail: string; remedy?: string }

/** Checks one thing on this machine and changes nothing. */
export type Check = () => Promise<Finding | Finding[]>

export const fine = (what: string, detail: string): Finding => ({ what, state: 'fine', detail })
export const note = (what: string, detail: string, remedy?: string): Finding => ({
  what,
  state: 'note',
  detail,
  remedy,
})
export const problem = (what: string, detail: string, remedy: string): Finding => ({
  what,
  state: 'problem',
  detail,
  remedy,
})
