"""An MCP client for the tests, driven by lines of JSON.

    .tools/mcp-2/bin/python tests/mcp/client.py URL [AUTHORIZATION] [--callback-port N] [--legacy]
    .tools/mcp-1/bin/python tests/mcp/client.py ...

The Python decides the line of the SDK. Authorization is one of
    --client-id ID              a client that the authorization server knows
    --client-metadata-url URL   a client-ID metadata document
    --register                  dynamic registration
    --bearer-env NAME           the token in this environment variable, without OAuth
It trusts the certificates of SSL_CERT_FILE. `--legacy` keeps SDK 2.x off 2026-07-28.

It reads one command a line from stdin, and answers each on stdout with {"ok": ...} or
{"error": {"type", "message", "code", "data"}}. End of file means quit.
    {"do": "connect"}           also: again, with a new connection
    {"do": "restart"}           like connect, knowing only what a program keeps on disk
    {"do": "list_tools"}
    {"do": "call", "tool": "echo", "arguments": {"text": "a"}}
    {"do": "parallel", "tool": "echo", "arguments": {"text": "a"}, "count": 4}
    {"do": "read", "uri": "note://a"}
    {"do": "prompt", "name": "greet", "arguments": {"name": "Ana"}}
    {"do": "token"}             what is known of the tokens, never a token
    {"do": "expire"}            makes the access token look expired
    {"do": "quit"}

In between it prints events:
    {"event": "ready", "sdk", "redirect_uri"}   when it has started
    {"event": "authorize", "url"}               open this in a browser, which comes back by itself
    {"event": "callback", "parameters"}         the browser came back
    {"event": "http", ...}                      a response arrived: `method`, `url` without its query,
                                                `status`, the scheme of `authorization`, the `headers`
                                                of MCP, the harmless part of the `form`, `challenge`
    {"event": "progress", "progress", "total"}  of a tool
    {"event": "disconnected", "error"}          the connection broke while no command was running
"""

import argparse
import asyncio
import json
import os
import ssl
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import mcp
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl

SDK = version("mcp")
SDK_2 = SDK.startswith("2.")

if SDK_2:
    import httpx2 as httpx
    from mcp.shared.auth import AuthorizationCodeResult
else:
    import httpx

PAGE = b"HTTP/1.1 %s\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n%s\n"


def emit(**values: Any) -> None:
    """Prints a line."""
    print(json.dumps(values), flush=True)


def described(error: BaseException) -> dict[str, Any]:
    """Returns the error that a group holds, or this one."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    answer = {"type": type(error).__name__, "message": str(error)}
    details = getattr(error, "error", None)  # of an answer in JSON-RPC
    if details is not None:
        answer |= {"code": details.code, "data": details.data}
    return answer


def dumped(result: Any) -> Any:
    """Returns a result of the SDK as it was in JSON."""
    return result.model_dump(mode="json", by_alias=True, exclude_none=True)


def outcome(result: Any) -> dict[str, Any]:
    """Returns the answer to one of several calls."""
    if isinstance(result, BaseException):
        return {"error": described(result)}
    return {"ok": dumped(result)}


class Storage:
    """What a client keeps on disk, in memory."""

    def __init__(self, client: OAuthClientInformationFull | None) -> None:
        self.client = client
        self.tokens: OAuthToken | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


class Callback:
    """The loopback server to which the browser comes back."""

    def __init__(self) -> None:
        self.redirect_uri = ""
        self.answers: asyncio.Queue[dict[str, str]] = asyncio.Queue()

    async def start(self, port: int) -> None:
        server = await asyncio.start_server(self.answer, "127.0.0.1", port)
        port = server.sockets[0].getsockname()[1]
        self.redirect_uri = f"http://127.0.0.1:{port}/callback"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = (await reader.readline()).decode("latin-1").split(" ")
        while (await reader.readline()).strip():
            pass
        target = urlsplit(line[1]) if len(line) == 3 else None
        if target and target.path == "/callback":
            writer.write(PAGE % (b"200 OK", b"Return to the client."))
            self.answers.put_nowait(dict(parse_qsl(target.query)))
        else:
            writer.write(PAGE % (b"404 Not Found", b"Not found."))
        await writer.drain()
        writer.close()

    async def wait(self) -> Any:
        """Returns the answer in the type that the SDK asks for."""
        answer = await self.answers.get()
        shown = {name: "" if name == "code" else value for name, value in answer.items()}
        emit(event="callback", parameters=shown)
        code, state = answer.get("code", ""), answer.get("state")
        if SDK_2:
            return AuthorizationCodeResult(code=code, state=state, iss=answer.get("iss"))
        return code, state


class Client:
    """One client program."""

    def __init__(self, arguments: argparse.Namespace, callback: Callback) -> None:
        self.arguments = arguments
        self.metadata = OAuthClientMetadata(
            client_name="Test client",
            redirect_uris=[AnyUrl(callback.redirect_uri)],
            grant_types=["authorization_code", "refresh_token"],
            response_types=["code"],
            token_endpoint_auth_method="none",
        )
        known = arguments.client_id and OAuthClientInformationFull(
            client_id=arguments.client_id, **self.metadata.model_dump()
        )
        self.storage = Storage(known or None)
        self.callback = callback
        self.provider: OAuthClientProvider | None = None
        self.restart()

    def restart(self) -> None:
        """Forgets what the SDK does not store: metadata and the time of expiry."""
        options = self.arguments
        if options.client_id or options.client_metadata_url or options.register:
            self.provider = OAuthClientProvider(
                options.url,
                self.metadata.model_copy(),
                self.storage,
                redirect_handler=self.authorize,
                callback_handler=self.callback.wait,
                client_metadata_url=options.client_metadata_url,
            )

    async def authorize(self, url: str) -> None:
        emit(event="authorize", url=url)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[tuple[Any, str]]:
        """Connects; gives the SDK's object that has the calls, and the version of the protocol."""
        token = os.environ[self.arguments.bearer_env] if self.arguments.bearer_env else None
        async with httpx.AsyncClient(
            auth=self.provider,
            headers={"Authorization": f"Bearer {token}"} if token else None,
            verify=ssl.create_default_context(),
            trust_env=False,
            timeout=httpx.Timeout(30, read=300),
            event_hooks={"response": [report]},
        ) as http:
            transport = streamable_http_client(self.arguments.url, http_client=http)
            if SDK_2:
                mode = "legacy" if self.arguments.legacy else "auto"
                async with mcp.Client(transport, mode=mode) as client:
                    yield client, client.protocol_version
            else:
                async with transport as (read, write, _), mcp.ClientSession(read, write) as session:
                    yield session, (await session.initialize()).protocolVersion

    def token(self) -> dict[str, Any] | None:
        """Returns what is known of the tokens."""
        tokens = self.storage.tokens
        if tokens is None:
            return None
        expiry = self.provider.context.token_expiry_time if self.provider else None
        return {
            "expires_in": tokens.expires_in,
            "remaining": expiry and round(expiry - time.time()),
            "refreshable": tokens.refresh_token is not None,
            "scope": tokens.scope,
        }

    def expire(self) -> None:
        """Makes the access token look expired."""
        if self.provider:
            self.provider.context.token_expiry_time = time.time() - 1


