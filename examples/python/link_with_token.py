"""Asks for a link to a private file, with a token, and opens it: python link_with_token.py KEY"""

import json
import os
import sys
from urllib.error import HTTPError
from urllib.request import Request, urlopen, urlretrieve

key = sys.argv[1]
body = json.dumps({"key": key, "check": True}).encode()
headers = {"Authorization": f"Bearer {os.environ['TOKEN']}", "Content-Type": "application/json"}
try:
    with urlopen(Request(f"{os.environ['API_URL']}/links", body, headers)) as answer:
        link = json.load(answer)
except HTTPError as refusal:
    problem = json.load(refusal)
    sys.exit(problem.get("detail") or problem["message"])
print("The link works until", link["expires_at"])
urlretrieve(link["url"], os.path.basename(key))
