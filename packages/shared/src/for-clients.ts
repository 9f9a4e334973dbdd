/** What clients need of the contract at run time. It loads no schema: a page that bundles the client has none. */
export * from './is-terminal.ts'
export * from './plain-http.ts'
