/** The groups of calls, as `/docs` and OpenAPI show them. */
export const tags = {
  Data: 'Values and files.',
  Tasks: 'One module applied to inputs, and what becomes of it.',
  Summary: 'Counts and changes, for dashboards.',
  Runs: 'Attempts of tasks, and their logs.',
  Modules: 'What can be run, and on which agents.',
  Agents: 'The machines that work.',
  Schedules: 'Tasks that are created again and again.',
  Webhooks: 'URLs that receive the end of tasks.',
  Keys: 'Who may call the API.',
  Grants: 'Tokens for browser pages.',
  Tickets: 'Paths for callers that can send no header.',
  Audit: 'Who changed what.',
  Settings: 'Limits and retention.',
  Health: 'For monitoring.',
  'Agent side': 'What agents call.',
} as const
export type Tag = keyof typeof tags
