"""Uploads files with signed requests, as a client does that knows only the function's answers.

A test that changes a request says so by arguments: other headers, other fields, or another file than the one it was
signed for.
"""

import re
import uuid
from xml.etree import ElementTree

from . import api_client


def send(answer, body=b"", headers=None):
    """Send a signed request. `headers` are added to the answer's, and None in the place of a value takes one away."""
    wanted = {**answer.get("headers", {}), **(headers or {})}
    wanted = {name: value for name, value in wanted.items() if value is not None}
    return api_client.send(answer["method"], answer["url"], body, wanted)


def send_form(answer, content, **fields):
    """Send a signed form with a file. `fields` replace those of the answer, or come before the file."""
    boundary = uuid.uuid4().hex
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in {**answer["fields"], **fields}.items()
    ]
    file = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\nContent-Type: text/html\r\n\r\n'
    body = "".join([*parts, file]).encode() + content + f"\r\n--{boundary}--\r\n".encode()
    return api_client.send("POST", answer["url"], body, {"Content-Type": f"multipart/form-data; boundary={boundary}"})


class Uploads:
    """Asks for signed requests: `ask` sends a body to a path and returns the response."""

    def __init__(self, ask):
        self._ask = ask

    def begin(self, **fields):
        """What `POST /uploads` answers. Fails if nothing is signed."""
        return self._signed("/uploads", fields, 201)

    def sign(self, method, **fields):
        """What `POST /uploads/sign` answers. Fails if nothing is signed."""
        return self._signed("/uploads/sign", {"method": method, **fields}, 200)

    def in_parts(self, content, **fields):
        """An upload in parts that has begun at S3."""
        begun = self.begin(size=len(content), multipart=True, **fields)
        return InParts(self, begun, content)

    def refused(self, path, **fields):
        """The problem that is answered in the place of something signed."""
        response = self._ask(path, fields)
        assert response.status >= 400, "it was signed"
        return response.json()

    def _signed(self, path, fields, status):
        response = self._ask(path, fields)
        assert response.status == status, response.body
        return response.json()


class InParts:
    """An upload in parts. Each step is signed when it is due."""

    def __init__(self, uploads, begun, content):
        self._uploads = uploads
        self.begun = begun
        self.content = content
        response = send(begun)
        assert response.status == 200, response.body
        self.upload_id = re.search(r"<UploadId>([^<]+)</UploadId>", response.body.decode())[1]

    def signed(self, method, **fields):
        """A step, signed."""
        return self._uploads.sign(method, key=self.begun["key"], uploadId=self.upload_id, **fields)

    def part(self, number):
        """A part, signed, and its content."""
        size = self.begun["multipart"]["part_size"]
        signed = self.signed("PUT", partNumber=number, size=len(self.content))
        return signed, self.content[(number - 1) * size : number * size]

    def send_parts(self):
        """Send all parts, one after another."""
        for number in range(1, self.begun["multipart"]["parts"] + 1):
            response = send(*self.part(number))
            assert response.status == 200, response.body

    def parts(self):
        """The parts that S3 has, as it lists them: their numbers, sizes and tags."""
        response = send(self.signed("GET"))
        assert response.status == 200, response.body
        return [
            (int(found["PartNumber"]), int(found["Size"]), found["ETag"])
            for found in children(response.body, "Part")
        ]

    def complete(self, size=None, headers=None):
        """Send the request that makes an object of the parts that S3 lists."""
        signed = self.signed("POST", size=len(self.content) if size is None else size)
        return self.send_complete(signed, headers)

    def send_complete(self, signed, headers=None):
        """Send such a request, which was signed."""
        listed = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>" for number, _, tag in self.parts()
        )
        return send(signed, f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode(), headers)

    def abort(self):
        """Send the request that deletes the parts."""
        return send(self.signed("DELETE"))


def children(xml, name):
    """The elements of this name in a document, each as a dict of its children's texts."""
    found = [element for element in ElementTree.fromstring(xml).iter() if local(element) == name]
    return [{local(child): child.text for child in element} for element in found]


def error_code(response):
    """S3's code for an error. None if the response is none."""
    found = re.search(rb"<Code>([^<]+)</Code>", response.body)
    return found and found[1].decode()


def local(element):
    """An element's name without its namespace."""
    return element.tag.rsplit("}", 1)[-1]
