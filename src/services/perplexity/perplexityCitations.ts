// The citations in an answer's text: numbers in brackets and links. Found in one pass each, in time in proportion to the text.

export interface Citation {
  /** The number it cites a source by, or the address it links to. */
  readonly cites: number | string
}

const MOST_CITATIONS = 500
/** Places that may begin a link; of a text with more, the rest is not looked at. */
const MOST_PLACES = 2000
const LONGEST_URL = 2048
/** Code is full of brackets that cite nothing. */
const CODE = /```[\s\S]*?(?:```|$)|`[^`\n]{1,400}`/g
/** `[3]`, `[1, 2]`; what is followed by a bracket or a colon is a link or its definition. */
const NUMBERS = /\[(\d{1,3}(?:\s{0,3},\s{0,3}\d{1,3}){0,9})\](?![(:])/g

const [OPEN, CLOSE, ANGLE, SPACE] = [40, 41, 62, 32]

/** The first 500 citations of `text`, links before numbers; a number that is itself a link counts as the link it is. */
export function citationsIn(text: string): readonly Citation[] {
  const prose = text.replace(CODE, ' ')
  const citations: Citation[] = linksIn(prose).map((cites) => ({ cites }))
  for (const [, numbers = ''] of prose.matchAll(NUMBERS)) {
    for (const number of numbers.split(',')) {
      if (citations.length >= MOST_CITATIONS) return citations
      citations.push({ cites: Number(number) })
    }
  }
  return citations
}

/** The addresses of `[text](address)`, by hand: brackets within an address defeat a pattern that is to be quick. */
function linksIn(text: string): string[] {
  const links: string[] = []
  let at = text.indexOf('](')
  for (let place = 0; at >= 0 && place < MOST_PLACES && links.length < MOST_CITATIONS; place++) {
    const start = text[at + 2] === '<' ? at + 3 : at + 2
    const end = text.startsWith('http', start) ? endOfUrl(text, start) : start
    if (end > start) links.push(text.slice(start, end))
    at = text.indexOf('](', Math.max(end, at + 2))
  }
  return links
}

/** Where the address that begins at `start` ends; `start` where it has no end within its longest. */
function endOfUrl(text: string, start: number): number {
  let open = 0
  for (let i = start; i < text.length && i - start <= LONGEST_URL; i++) {
    const code = text.charCodeAt(i)
    if (code === OPEN) open++
    else if ((code === CLOSE && open-- === 0) || code === ANGLE || code <= SPACE) return i
  }
  return start
}

/** The address by which two spellings of one page are the same: no scheme, no `www.`, no fragment, no tracking, no last slash. */
export function pageOf(url: string): string | undefined {
  const parsed = parsedUrl(url)
  if (parsed === undefined) return undefined
  const { pathname, searchParams } = parsed
  for (const name of [...searchParams.keys()]) if (/^utm_/i.test(name)) searchParams.delete(name)
  const query = searchParams.size === 0 ? '' : `?${searchParams}`
  return `${domainOf(parsed)}${pathname.replace(/\/$/, '')}${query}`
}

/** The host of `url` without `www.`; undefined where it is no address. */
export function domainOf(url: string | URL): string | undefined {
  const host = typeof url === 'string' ? parsedUrl(url)?.host : url.host
  return host?.toLowerCase().replace(/^www\./, '')
}

function parsedUrl(url: string): URL | undefined {
  return URL.canParse(url) ? new URL(url) : undefined
}
