"""Runs ministack, patched where it forgives what AWS's documentation says AWS does not.

`emulator` starts this folder with the Python of ministack's virtual environment. Each module patches one service and
names its source. The patches replace internal functions, so they need the pinned version of ministack.
"""

import os
import signal
import threading
import time

import patch_apigateway
import patch_cloudformation
import patch_events
import patch_iam
import patch_logs
import patch_s3
import patch_ses
import patch_sqs


def end_with_parent():
    """Stop when the parent process has ended, even if it was killed and could not stop this process."""
    parent = os.getppid()

    def watch():
        while os.getppid() == parent:
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    from ministack.app import main

    end_with_parent()
    patch_s3.count_requests_as_tls()
    patch_s3.read_filters_of_notifications_as_s3_does()
    patch_s3.answer_for_versions_as_a_link_asks()
    patch_s3.say_when_unfinished_uploads_end()
    patch_s3.let_pages_read_every_refusal()
    patch_events.name_the_version_in_events_of_s3()
    patch_events.ask_the_queue_s_policy()
    patch_ses.authorize_every_resource_of_a_mail()
    patch_ses.store_mails()
    patch_sqs.measure_the_age_of_the_oldest_message()
    patch_logs.filter_lines_by_level()
    patch_iam.apply_new_policies_late()
    patch_apigateway.heed_cors_of_templates()
    patch_apigateway.hand_cookies_over_apart()
    patch_apigateway.keep_settings_of_routes_and_one_route_for_each_key()
    patch_iam.attach_the_boundaries_of_roles_in_templates()
    patch_cloudformation.split_and_substitute_in_conditions()
    main()
