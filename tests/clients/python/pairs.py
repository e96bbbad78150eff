"""Runs cells of the table by Python's SDKs.

Reads `{"base", "key", "cells"}` from standard input, writes a JSON list of results in the form of `pairs/run.mjs`.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import json
import sys
from typing import Any, Callable

import anthropic
import openai

AT_ONCE = 16

CLASSES = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    409: "ConflictError",
    422: "UnprocessableEntityError",
    429: "RateLimitError",
}

OPENAI_ENDS = {"stop": "stop", "length": "length", "tool_calls": "tools", "content_filter": "refused"}
ANTHROPIC_ENDS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tools",
    "refusal": "refused",
}

# What is seen of an answer without content.
NOTHING = {"calls": [], "citations": [], "logprobs": None, "text": "", "thinking": False, "usage": None}

# What the call that runs in this task sent and got.
CALL: contextvars.ContextVar[dict[str, Any]] = contextvars.ContextVar("call")


async def note_request(request: Any) -> None:
    CALL.get()["sent"] = json.loads(request.content)


async def note_response(response: Any) -> None:
    CALL.get()["headers"] = dict(response.headers)


HOOKS = {"request": [note_request], "response": [note_response]}


class Left(Exception):
    """The client leaves."""


def words(method: Callable[..., Any], body: dict[str, Any]) -> dict[str, Any]:
    """A body as the arguments of an SDK's method: what it has no argument for goes as its `extra_body`."""
    known = inspect.signature(method).parameters
    given = {name: value for name, value in body.items() if name in known}
    extra = {name: value for name, value in body.items() if name not in known}
    return {**given, "extra_body": extra} if extra else given


def plain(value: Any) -> Any:
    """A part of an answer as its user would send it back."""
    return value.model_dump(mode="json", exclude_unset=True, exclude={"parsed", "parsed_arguments", "parsed_output"})


class Failed(Exception):
    """A response that failed after it had begun: the SDK hands it over like any other, and raises nothing."""


class OpenAIChat:
    errors = openai

    @staticmethod
    def client(base: str, key: str, retries: int) -> Any:
        http = openai.DefaultAsyncHttpxClient(event_hooks=HOOKS)
        return openai.AsyncOpenAI(api_key=key, base_url=f"{base}/v1", http_client=http, max_retries=retries)

    @classmethod
    async def plain(cls, client: Any, body: dict[str, Any], headers: dict[str, str]) -> Any:
        create = client.chat.completions.create
        return cls.read(await create(**words(create, body), extra_headers=headers))

    @classmethod
    async def stream(cls, client: Any, body: dict[str, Any], headers: dict[str, str], on_text: Any) -> Any:
        stream = client.chat.completions.stream
        async with stream(**words(stream, body), extra_headers=headers) as events:
            try:
                async for event in events:
                    if event.type == "content.delta":
                        on_text()
                return cls.read(await events.get_final_completion())
            except openai.LengthFinishReasonError as cut:
                # The helper takes these two ends for failures.
                return cls.read(cut.completion)
            except openai.ContentFilterFinishReasonError:
                return {}, {**NOTHING, "finish": "refused"}

    @staticmethod
    def next(body: dict[str, Any], turn: Any, step: dict[str, Any]) -> dict[str, Any]:
        results = [
            {"role": "tool", "tool_call_id": call["id"], "content": step["results"][call["function"]["name"]]}
            for call in turn.get("tool_calls") or []
        ]
        said = [{"role": "user", "content": step["say"]}] if "say" in step else results
        return {**body, "messages": [*body["messages"], turn, *said]}

    @staticmethod
    def read(completion: Any) -> Any:
        choice = completion.choices[0]
        message, logprobs, usage = choice.message, choice.logprobs, completion.usage
        turn = plain(message)
        for call in turn.get("tool_calls") or []:
            call["function"].pop("parsed_arguments", None)
        return turn, {
            "calls": [
                {"name": call.function.name, "arguments": json.loads(call.function.arguments)}
                for call in message.tool_calls or []
            ],
            "citations": [note.url_citation.title for note in message.annotations or []],
            "finish": "refused" if message.refusal else OPENAI_ENDS.get(choice.finish_reason),
            "logprobs": "".join(token.token for token in logprobs.content) if logprobs and logprobs.content else None,
            "text": message.content or "",
            "thinking": bool(getattr(message, "reasoning_content", None)),
            "usage": {"input": usage.prompt_tokens, "output": usage.completion_tokens} if usage else None,
        }


