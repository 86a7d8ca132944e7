"""A tab of the browser: what a person does in it, and what is to be seen there."""

import base64
import contextlib
import json
import pathlib
from dataclasses import dataclass


class Tab:
    """One tab."""

    def __init__(self, browser, session, downloads):
        self._browser = browser
        self._session = session
        self._downloads = pathlib.Path(downloads)

    def open(self, url):
        """Open a URL as if it was typed. Returns "shown", or "saved" if it became a download."""
        for event in self._navigate(url, "Browser.downloadProgress"):
            if event["method"] == "Page.lifecycleEvent":
                return "shown"
            if event["params"]["state"] != "inProgress":
                assert event["params"]["state"] == "completed", event
                return "saved"

    def load(self, url):
        """Open a page, and wait until it and everything that it embeds has been loaded."""
        next(self._navigate(url))

    def _navigate(self, url, *others):
        """Go to a URL. Yields the load of that page, and the other events, as they come."""
        self._browser.drop_events()
        navigation = self._call("Page.navigate", url=url).get("loaderId")
        while True:
            event = self._browser.wait_for_event("Page.lifecycleEvent", *others)
            # The load of the page before, or of the empty one of a new tab, may be told late.
            if event["method"] in others or (event["params"]["name"], event["params"]["loaderId"]) == ("load", navigation):
                yield event

    def downloaded(self):
        """Wait for the next download to end. Returns the name that the browser gives the file, and its bytes."""
        begun = self._browser.wait_for_event("Browser.downloadWillBegin")["params"]
        while True:
            progress = self._browser.wait_for_event("Browser.downloadProgress")["params"]
            if progress["state"] != "inProgress":
                assert progress["state"] == "completed", progress
                return begun["suggestedFilename"], (self._downloads / begun["guid"]).read_bytes()

    def has_downloads(self):
        """Whether a file was saved, whole or in part."""
        return any(self._downloads.iterdir())

    def set_width(self, pixels):
        """Give the page this width."""
        self._call("Emulation.setDeviceMetricsOverride", width=pixels, height=640, deviceScaleFactor=1, mobile=False)

    def prefer(self, scheme):
        """Have the person behind the browser prefer a color scheme, `light` or `dark`."""
        self._call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def forbid_script(self):
        """Run no script of pages from now on."""
        self._call("Emulation.setScriptExecutionDisabled", value=True)

    def click(self, selector):
        """Click on an element as a person does, with the mouse."""
        self._browser.drop_events()
        box = self.evaluate(
            f"(() => {{ const element = document.querySelector({json.dumps(selector)}); element.scrollIntoView();"
            "const { x, y, width, height } = element.getBoundingClientRect();"
            "return [x + width / 2, y + height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def press_key(self, key):
        """Press a key of the keyboard: `Tab`, `Enter` or `Space`."""
        self._browser.drop_events()
        code, text = {"Tab": (9, ""), "Enter": (13, "\r"), "Space": (32, " ")}[key]
        named = {"key": text if key == "Space" else key, "code": key, "windowsVirtualKeyCode": code}
        self._call("Input.dispatchKeyEvent", type="keyDown", **named, **({"text": text} if text else {}))
        self._call("Input.dispatchKeyEvent", type="keyUp", **named)

    def type(self, text):
        """Type a text into the field that has the focus."""
        self._call("Input.insertText", text=text)

    def choose_file(self, selector, path):
        """Choose a file in a field for files."""
        root = self._call("DOM.getDocument")["root"]["nodeId"]
        node = self._call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self._call("DOM.setFileInputFiles", nodeId=node, files=[str(path)])

    @contextlib.contextmanager
    def holding(self, pattern):
        """Holds requests back whose URL has this pattern, where `*` stands for any characters, until the `with` block ends."""
        self._call("Fetch.enable", patterns=[{"urlPattern": pattern}])
        try:
            yield
        finally:
            self._call("Fetch.disable")

    def held(self):
        """Wait until a request is held back. Returns its URL."""
        return self._browser.wait_for_event("Fetch.requestPaused")["params"]["request"]["url"]

    def wait_for(self, condition):
        """Wait until a JavaScript expression is true in the page. Returns its value."""
        return self.evaluate(
            "new Promise((resolve) => { const look = () => {"
            f"const value = ({condition}); if (value) resolve(value); else setTimeout(look, 20); }}; look(); }})"
        )

    def wait_until_shown(self):
        """Wait until the page that a click or a key has asked for is there."""
        self._browser.wait_for_event("Page.loadEventFired")

    def wait_for_focus(self, selector):
        """Wait until an element has the focus. `autofocus` gives it when the page is drawn, perhaps after its load."""
        self.evaluate(
            f"new Promise((resolve) => {{ const element = document.querySelector({json.dumps(selector)});"
            "if (element === document.activeElement) resolve();"
            "else element.addEventListener('focus', () => resolve()); })"
        )

    def screenshot(self, path):
        """Write a picture of the whole page to a PNG file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = self._call("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        path.write_bytes(base64.b64decode(picture))

    def accessibility_tree(self):
        """What assistive technology, such as a screen reader, is told of the page: its nodes that are not ignored."""
        nodes = self._call("Accessibility.getFullAXTree")["nodes"]
        return [AccessibleNode.read(node) for node in nodes if not node["ignored"]]

    def watch_network(self):
        """Note what this tab sends, from now on."""
        self._call("Network.enable")

    def requests(self):
        """The requests of this tab that the network got, and each with its headers as they were sent."""
        events = self._browser.network_events(self._session)
        headers = [
            event["params"]["headers"] for event in events if event["method"] == "Network.requestWillBeSentExtraInfo"
        ]
        sent = [event["params"]["request"] for event in events if event["method"] == "Network.requestWillBeSent"]
        return sent, headers

    def cookies(self, url):
        """The cookies that the browser would send to a URL."""
        return self._call("Network.getCookies", urls=[url])["cookies"]

    def _call(self, method, **parameters):
        return self._browser.call(method, self._session, **parameters)

    def evaluate(self, expression):
        """The value of a JavaScript expression in the page. A promise is awaited."""
        result = self._call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")


@dataclass(frozen=True)
class AccessibleNode:
    """What assistive technology is told of a part of a page."""

    role: str
    name: str
    description: str
    properties: dict

    @classmethod
    def read(cls, node):
        """A node as the DevTools protocol describes it."""
        text = {part: node.get(part, {}).get("value", "") for part in ("role", "name", "description")}
        properties = {entry["name"]: entry["value"].get("value") for entry in node.get("properties", [])}
        return cls(**text, properties=properties)