async def report(response: Any) -> None:
    """Prints an event for a response, without the secrets in it and in its request."""
    request = response.request
    event: dict[str, Any] = {
        "method": request.method,
        "url": str(request.url.copy_with(query=None)),
        "status": response.status_code,
        "authorization": request.headers.get("Authorization", "").partition(" ")[0],
        "headers": {
            name: value
            for name, value in request.headers.items()
            if name.startswith("mcp-") and name != "mcp-session-id"
        },
    }
    if request.headers.get("Content-Type") == "application/x-www-form-urlencoded":
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        shown = ("grant_type", "client_id", "redirect_uri", "resource", "scope")
        event["form"] = {name: form[name] for name in shown if name in form}
    if "WWW-Authenticate" in response.headers:
        event["challenge"] = response.headers["WWW-Authenticate"]
    emit(event="http", **event)


async def progress(value: float, total: float | None, _: str | None) -> None:
    emit(event="progress", progress=value, total=total)


async def perform(client: Client, session: Any, command: dict[str, Any]) -> Any:
    """Does what a command says, and returns its answer."""
    arguments = command.get("arguments")
    match command["do"]:
        case "list_tools":
            return [tool.name for tool in (await session.list_tools()).tools]
        case "call":
            call = session.call_tool(command["tool"], arguments, progress_callback=progress)
            return dumped(await call)
        case "parallel":
            calls = [session.call_tool(command["tool"], arguments) for _ in range(command["count"])]
            results = await asyncio.gather(*calls, return_exceptions=True)
            return [outcome(result) for result in results]
        case "read":
            uri = command["uri"]
            return dumped(await session.read_resource(uri if SDK_2 else AnyUrl(uri)))
        case "prompt":
            return dumped(await session.get_prompt(command["name"], arguments))
        case "token":
            return client.token()
        case "expire":
            return client.expire()
        case other:
            raise ValueError(f"unknown command: {other}")


class Driver:
    """The commands and their answers."""

    def __init__(self, client: Client, lines: asyncio.StreamReader) -> None:
        self.client = client
        self.lines = lines
        self.answered = True

    async def next(self) -> dict[str, Any]:
        line = await self.lines.readline()
        command = json.loads(line) if line else {"do": "quit"}
        self.answered = False
        return command

    def answer(self, **values: Any) -> None:
        self.answered = True
        emit(**values)

    async def run(self) -> None:
        """Performs commands until the one to quit."""
        command = await self.next()
        while command["do"] != "quit":
            if command["do"] == "restart":
                self.client.restart()
            if command["do"] in ("connect", "restart"):
                try:
                    async with self.client.connected() as (session, protocol):
                        self.answer(ok={"protocol": protocol})
                        command = await self.serve(session)
                        continue
                except Exception as error:  # the connection broke, or was not made
                    self.failed(error)
            else:
                self.answer(error={"type": "NotConnected", "message": "not connected"})
            command = await self.next()

    def failed(self, error: Exception) -> None:
        if self.answered:
            emit(event="disconnected", error=described(error))
        else:
            self.answer(error=described(error))

    async def serve(self, session: Any) -> dict[str, Any]:
        """Performs commands until one that ends this connection, and returns that one."""
        while True:
            command = await self.next()
            if command["do"] in ("connect", "restart", "quit"):
                return command
            try:
                self.answer(ok=await perform(self.client, session, command))
            except Exception as error:
                self.answer(error=described(error))


async def run(arguments: argparse.Namespace) -> None:
    lines = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(lines)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    callback = Callback()
    await callback.start(arguments.callback_port)
    client = Client(arguments, callback)
    emit(event="ready", sdk=SDK, redirect_uri=callback.redirect_uri)
    await Driver(client, lines).run()


def main() -> None:
    parser = argparse.ArgumentParser(description="An MCP client for the tests.")
    parser.add_argument("url")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--client-id", metavar="ID")
    mode.add_argument("--client-metadata-url", metavar="URL")
    mode.add_argument("--register", action="store_true")
    mode.add_argument("--bearer-env", metavar="NAME")
    parser.add_argument("--callback-port", type=int, default=0, help="default: a free one")
    parser.add_argument("--legacy", action="store_true", help="only versions before 2026-07-28")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
