import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Served, serve } from './served.ts'
import { shareOfWords } from './words.ts'
import { type Workshop, workshop } from './workshop.ts'
import { expectRefusals } from './wrong-files.ts'

const page = resolve(import.meta.dirname, '../samples/page.png')
const words = `Region-based segmentation Let us first determine markers of the coins and the background. These
  markers are pixels that we can label unambiguously as either object or background. Here, the markers are
  found at the two extreme parts of the histogram of grey values: markers = np.zeros_like(coins)`

let here: Workshop
beforeAll(async () => {
  here = await workshop(['ocr'])
})
afterAll(() => here?.close())

describe('ocr', () => {
  test('reads a scanned page', async () => {
    const { code, outputs } = await here.run('ocr', { picture: page })
    expect(code).toBe(0)
    expect(shareOfWords(words, String(outputs.text))).toBeGreaterThanOrEqual(0.8)
    expect(outputs.lines).toHaveLength(String(outputs.text).split('\n').length)
  })
})

describe('ocr, loaded once', () => {
  let served: Served
  beforeAll(async () => {
    served = await serve(here, 'ocr')
  })

  test('says where in a drawn picture which line stands', async () => {
    const picture = await drawn('[((60, 40), "The quick brown fox"), ((60, 240), "INVOICE 20261")]')
    expect(await served.run({ picture })).toMatchObject({
      type: 'done',
      result: {
        outputs: {
          text: 'The quick brown fox\nINVOICE 20261',
          lines: [
            { text: 'The quick brown fox', confidence: expect.closeTo(0.9, 0) },
            { box: [[expect.closeTo(60, -1.3), expect.closeTo(245, -1.5)], {}, {}, {}] },
          ],
        },
      },
    })
  })

  test('finds no text in an empty picture', async () => {
    const outputs = { text: '', lines: [] }
    expect(await served.run({ picture: await drawn('[]') })).toMatchObject({
      type: 'done',
      result: { outputs },
    })
  })

  test('refuses what is no picture', () =>
    expectRefusals(here.folder, 'png', (picture) => served.run({ picture })))

  test('ends on request', async () => expect(await served.end()).toBe(0))
})

/** A picture of 640 × 360 with these texts, drawn by the module's own environment. */
async function drawn(texts: string): Promise<string> {
  const file = join(here.folder, `drawn-${texts.length}.png`)
  const script = `
from PIL import Image, ImageDraw, ImageFont
import sys
picture = Image.new("RGB", (640, 360), "white")
for at, text in ${texts}:
    ImageDraw.Draw(picture).text(at, text, fill="black", font=ImageFont.load_default(40))
picture.save(sys.argv[1])
print("null")
`
  await here.python('ocr', script, file)
  return file
}
