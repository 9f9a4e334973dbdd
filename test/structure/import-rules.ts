import type { Import } from './imports.ts'

/**
 * Who may import whom. `within` names the files a rule is about; an import is allowed if one of `may` matches
 * its target. Node's own modules are free to all but the contract, which also runs in browsers.
 */
type Rule = { why: string; within: RegExp; may: RegExp[]; except?: RegExp }

const api = 'packages/api/src'
const operations = `${api}/operations`
const documents = new RegExp(`^${api}/store/documents/`)
const agent = 'packages/agent/src'
const node = /^node:/

const rules: Rule[] = [
  {
    why: 'the contract stands alone',
    within: /^packages\/shared\//,
    except: /\.test\.ts$/,
    may: [/^zod$/, /^packages\/shared\//],
  },
  {
    why: 'std knows nothing of Millrace and depends on nothing',
    within: /^packages\/std\//,
    except: /\.test\.ts$/,
    may: [node, /^packages\/std\//],
  },
  {
    why: 'the API knows only the contract',
    within: /^packages\/api\//,
    may: [/^(?!@millrace|packages\/)/, /^@millrace\/(shared|std\/time)$/, /^packages\/api\//],
  },
  {
    why: 'the agent loads only its part of the contract: the rest would cost memory',
    within: /^packages\/agent\//,
    may: [/^(?!@millrace|packages\/)/, /^@millrace\/(shared\/for-agents|std\/\w+)$/, /^packages\/agent\//],
  },
  {
    why: 'the client has no dependencies but what the contract has for clients; its types are generated',
    within: /^packages\/client\/src\//,
    except: /\.test\.ts$/,
    may: [/^@millrace\/shared\/for-clients$/, /^packages\/client\/src\//],
  },
  {
    why: 'the types of the client are generated from the OpenAPI document alone',
    within: /^packages\/client\/generate\//,
    except: /\.test\.ts$/,
    may: [/^zod$/, /^@millrace\/api\/openapi$/, /^packages\/client\/generate\//],
  },
  {
    why: 'the command uses public exports',
    within: /^packages\/cli\//,
    may: [/^(?!packages\/)/, /^packages\/cli\//],
  },
  {
    why: 'servers for development know nothing of ours',
    within: /^infra\//,
    may: [/^(?!@millrace|packages\/|demo\/|test\/)/, /^@millrace\/std\/\w+$/],
  },
  {
    why: 'the demo is a client like any other',
    within: /^demo\//,
    may: [/^@millrace\/(client|infra)$/, node, /^demo\//],
  },
  {
    why: 'what crosses packages uses public exports and processes',
    within: /^(test|bench)\//,
    may: [/^(?!packages\/)/],
  },

  {
    why: 'only store touches the database driver',
    within: new RegExp(`^${api}/(?!store/)`),
    may: [/^(?!mongodb$)/],
  },
  {
    why: 'only objects touches the S3 client',
    within: new RegExp(`^${api}/(?!objects/)`),
    may: [/^(?!@aws-sdk\/)/],
  },
  { why: 'only bus touches NATS', within: new RegExp(`^${api}/(?!bus/)`), may: [/^(?!@nats-io\/)/] },
  ...['store', 'objects', 'bus'].map((leaf) => ({
    why: `${leaf} is a leaf: it knows neither its siblings nor who uses it`,
    within: new RegExp(`^${api}/${leaf}/`),
    may: [new RegExp(`^(?!${api}/)`), new RegExp(`^${api}/${leaf}/`)],
  })),
  {
    why: 'operations know nothing of HTTP',
    within: new RegExp(`^${api}/operations/(?!webhooks/)`),
    may: [/^(?!hono|@hono)(?!packages\/api\/src\/(routes|present|http|tick)\/)/],
  },
  {
    why: 'webhooks send a task in the same shape as the API answers',
    within: new RegExp(`^${api}/operations/webhooks/`),
    may: [/^(?!hono|@hono)(?!packages\/api\/src\/(routes|http|tick)\/)/],
  },
  {
    why: 'the transitions of a task are pure: they know its document, its inputs and its caller',
    within: new RegExp(`^${operations}/task/`),
    except: /\.test\.ts$/,
    may: [
      /^(?!packages\/api\/)/,
      new RegExp(`^${operations}/(task|inputs|access)/`),
      documents,
      new RegExp(`^${api}/time-in-id.ts$`),
    ],
  },
  {
    why: 'only an arrow of the state diagram changes the status of a task',
    within: new RegExp(`^${api}/(?!operations/task/(transitions|fresh-round)\\.ts)`),
    except: /\.test\.ts$/,
    may: [new RegExp(`^(?!${operations}/task/move\\.ts)`)],
  },
  {
    why: 'the queue lies below what settles a task',
    within: new RegExp(`^${operations}/queue/`),
    may: [
      new RegExp(`^(?!${operations}/)`),
      new RegExp(`^${operations}/(queue|task|modules|inputs|events)/`),
    ],
  },
  {
    why: 'what settles a task lies below the verbs',
    within: new RegExp(`^${operations}/settle/`),
    may: [
      new RegExp(`^(?!${operations}/)`),
      new RegExp(`^${operations}/(settle|queue|task|inputs|events|webhooks)/`),
    ],
  },
  {
    why: 'the tick uses operations, not routes',
    within: new RegExp(`^${api}/tick/`),
    may: [/^(?!hono|@hono)(?!packages\/api\/src\/(routes|present|http)\/)/],
  },
  {
    why: 'only entries know the runtime',
    within: new RegExp(`^${api}/(?!node\\.ts)`),
    may: [/^(?!@hono\/node-server$)/],
  },

  ...['process', 'report', 'runs/inputs', 'transport', 'control-plane', 'workers'].map((leaf, _, leaves) => ({
    why: `${leaf} is a leaf of the agent: leaves do not import each other`,
    within: new RegExp(`^${agent}/${leaf}/`),
    except: /\.test\.ts$/,
    may: [new RegExp(`^(?!${agent}/(modules|${leaves.join('|')})/)`), new RegExp(`^${agent}/${leaf}/`)],
  })),
  {
    why: 'modules is a leaf of the agent, but for process: to set up and test a module is to run it',
    within: new RegExp(`^${agent}/modules/`),
    except: /\.test\.ts$/,
    may: [new RegExp(`^(?!${agent}/(report|runs|transport|control-plane|workers)/)`)],
  },
]

/** Imports that break a rule, each as a sentence. */
export function violations(imports: readonly Import[]): string[] {
  return imports.flatMap(({ from, to }) =>
    rules
      .filter(
        (rule) =>
          rule.within.test(from) &&
          !rule.except?.test(from) &&
          !(node.test(to) && !from.startsWith('packages/shared/')),
      )
      .filter((rule) => !rule.may.some((allowed) => allowed.test(to)))
      .map((rule) => `${from} imports ${to}: ${rule.why}`),
  )
}
