"""An MCP server for the tests: streamable HTTP at /mcp on 127.0.0.1.

    .tools/mcp-2/bin/python tests/mcp/server.py [--port N] [--stateless] [--check-host]
    .tools/mcp-1/bin/python tests/mcp/server.py ...

The Python decides the line of the SDK. With 2.x it speaks 2026-07-28 and the versions before it;
with 1.x only those up to 2025-11-25. It prints `listening PORT` and ends at SIGTERM.

Tools: `echo`, `send_mail`, `send_invoice` (its customer is also the header `Mcp-Param-Customer`),
`whoami` (the headers that arrived here) and `count` (one progress event a second). Prompt:
`greet`. Resources: `note://a` and `file:///{path}`. `GET /calls`, which is not MCP, returns the
names of the tools that ran.
"""

import argparse
import asyncio
import socket
from typing import Annotated, Any

import uvicorn
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import ToolAnnotations
from pydantic import Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

try:
    from mcp.server.mcpserver import Context, MCPServer
except ImportError:  # SDK 1.x
    from mcp.server.fastmcp import Context, FastMCP as MCPServer

SDK_2 = MCPServer.__name__ == "MCPServer"


def application(options: dict[str, Any]) -> Starlette:
    """Returns the server; `options` are those of the SDK's HTTP transport."""
    server = MCPServer("tests", log_level="WARNING", **({} if SDK_2 else options))
    add_tools(server)

    @server.prompt()
    def greet(name: str) -> str:
        """A greeting."""
        return f"Say hello to {name}."

    @server.resource("note://a")
    def note() -> str:
        """A note."""
        return "This is note a."

    @server.resource("file:///{path}")
    def file(path: str) -> str:
        """A file."""
        return f"This is {path}."

    return server.streamable_http_app(**(options if SDK_2 else {}))


def add_tools(server: Any) -> None:
    """Adds the tools, and the route that tells which ones ran."""
    calls: list[str] = []
    read_only = ToolAnnotations.model_validate({"readOnlyHint": True})

    @server.tool(annotations=read_only)
    def echo(text: str) -> str:
        """Returns its argument."""
        calls.append("echo")
        return text

    @server.tool()
    def send_mail(to: str) -> str:
        """Pretends to send a mail."""
        calls.append("send_mail")
        return f"sent to {to}"

    @server.tool()
    def send_invoice(
        customer: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Customer"})],
    ) -> str:
        """Pretends to send an invoice."""
        calls.append("send_invoice")
        return f"sent to {customer}"

    @server.tool(annotations=read_only)
    def whoami(context: Context) -> dict[str, list[str]]:
        """Returns the values of each header of this request, by its name in lower case."""
        calls.append("whoami")
        headers = context.request_context.request.headers
        return {name: headers.getlist(name) for name in headers}

    @server.tool(annotations=read_only)
    async def count(seconds: int, context: Context) -> int:
        """Counts the seconds, and reports each one as progress."""
        calls.append("count")
        for second in range(seconds):
            await context.report_progress(second, seconds)
            await asyncio.sleep(1)
        return seconds

    @server.custom_route("/calls", methods=["GET"])
    async def ran(_: Request) -> Response:
        return JSONResponse(calls)


def main() -> None:
    parser = argparse.ArgumentParser(description="An MCP server for the tests.")
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    parser.add_argument("--stateless", action="store_true", help="no sessions for the old versions")
    parser.add_argument("--check-host", action="store_true", help="refuse foreign Host and Origin")
    arguments = parser.parse_args()

    listener = socket.create_server(("127.0.0.1", arguments.port))
    host = "127.0.0.1:*"
    app = application({
        "stateless_http": arguments.stateless,
        "transport_security": TransportSecuritySettings(
            enable_dns_rebinding_protection=arguments.check_host,
            allowed_hosts=[host],
            allowed_origins=[f"http://{host}"],
        ),
    })
    print("listening", listener.getsockname()[1], flush=True)
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
