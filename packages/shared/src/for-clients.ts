/** The part of the contract that clients need at run time. It loads no schema, so pages that bundle the client contain none. */
export * from './is-terminal.ts'
export * from './plain-http.ts'
