// What a call to a language model costs, from the tokens it used: the prices of prices/*.json with the user's laid over, a rule
// for models that are in neither, and which model is the next smaller one. The OpenAI profile asks; other kinds can.
import { readFileSync } from 'node:fs'
import type { TokenUsage } from '../../model/measurement.ts'
import type { Price } from '../../model/settings.ts'

/** A price book as it stands in its file. All prices are dollars for a million tokens. */
export interface PriceList {
  readonly unknown: Price
  /** Where a prompt is longer than `above` tokens, the whole call costs so many times more. */
  readonly longContext: { readonly above: number; readonly input: number; readonly output: number }
  /** How many times the standard price a `service_tier` costs. */
  readonly tiers: Readonly<Record<string, number | string>>
  readonly models: Readonly<Record<string, ListedModel>>
}

export interface ListedModel extends Price {
  /** The next smaller model of its family, where a request needs no other change. */
  readonly smaller?: string
  /** Spends output on reasoning before it answers. */
  readonly reasoning?: boolean
  /** Costs more beyond the list's `longContext`. */
  readonly long?: boolean
  /** False: takes no function tools in Chat Completions. */
  readonly chatTools?: boolean
}

export interface PricedModel extends ListedModel {
  /**
   * How its price was found: `listed` under its own name, with or without a date; `guessed` from a name it begins with, or for
   * want of any.
   */
  readonly found: 'listed' | 'guessed'
}

/** Told once for each model whose price is a guess. */
export type Tell = (model: string, text: string) => void

/** Names of models are text from requests and answers: so many are kept, then all are looked up anew. */
const MOST_NAMES = 200
const LONGEST_NAME = 200
/** The key of `settings.prices` that stands for every model that is nowhere else. */
const ANY_MODEL = '*'
const FINE_TUNED = 'ft:'

let openaiList: PriceList | undefined

/** The price list of OpenAI's models, read when first asked for: prices/openai.json of this package. */
export function openaiPrices(): PriceList {
  openaiList ??= JSON.parse(readFileSync(new URL('../../../prices/openai.json', import.meta.url), 'utf8')) as PriceList
  return openaiList
}

export class PriceBook {
  readonly #list: () => PriceList
  readonly #own: Readonly<Record<string, Price>>
  readonly #tell: Tell
  readonly #priced = new Map<string, PricedModel>()

  /** `own` is laid over the list, field by field; its key `*` stands for models that are in neither. */
  constructor(list: () => PriceList, own: Readonly<Record<string, Price>> = {}, tell: Tell = warnOnce) {
    this.#list = list
    this.#own = own
    this.#tell = tell
  }

