"""A server made with fastmcp: an ordinary tool, and one that may go on as a task."""

# What it imports is where the servers of others are, and not with us.
# mypy: ignore-errors

from fastmcp import Context, FastMCP
from fastmcp_tasks import TasksExtension

mcp = FastMCP("line")
mcp.add_extension(TasksExtension())


@mcp.tool
def rate(good: int, bad: int) -> float:
    """Return the share of bad parts."""
    return bad / (good + bad)


@mcp.tool(task=True)
async def press(parts: int, ctx: Context) -> str:
    """Press parts."""
    for done in range(parts):
        await ctx.report_progress(done + 1, parts)
    return f"pressed {parts}"


mcp.run(transport="stdio", show_banner=False)