class OpenAIResponses:
    errors = openai
    client = OpenAIChat.client

    @classmethod
    async def plain(cls, client: Any, body: dict[str, Any], headers: dict[str, str]) -> Any:
        create = client.responses.create
        return cls.read(await create(**words(create, body), extra_headers=headers))

    @classmethod
    async def stream(cls, client: Any, body: dict[str, Any], headers: dict[str, str], on_text: Any) -> Any:
        stream = client.responses.stream
        async with stream(**words(stream, body), extra_headers=headers) as events:
            async for event in events:
                if event.type == "response.output_text.delta":
                    on_text()
                # The helper knows one end of a response.
                if event.type in ("response.failed", "response.incomplete"):
                    return cls.read(event.response)
                if event.type == "error":
                    raise Failed(f"{event.code}: {event.message}")
            return cls.read(await events.get_final_response())

    @staticmethod
    def next(body: dict[str, Any], turn: Any, step: dict[str, Any]) -> dict[str, Any]:
        asked = body["input"]
        if isinstance(asked, str):
            asked = [{"role": "user", "content": asked}]
        results = [
            {"type": "function_call_output", "call_id": item["call_id"], "output": step["results"][item["name"]]}
            for item in turn
            if item["type"] == "function_call" and "results" in step
        ]
        said = [{"role": "user", "content": step["say"]}] if "say" in step else results
        return {**body, "input": [*asked, *turn, *said]}

    @staticmethod
    def read(response: Any) -> Any:
        if response.status == "failed":
            raise Failed(f"{response.error.code}: {response.error.message}")
        parts = [part for item in response.output if item.type == "message" for part in item.content]
        texts = [part for part in parts if part.type == "output_text"]
        calls = [item for item in response.output if item.type == "function_call"]
        logprobs = [token.token for text in texts for token in text.logprobs or []]
        why = response.incomplete_details.reason if response.incomplete_details else None
        if why == "max_output_tokens":
            finish = "length"
        elif why == "content_filter" or any(part.type == "refusal" for part in parts):
            finish = "refused"
        else:
            finish = "tools" if calls else "stop"
        turn = [plain(item) for item in response.output]
        for item in turn:
            for part in item.get("content") or []:
                part.pop("parsed", None)
        usage = response.usage
        return turn, {
            "calls": [{"name": call.name, "arguments": json.loads(call.arguments)} for call in calls],
            "citations": [getattr(note, "title", "") for text in texts for note in text.annotations or []],
            "finish": finish,
            "logprobs": "".join(logprobs) or None,
            "text": "".join(text.text for text in texts),
            "thinking": any(item.type == "reasoning" for item in response.output),
            "usage": {"input": usage.input_tokens, "output": usage.output_tokens} if usage else None,
        }


