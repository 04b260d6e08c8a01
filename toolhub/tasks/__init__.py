"""Tools that run on after they were called: the server keeps a task, and is asked for its end."""
