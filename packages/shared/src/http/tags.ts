/** The groups of calls, as `/docs` and OpenAPI show them. */
export const tags = {
  Data: 'Values and files.',
  Tasks: 'One module applied to inputs, and its result.',
  Summary: 'Counts and changes, for dashboards.',
  Runs: 'Attempts of tasks, and their logs.',
  Modules: 'The modules that agents can run.',
  Agents: 'The machines that run tasks.',
  Schedules: 'Tasks that the API creates repeatedly.',
  Webhooks: 'URLs that receive the end of tasks.',
  Keys: 'Secrets of programs and agents that call the API.',
  Grants: 'Tokens for browser pages.',
  Tickets: 'One-path tokens for callers that cannot send headers.',
  Audit: 'Who changed what.',
  Settings: 'Limits and retention.',
  Health: 'For monitoring.',
  'Agent side': 'The calls of agents.',
} as const
export type Tag = keyof typeof tags
