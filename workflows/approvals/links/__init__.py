"""Signed links: one person decides one approval, once, without logging in.

A link is made for a person and goes to that person alone: by mail to the own address, or as the
answer to the person's own request. Looking at it changes nothing; what it allows is read anew when
it is used, and the decision goes the same way as every other one.

grant       what a link allows, and the token that says so
repository  rows of one tenant
schemas     what is shown
service     making, using, taking back
"""
