"""From text to plain JSON values, each with its place in the text. Knows nothing of workflows."""
