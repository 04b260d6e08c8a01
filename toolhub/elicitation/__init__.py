"""Tools that ask people something before they go on, and the call that goes on with the answers.

What people say, and whom to ask, is for others to know.

types      questions, and what people said
forms      what may be filled in: flat, and in words that can be shown
reading    what a server asks, as it can be put to people
questions  a question that outlives its call, and the way back
"""
