"""Asks for a link to a private file, signed with IAM, and opens it: python link_with_iam.py KEY"""

import json
import os
import sys
from urllib.error import HTTPError
from urllib.request import Request, urlopen, urlretrieve

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

key = sys.argv[1]
body = json.dumps({"key": key, "check": True}).encode()
signed = AWSRequest("POST", f"{os.environ['API_URL']}/links", {"Content-Type": "application/json"}, body)
SigV4Auth(boto3.Session().get_credentials(), "execute-api", os.environ["AWS_REGION"]).add_auth(signed)
try:
    with urlopen(Request(signed.url, body, signed.headers)) as answer:
        link = json.load(answer)
except HTTPError as refusal:
    problem = json.load(refusal)
    sys.exit(problem.get("detail") or problem["message"])
print("The link works until", link["expires_at"])
urlretrieve(link["url"], os.path.basename(key))
