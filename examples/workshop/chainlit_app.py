"""chainlit_app - session 2 as a page in the browser: each question is answered from the documents that are nearest to it, with
their numbers below the answer.

  pip install openai chainlit ./python
  chainlit run examples/workshop/chainlit_app.py
"""
import chainlit
import openai
from foundry_local import FoundryLocalManager

from local import connect, model_of
from rag_pipeline import SYSTEM, nearest, prompt_of

MODEL = model_of("FOUNDRY_LOCAL_ALIAS", "phi-4-mini")


@chainlit.on_message
async def answer(message: chainlit.Message):
    manager = FoundryLocalManager()
    chosen = await chainlit.make_async(nearest)(connect(), message.content, 2)
    reply = chainlit.Message(content="")
    async with openai.AsyncOpenAI(base_url=manager.endpoint, api_key=manager.api_key) as client:
        stream = await client.chat.completions.create(
            model=MODEL, temperature=0, max_tokens=300, stream=True,
            messages=[{"role": "system", "content": SYSTEM}, {"role": "user", "content": prompt_of(message.content, chosen)}])
        async for chunk in stream:
            if chunk.choices and (token := chunk.choices[0].delta.content):
                await reply.stream_token(token)
    await reply.stream_token(f"\n\nDocuments: {', '.join(str(i + 1) for i in chosen)}")
    await reply.update()
