"""A small MCP server that keeps notes in memory: what `notes.cog` starts."""

from mcp.server import MCPServer

server = MCPServer("notes", log_level="ERROR")
notes: dict[str, str] = {}


@server.tool()
def put(title: str, text: str) -> int:
    """Keep a note; how many there are now."""
    notes[title] = text
    return len(notes)


@server.tool()
def find(word: str) -> list[str]:
    """The titles of the notes that hold a word."""
    return [title for title, text in notes.items() if word in text]


server.run()