  /**
   * The price of `model`: under its own name, under the name without a date (`-2024-08-06`) or a provider before it (`openai/`),
   * as the longest listed name that it begins with (`gpt-5-codex` is priced as `gpt-5`), else as `*` of the user's own prices,
   * else as `unknown` of the list. The last two guesses are told once a name.
   */
  find(model: string): PricedModel {
    const name = model.slice(0, LONGEST_NAME)
    let priced = this.#priced.get(name)
    if (priced === undefined) {
      priced = this.listed(name) ?? this.#guess(name)
      if (this.#priced.size >= MOST_NAMES) this.#priced.clear()
      this.#priced.set(name, priced)
    }
    return priced
  }

  /** Dollars. Cached input is a part of the input, reasoning a part of the output. `tier`: the `service_tier` of the answer. */
  cost(priced: PricedModel, usage: TokenUsage, tier?: string): number {
    const { longContext, tiers } = this.#list()
    const isLong = priced.long === true && usage.input > longContext.above
    const cached = Math.min(usage.cached ?? 0, usage.input)
    const input = (usage.input - cached) * priced.input + cached * (priced.cachedInput ?? priced.input)
    const output = usage.output * (priced.output ?? 0)
    const dollars = (input * (isLong ? longContext.input : 1) + output * (isLong ? longContext.output : 1)) / 1_000_000
    const factor = tier !== undefined && Object.hasOwn(tiers, tier) ? tiers[tier] : 1
    return typeof factor === 'number' ? dollars * factor : dollars
  }

  /** The model `steps` smaller than `model`, as far as there are any; undefined where it is the smallest or not known exactly. */
  smaller(model: string, steps: number, fits: (priced: PricedModel) => boolean = () => true): string | undefined {
    const { prefix, base, undated } = partsOf(model)
    if (prefix === FINE_TUNED) return undefined
    let found: string | undefined
    let name = this.#entry(base) === undefined ? undated : base
    for (let step = 0; step < steps; step++) {
      const next = this.#entry(name)?.smaller
      if (next === undefined || !fits(this.find(next))) break
      found = next
      name = next
    }
    return found === undefined ? undefined : prefix + found
  }

  /** The price of `model` if it needs no guess. */
  listed(model: string): PricedModel | undefined {
    const { prefix, base, undated } = partsOf(model)
    for (const candidate of [model, prefix + undated, base, undated]) {
      const listed = this.#entry(candidate)
      if (listed !== undefined) return { ...listed, found: 'listed' }
    }
    return undefined
  }

  /** Whether `model` is known to reason before it answers; what is not known and begins like one that does, does too. */
  isReasoning(model: string): boolean {
    const { base } = partsOf(model)
    return (this.listed(model) ?? this.#nearest(base)?.[1])?.reasoning === true || /^(?:o\d|gpt-(?:[5-9]|\d\d))/.test(base)
  }

  #guess(name: string): PricedModel {
    const nearest = this.#nearest(partsOf(name).base)
    if (nearest !== undefined) {
      this.#tell(name, `${name} is in no price list: it is priced as ${nearest[0]}, ${inWords(nearest[1])}`)
      return { ...priceOf(nearest[1]), found: 'guessed' }
    }
    const any = Object.hasOwn(this.#own, ANY_MODEL) ? this.#own[ANY_MODEL] : undefined
    if (any !== undefined) return { ...any, found: 'listed' }
    const { unknown } = this.#list()
    this.#tell(name, `${name} is in no price list: it is priced as ${inWords(unknown)}`)
    return { ...priceOf(unknown), found: 'guessed' }
  }

  #entry(name: string): ListedModel | undefined {
    const { models } = this.#list()
    const listed = Object.hasOwn(models, name) ? models[name] : undefined
    const own = Object.hasOwn(this.#own, name) && name !== ANY_MODEL ? this.#own[name] : undefined
    return own === undefined ? listed : { ...listed, ...own }
  }

  /** The longest listed name that `name` goes on from after a separator, with its price. */
  #nearest(name: string): readonly [string, ListedModel] | undefined {
    let nearest: readonly [string, ListedModel] | undefined
    for (const known of [...Object.keys(this.#own), ...Object.keys(this.#list().models)]) {
      const goesOn = known !== ANY_MODEL && name.startsWith(known) && /[-.:@]/.test(name[known.length] ?? '')
      if (!goesOn || known.length <= (nearest?.[0].length ?? 0)) continue
      const entry = this.#entry(known)
      if (entry !== undefined) nearest = [known, entry]
    }
    return nearest
  }
}

function priceOf({ input, output, cachedInput, reasoning, long }: ListedModel): ListedModel {
  return {
    input,
    ...(output === undefined ? {} : { output }),
    ...(cachedInput === undefined ? {} : { cachedInput }),
    ...(reasoning === undefined ? {} : { reasoning }),
    ...(long === undefined ? {} : { long }),
  }
}

/** `ft:` and whatever stands before a slash are set apart; a date at the end as well. */
function partsOf(name: string): { readonly prefix: string; readonly base: string; readonly undated: string } {
  const start = name.startsWith(FINE_TUNED) ? FINE_TUNED.length : name.lastIndexOf('/') + 1
  const base = name.slice(start)
  return { prefix: name.slice(0, start), base, undated: base.replace(/-\d{4}-\d\d-\d\d$/, '') }
}

function inWords({ input, output }: Price): string {
  const priced = output === undefined ? `$${input} a million tokens` : `$${input} in and $${output} out a million tokens`
  return `${priced}; set it by prices in the service's configuration`
}

const told = new Set<string>()

/** One warning a name in this process, and none after a hundred names. */
function warnOnce(model: string, text: string): void {
  if (told.has(model) || told.size >= 100) return
  told.add(model)
  process.emitWarning(text, { type: 'SwitchgearWarning', code: 'SWITCHGEAR_UNKNOWN_PRICE' })
}
