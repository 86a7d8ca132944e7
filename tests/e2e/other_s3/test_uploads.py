"""What each S3 holds of a signed upload, and what it lets through.

AWS is a stand-in that refuses as AWS does: `strict_s3` says on what grounds. What only AWS refuses, the function can't hold
behind another S3, and the documents say so.
"""

import inspect

import pytest
from local_aws import uploading
from other_s3 import attempts
from other_s3.servers import AWS, BUCKET, LOCAL_AWS, RADOSGW

DONE, MADE = (200, None), (201, None)
OTHER_SIGNATURE = (403, "SignatureDoesNotMatch")
DENIED = (403, "AccessDenied")
OCCUPIED = (412, "PreconditionFailed")
# The two that are not AWS let it through.
ONLY_AWS_DENIES = {AWS: DENIED, LOCAL_AWS: DONE, RADOSGW: DONE}

# What each S3 answers to an attempt: one answer for all, or one for each.
ANSWERS = {
    attempts.what_was_signed: DONE,
    attempts.a_longer_file: OTHER_SIGNATURE,
    attempts.a_shorter_file: OTHER_SIGNATURE,
    attempts.another_type: OTHER_SIGNATURE,
    attempts.another_key: OTHER_SIGNATURE,
    # The local AWS asks the role's policy first.
    attempts.another_method: {AWS: DENIED, LOCAL_AWS: DENIED, RADOSGW: OTHER_SIGNATURE},
    attempts.over_an_object: OCCUPIED,
    attempts.over_an_object_without_the_condition: OTHER_SIGNATURE,
    attempts.after_its_end: DENIED,
    # radosgw 16.2 knows no checksums, and keeps the header as it came.
    attempts.another_file_than_the_checksum_s: {AWS: (400, "BadDigest"), LOCAL_AWS: (400, "BadDigest"), RADOSGW: DONE},
    attempts.metadata_that_is_not_signed: ONLY_AWS_DENIES,
    attempts.an_acl_that_is_not_signed: ONLY_AWS_DENIES,
    attempts.other_metadata_than_was_signed: OTHER_SIGNATURE,
    attempts.metadata_with_spaces: DONE,
    # It can't be forbidden. Links to the file answer without it.
    attempts.an_encoding_that_is_not_signed: DONE,
    attempts.a_form: MADE,
    attempts.a_form_without_a_size: MADE,
    attempts.a_form_with_a_longer_file: (400, "EntityTooLarge"),
    attempts.a_form_with_a_shorter_file: (400, "EntityTooSmall"),
    attempts.a_form_with_another_key: DENIED,
    attempts.a_form_with_another_type: DENIED,
    attempts.a_form_with_a_field_more: DENIED,
    attempts.a_form_with_an_acl: DENIED,
    attempts.a_form_after_its_end: DENIED,
    attempts.a_form_twice: MADE,
    attempts.parts: DONE,
    attempts.a_part_with_another_length: OTHER_SIGNATURE,
    attempts.a_part_with_another_number: OTHER_SIGNATURE,
    # radosgw 16.2 heeds neither the size nor the condition on Complete: the lengths of the parts hold the size, and a
    # caller who names keys can replace an object.
    attempts.parts_of_another_size: {AWS: (400, "InvalidRequest"), LOCAL_AWS: (400, "InvalidRequest"), RADOSGW: DONE},
    attempts.parts_with_the_size_changed: OTHER_SIGNATURE,
    attempts.parts_without_the_size: OTHER_SIGNATURE,
    attempts.parts_over_an_object: {AWS: OCCUPIED, LOCAL_AWS: OCCUPIED, RADOSGW: DONE},
    attempts.parts_over_an_object_without_the_condition: OTHER_SIGNATURE,
    attempts.a_small_part_before_another: {
        AWS: (400, "EntityTooSmall"), LOCAL_AWS: DONE, RADOSGW: (400, "EntityTooSmall"),
    },
    attempts.parts_with_metadata_that_is_not_signed: ONLY_AWS_DENIES,
    # radosgw finds no owner whose permission it could ask.
    attempts.an_aborted_upload: {AWS: (404, "NoSuchUpload"), LOCAL_AWS: (404, "NoSuchUpload"), RADOSGW: DENIED},
    attempts.deleting_the_object_with_the_request_that_aborts: {
        AWS: DENIED, LOCAL_AWS: DENIED, RADOSGW: OTHER_SIGNATURE,
    },
}  # fmt: skip


