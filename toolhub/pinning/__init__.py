"""What a tool is, held fast: notice when a server changes it, and judge the change.

hashing -> the fingerprint; texts, schemas -> drift -> the change, and how grave it is;
judging -> which changes are taken over, and which wait for a person; service -> that person's door.
"""
