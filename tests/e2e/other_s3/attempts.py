"""What somebody who holds a signed request may try to do with it beyond what it was signed for.

Each attempt returns the answer of S3.
"""

import base64
import hashlib
import time
import uuid

from local_aws import uploading
from other_s3 import servers

TYPE = "text/plain"
OTHER = b"other"
PART_BYTES = 5 * 2**20


def new_key(name="a b+é.txt", prefix="callers/"):
    return f"{prefix}{uuid.uuid4()}/{name}"


def put(server, content=b"right", **fields):
    """A signed PUT for this content, to a new key."""
    return server.uploads.begin(**{"key": new_key(), "size": len(content), "content_type": TYPE, **fields})


def form(server, **fields):
    """A signed form."""
    return server.uploads.begin(**{"name": "a b+é.txt", "prefix": "made/", "content_type": TYPE, "form": True, **fields})


def in_parts(server, content=b"a" * PART_BYTES + b"the rest", sent=True, **fields):
    """An upload in two parts."""
    upload = server.uploads.in_parts(content, **{"key": new_key(), "content_type": TYPE, **fields})
    if sent:
        upload.send_parts()
    return upload


# One PUT


def what_was_signed(server):
    return uploading.send(put(server), b"right")


def a_longer_file(server):
    return uploading.send(put(server), b"right and more")


def a_shorter_file(server):
    return uploading.send(put(server), b"righ")


def another_type(server):
    return uploading.send(put(server), b"right", {"content-type": "text/html"})


def another_key(server):
    answer = put(server)
    return uploading.send({**answer, "url": answer["url"].replace("/callers/", "/callers/x", 1)}, b"right")


def over_an_object(server):
    answer = put(server)
    assert uploading.send(answer, b"right").status == 200
    return uploading.send(answer, OTHER)


def over_an_object_without_the_condition(server):
    answer = put(server)
    assert uploading.send(answer, b"right").status == 200
    return uploading.send(answer, OTHER, {"if-none-match": None})


def after_its_end(server):
    answer = put(server, expires_in=1)
    time.sleep(2)
    return uploading.send(answer, b"right")


def another_file_than_the_checksum_s(server):
    checksum = base64.b64encode(hashlib.sha256(b"right").digest()).decode()
    return uploading.send(put(server, headers={"x-amz-checksum-sha256": checksum}), OTHER)


def metadata_that_is_not_signed(server):
    return uploading.send(put(server), b"right", {"x-amz-meta-link-to": "eve@example.com"})


def an_acl_that_is_not_signed(server):
    return uploading.send(put(server), b"right", {"x-amz-acl": "private"})


def other_metadata_than_was_signed(server):
    return uploading.send(put(server, headers={"x-amz-meta-author": "alice"}), b"right", {"x-amz-meta-author": "bob"})


def metadata_with_spaces(server):
    """Signers and servers make one space of several."""
    return uploading.send(put(server, headers={"x-amz-meta-author": "alice  and   bob"}), b"right")


def an_encoding_that_is_not_signed(server):
    return uploading.send(put(server), b"right", {"content-encoding": "gzip"})


def another_method(server):
    return uploading.send({**put(server), "method": "DELETE", "headers": {}})


# Forms


def a_form(server):
    return uploading.send_form(form(server, size=5), b"right")


def a_form_without_a_size(server):
    return uploading.send_form(form(server), b"any")


def a_form_with_a_longer_file(server):
    return uploading.send_form(form(server, size=5), b"right and more")


def a_form_with_a_shorter_file(server):
    return uploading.send_form(form(server, size=5), b"righ")


def a_form_with_another_key(server):
    return uploading.send_form(form(server, size=5), b"right", key=new_key(prefix="made/"))


def a_form_with_another_type(server):
    return uploading.send_form(form(server, size=5), b"right", **{"content-type": "text/html"})


def a_form_with_a_field_more(server):
    return uploading.send_form(form(server, size=5), b"right", **{"x-amz-meta-link-to": "eve@example.com"})


def a_form_with_an_acl(server):
    return uploading.send_form(form(server, size=5), b"right", acl="public-read")


def a_form_after_its_end(server):
    """The function promises a form a quarter of an hour at least, so the bucket's owner signs this one."""
    ends = server.s3.generate_presigned_post(Bucket=servers.BUCKET, Key=new_key(), ExpiresIn=1)
    time.sleep(2)
    return uploading.send_form(ends, b"right")


def a_form_twice(server):
    """A form knows no condition, so it can replace its own object until it ends. No other one."""
    answer = form(server, size=5)
    assert uploading.send_form(answer, b"right").status == 201
    return uploading.send_form(answer, OTHER)


# Parts


def parts(server):
    return in_parts(server).complete()


def a_part_with_another_length(server):
    answer, content = in_parts(server, sent=False).part(2)
    return uploading.send(answer, content + b"more")


def a_part_with_another_number(server):
    answer, content = in_parts(server, sent=False).part(2)
    return uploading.send({**answer, "url": answer["url"].replace("partNumber=2", "partNumber=3")}, content)


def parts_of_another_size(server):
    upload = in_parts(server)
    return upload.complete(size=len(upload.content) + 1)


def parts_with_the_size_changed(server):
    upload = in_parts(server)
    signed = upload.signed("POST", size=len(upload.content) + 1)
    return upload.send_complete(signed, {"x-amz-mp-object-size": str(len(upload.content))})


def parts_without_the_size(server):
    upload = in_parts(server)
    return upload.send_complete(upload.signed("POST", size=len(upload.content) + 1), {"x-amz-mp-object-size": None})


def parts_over_an_object(server):
    upload = in_parts(server)
    server.s3.put_object(Bucket=upload.begun["bucket"], Key=upload.begun["key"], Body=b"was there first")
    return upload.complete()


def parts_over_an_object_without_the_condition(server):
    upload = in_parts(server)
    server.s3.put_object(Bucket=upload.begun["bucket"], Key=upload.begun["key"], Body=b"was there first")
    return upload.complete(headers={"if-none-match": None})


def a_small_part_before_another(server):
    """The caller names another size with each part."""
    upload = in_parts(server, sent=False)
    for number, size in ((1, 5), (2, PART_BYTES + 5)):
        answer = upload.signed("PUT", partNumber=number, size=size)
        assert answer["size"] == 5
        assert uploading.send(answer, b"right").status == 200
    return upload.complete(size=10)


def parts_with_metadata_that_is_not_signed(server):
    begun = server.uploads.begin(key=new_key(), size=5, content_type=TYPE, multipart=True)
    return uploading.send(begun, headers={"x-amz-meta-link-to": "eve@example.com"})


def an_aborted_upload(server):
    upload = in_parts(server)
    listed = upload.signed("GET")
    assert upload.abort().status == 204
    return uploading.send(listed)


def deleting_the_object_with_the_request_that_aborts(server):
    """DELETE without an upload is the object's."""
    upload = in_parts(server)
    answer = upload.signed("DELETE")
    assert upload.complete().status == 200
    url = answer["url"].replace(f"uploadId={upload.upload_id}", "", 1)
    assert url != answer["url"]
    return uploading.send({**answer, "url": url})
