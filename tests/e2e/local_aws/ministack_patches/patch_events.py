"""EventBridge: S3's events name the version, and a queue admits only rules that its policy allows."""

import contextvars
import json


def name_the_version_in_events_of_s3():
    """S3 puts `version-id` into the `detail` of an event about an object in a versioned bucket. ministack does not.

    Source: Amazon S3 user guide, "EventBridge event message structure".
    """
    from ministack.services import eventbridge, s3

    version = contextvars.ContextVar("version", default=None)
    original_fire = s3._fire_s3_event
    original_dispatch = eventbridge._dispatch_event

    def fire(*arguments, version_id=None, **named):
        token = version.set(version_id)
        try:
            original_fire(*arguments, version_id=version_id, **named)
        finally:
            version.reset(token)

    def dispatch(event, view=None):
        if event.get("Source") == "aws.s3" and version.get():
            detail = json.loads(event["Detail"])
            detail["object"]["version-id"] = version.get()
            event = {**event, "Detail": json.dumps(detail)}
        original_dispatch(event, view)

    s3._fire_s3_event = fire
    eventbridge._dispatch_event = dispatch


def ask_the_queue_s_policy():
    """EventBridge sends to a queue as `events.amazonaws.com`, with the rule's ARN as `aws:SourceArn`, and the queue's
    policy decides. What it does not allow is a failed invocation, and the event does not arrive. ministack delivers
    without asking.

    Source: Amazon EventBridge user guide, "Using resource-based policies for Amazon EventBridge", permissions for SQS.
    """
    from ministack.services import eventbridge, sqs

    original_invoke = eventbridge._invoke_target

    def invoke(target, event, rule, *more, **named):
        arn = target["Arn"]
        # The scheduler comes by here too, without a rule.
        if arn.split(":")[2] == "sqs" and "Arn" in rule:
            account = rule["Arn"].split(":")[4]
            if not sqs.queue_policy_allows(arn, "events.amazonaws.com", rule["Arn"], account):
                return None
        return original_invoke(target, event, rule, *more, **named)

    eventbridge._invoke_target = invoke
