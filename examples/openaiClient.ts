// The official OpenAI client through a breaker: its errors are classified by status, code and headers, so a 429 paces, billing
// that ran out raises an alert, and an outage opens. Run it with Node 24, which takes TypeScript as it is: OPENAI_API_KEY=... node examples/openaiClient.ts
import OpenAI from 'openai'
import { CallRejectedError, createSwitchgear } from 'switchgear'

const openai = new OpenAI({ apiKey: process.env.OPENAI_API_KEY ?? 'none', maxRetries: 0 })

await using gear = await createSwitchgear({
  services: { openai: { kind: 'openai', timeout: 30_000 } },
  journal: { file: './openai.jsonl' },
})
gear.events$.subscribe((event) => {
  if (event.type === 'alert') console.error(`${event.level}: ${event.message}`)
})

const ask = async (question: string): Promise<string> => {
  const answer = await gear.execute(
    'openai',
    (call) =>
      openai.chat.completions.create(
        {
          model: call.degradation.level > 0 ? 'gpt-5-mini' : 'gpt-5',
          messages: [{ role: 'user', content: question }],
        },
        { signal: call.signal },
      ),
    { fallback: () => undefined },
  )
  return answer?.choices[0]?.message.content ?? `no answer now; the service is ${gear.state('openai')}`
}

try {
  console.log(await ask('What is a switchgear?'))
} catch (error) {
  if (error instanceof CallRejectedError) console.log(`try again in ${error.retryAfterMs ?? 'some'} ms`)
  else throw error
}
