"""A share in the demo: its owner makes it, its page is read, and curl presses its button as a person would in a browser."""

import html.parser
import re
import shlex
import shutil
import subprocess

from . import api_client, commands

MAX_DOWNLOADS = 3

# For `deploying.deploy`.
PARAMETERS = {"ShareLinks": "yes", "OldShareAddresses": "no"}


def make(deployment, caller, key):
    """Make a share of a file. Returns what the API answered."""
    response = caller.request("POST", f"{deployment.api_url}/shares", {"key": key, "max_downloads": MAX_DOWNLOADS})
    if response.status != 201:
        raise commands.Failure(f"the API answered {response.status} instead of a share: {response.body.decode()}")
    return response.json()


def downloads(deployment, caller, share):
    """How many downloads its owner is told of."""
    return caller.request("GET", f"{deployment.api_url}/shares/{share['share_id']}").json()["downloads"]


def read_page(address):
    """The text of a share's page."""
    response = api_client.send("GET", address, headers={"Accept": "text/html"})
    if response.status != 200:
        raise commands.Failure(f"the address of the share answered {response.status} instead of its page")
    page = _Text()
    page.feed(response.body.decode())
    return re.sub(r"\s*\n\s*", "\n", page.text).strip()


def press_line(address):
    """A command line that presses the button and saves the file under the name that the response says."""
    return f"curl -fLOJ -d '' {shlex.quote(address)}"


def press(address, directory):
    """Press the button with curl. Returns the path of the file, which is the only one in `directory` then."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    command = [*shlex.split(press_line(address)), "--silent", "--show-error", "--noproxy", "*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=directory)
    except FileNotFoundError:
        raise commands.Failure("`curl` was not found on the PATH; the demo presses the button with it") from None
    if done.returncode != 0:
        raise commands.Failure(f"curl could not press the button: {done.stderr.strip()}")
    [file] = directory.iterdir()
    return file


class _Text(html.parser.HTMLParser):
    """The text of a page's body, with a line for each paragraph."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.text = ""
        self._is_body = False

    def handle_starttag(self, tag, attributes):
        self._is_body = self._is_body or tag == "body"
        if tag == "button":
            self.text += "["

    def handle_endtag(self, tag):
        if tag == "button":
            self.text += "]"

    def handle_data(self, data):
        if self._is_body:
            self.text += data