class AnthropicMessages:
    errors = anthropic

    @staticmethod
    def client(base: str, key: str, retries: int) -> Any:
        http = anthropic.DefaultAsyncHttpxClient(event_hooks=HOOKS)
        return anthropic.AsyncAnthropic(api_key=key, base_url=base, http_client=http, max_retries=retries)

    @classmethod
    async def plain(cls, client: Any, body: dict[str, Any], headers: dict[str, str]) -> Any:
        create = client.messages.create
        return cls.read(await create(**words(create, body), extra_headers=headers))

    @classmethod
    async def stream(cls, client: Any, body: dict[str, Any], headers: dict[str, str], on_text: Any) -> Any:
        stream = client.messages.stream
        async with stream(**words(stream, body), extra_headers=headers) as events:
            async for event in events:
                if event.type == "text":
                    on_text()
            return cls.read(await events.get_final_message())

    @staticmethod
    def next(body: dict[str, Any], turn: Any, step: dict[str, Any]) -> dict[str, Any]:
        results = [
            {"type": "tool_result", "tool_use_id": block["id"], "content": step["results"][block["name"]]}
            for block in turn
            if block["type"] == "tool_use" and "results" in step
        ]
        said = step.get("say", results)
        turns = [{"role": "assistant", "content": turn}, {"role": "user", "content": said}]
        return {**body, "messages": [*body["messages"], *turns]}

    @staticmethod
    def read(message: Any) -> Any:
        texts = [block for block in message.content if block.type == "text"]
        return [plain(block) for block in message.content], {
            "calls": [
                {"name": block.name, "arguments": block.input}
                for block in message.content
                if block.type == "tool_use"
            ],
            "citations": [citation.cited_text for text in texts for citation in text.citations or []],
            "finish": ANTHROPIC_ENDS.get(message.stop_reason),
            "logprobs": None,
            "text": "".join(text.text for text in texts),
            "thinking": any(block.type == "thinking" for block in message.content),
            "usage": {"input": message.usage.input_tokens, "output": message.usage.output_tokens},
        }


ADAPTERS: dict[str, Any] = {
    "anthropic-messages": AnthropicMessages,
    "openai-chat": OpenAIChat,
    "openai-responses": OpenAIResponses,
}


def told(error: Exception, classes: Any, headers: dict[str, str]) -> dict[str, Any]:
    """An error in the words that all SDKs share; what is no error of the vendor's SDK is a fault of ours."""
    status = getattr(error, "status_code", None)
    name = CLASSES.get(status) or ("InternalServerError" if (status or 0) >= 500 else "APIError")
    # A connection that breaks comes as the error of the HTTP library, which both SDKs document.
    broken = status is None and type(error).__module__.split(".")[0] in ("httpx", "httpx2")
    return {
        "is_of_class": isinstance(error, (Failed, getattr(classes, name))) or broken,
        "retry_after": headers.get("retry-after"),
        "status": status,
        "text": f"{type(error).__name__}: {error} {json.dumps(getattr(error, 'body', None), default=str)}",
    }


async def run_attempt(cell: dict[str, Any], attempt: dict[str, Any], client: Any) -> dict[str, Any]:
    adapter = ADAPTERS[cell["adapter"]]
    call: dict[str, Any] = {"headers": {}, "sent": None}
    CALL.set(call)
    headers = attempt.get("headers", {})
    body = {**attempt["body"], "model": cell["model"]}
    seen: list[dict[str, Any]] = []
    turn: Any = None
    for step in [None, *attempt["steps"]]:
        if step is not None:
            body = adapter.next(body, turn, step)
        deltas = 0

        def on_text() -> None:
            nonlocal deltas
            deltas += 1
            if cell["leave"]:
                raise Left

        try:
            if cell["mode"] == "plain":
                turn, found = await adapter.plain(client, body, headers)
            else:
                turn, found = await adapter.stream(client, body, headers, on_text)
                found["deltas"] = deltas
            dropped = call["headers"].get("x-de-dropped", "")
            seen.append({**found, "dropped": [name for name in dropped.split(", ") if name]})
        except Left:
            seen.append({"left": True})
            break
        except Exception as error:  # Whatever comes is told: the judge says what should have.
            seen.append({"error": told(error, adapter.errors, call["headers"])})
            break
    return {"seen": seen, "sent": call["sent"]}


async def main() -> None:
    work = json.load(sys.stdin)
    clients: dict[tuple[str, int], Any] = {}
    limit = asyncio.Semaphore(AT_ONCE)

    async def run_cell(cell: dict[str, Any]) -> dict[str, Any]:
        kind = (cell["adapter"], cell["retries"])
        if kind not in clients:
            clients[kind] = ADAPTERS[kind[0]].client(work["base"], work["key"], kind[1])
        async with limit:
            attempts = [await run_attempt(cell, attempt, clients[kind]) for attempt in cell["attempts"]]
        return {"id": cell["id"], "attempts": attempts}

    results = await asyncio.gather(*(run_cell(cell) for cell in work["cells"]))
    for client in clients.values():
        await client.close()
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main())