@pytest.mark.parametrize("attempt", ANSWERS, ids=lambda attempt: attempt.__name__)
def test_each_s3_answers_as_the_table_says(server, attempt):
    answer = attempt(server)
    expected = ANSWERS[attempt]
    expected = expected[server.name] if isinstance(expected, dict) else expected
    assert (answer.status, uploading.error_code(answer)) == expected, answer.body


def test_every_attempt_is_in_the_table():
    own = dict(inspect.getmembers(attempts, inspect.isfunction))
    made_of = {"form", "in_parts", "new_key", "put"}
    assert {attempt.__name__ for attempt in ANSWERS} == own.keys() - made_of


def test_what_is_stored_is_what_was_signed(server):
    for answer, sent in [
        (put := attempts.put(server, headers={"x-amz-meta-author": "alice"}), uploading.send(put, b"right")),
        (form := attempts.form(server, headers={"x-amz-meta-author": "alice"}), uploading.send_form(form, b"right")),
    ]:
        assert sent.status in (200, 201), sent.body
        opened = server.opened(answer["key"])
        assert (opened.body, opened.headers["content-type"]) == (b"right", attempts.TYPE)
        assert opened.headers["x-amz-meta-author"] == "alice"


def test_parts_are_listed_and_become_the_file(server):
    upload = attempts.in_parts(server, sent=False, headers={"x-amz-meta-author": "alice"})
    sizes = [attempts.PART_BYTES, len(b"the rest")]
    assert upload.parts() == []
    for number in (2, 1):
        # A part that is sent again replaces itself.
        for _ in range(2):
            assert uploading.send(*upload.part(number)).status == 200
    assert [(number, size) for number, size, _ in upload.parts()] == [(1, sizes[0]), (2, sizes[1])]
    after_the_first = upload.signed("GET", partNumberMarker=1)
    listed = uploading.children(uploading.send(after_the_first).body, "Part")
    assert [part["PartNumber"] for part in listed] == ["2"]
    assert upload.complete().status == 200
    opened = server.opened(upload.begun["key"])
    assert (opened.body, opened.headers["content-type"]) == (upload.content, attempts.TYPE)
    assert opened.headers["x-amz-meta-author"] == "alice"


def test_what_is_refused_stores_nothing(server):
    for refused in (attempts.a_longer_file, attempts.another_type, attempts.a_form_with_a_longer_file):
        before = keys(server)
        assert refused(server).status >= 400
        assert keys(server) == before


def test_an_object_stays_as_it_was_until_the_grant_lets_it_be_replaced(server):
    kept, replaced = (attempts.new_key(prefix=prefix) for prefix in ("callers/", "replaced/"))
    for key, content in ((kept, b"first"), (replaced, b"second")):
        for body in (b"first", b"second"):
            uploading.send(attempts.put(server, body, key=key), body)
        assert server.opened(key).body == content


@pytest.mark.parametrize("form", [False, True], ids=["PUT", "form"])
def test_the_bucket_s_owner_reads_what_the_grant_gives_the_owner(server, form):
    """On AWS all objects of a new bucket are its owner's. On radosgw an object is its writer's, here the role's."""
    readable = {}
    for prefix in ("made/", "owners/"):
        answer = server.uploads.begin(name="a.txt", prefix=prefix, size=5, content_type=attempts.TYPE, form=form)
        sent = uploading.send_form(answer, b"right") if form else uploading.send(answer, b"right")
        assert sent.status in (200, 201), sent.body
        try:
            readable[prefix] = server.s3.get_object(Bucket=BUCKET, Key=answer["key"])["Body"].read() == b"right"
        except server.s3.exceptions.ClientError:
            readable[prefix] = False
    assert readable == {"made/": server.name != RADOSGW, "owners/": True}


def test_an_aborted_upload_leaves_nothing(server):
    upload = attempts.in_parts(server)
    assert upload.abort().status == 204
    assert uploading.send(*upload.part(1)).status == 404
    left = server.s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
    assert upload.upload_id not in [one["UploadId"] for one in left]


def keys(server):
    pages = server.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    return {found["Key"] for page in pages for found in page.get("Contents", [])}
