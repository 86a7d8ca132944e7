"""EventBridge: S3's events name the version, and a queue admits only rules that its policy allows."""

import contextvars
import json

import datapoints


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
    policy decides. What it does not allow goes to the target's dead-letter queue without another try, as the event is,
    if that queue's policy allows it. Otherwise it is lost, and counted. ministack delivers without asking, and has no
    such dead-letter queues.

    Sources: Amazon EventBridge user guide, "Using resource-based policies for Amazon EventBridge", permissions for SQS;
    "Using dead-letter queues to process undelivered events"; "Monitoring Amazon EventBridge".
    """
    from ministack.services import eventbridge, sqs

    original_invoke = eventbridge._invoke_target

    def invoke(target, event, rule, *more, **named):
        # The scheduler comes by here too, without a rule.
        if target["Arn"].split(":")[2] != "sqs" or "Arn" not in rule:
            return original_invoke(target, event, rule, *more, **named)
        account = rule["Arn"].split(":")[4]
        for arn in (target["Arn"], target.get("DeadLetterConfig", {}).get("Arn")):
            if arn and sqs.queue_policy_allows(arn, "events.amazonaws.com", rule["Arn"], account):
                return original_invoke({**target, "Arn": arn}, event, rule, *more, **named)
        datapoints.write("AWS/Events", "InvocationsFailedToBeSentToDlq", {"RuleName": rule["Name"]}, 1)
        return None

    eventbridge._invoke_target = invoke
