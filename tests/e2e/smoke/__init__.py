"""`make smoke STACK=…`: does a deployed stack do what it should? With the caller's own credentials, on a real account.

The steps are those of docs/deploy.md, "First deploy on your account", from the stack's status to the mail. Nothing that
opens a file is printed. What the steps upload they delete again.
"""
