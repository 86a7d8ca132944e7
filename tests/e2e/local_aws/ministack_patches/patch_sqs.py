"""SQS: the metric `ApproximateAgeOfOldestMessage`. ministack has none."""

import time

import datapoints

# A message that was received as often as this, and is still there, no longer counts.
RECEIVES_THAT_HIDE = 3


def measure_the_age_of_the_oldest_message():
    """Measures the age whenever somebody asks for the attributes of a queue.

    A message that was received three times or more and not deleted moves to the back of a standard queue, and the metric
    leaves it out until it is processed. In a dead-letter queue the age begins anew when the message is moved.

    Source: Amazon SQS developer guide, "Available CloudWatch metrics for Amazon SQS".
    """
    from ministack.services import sqs

    original_refresh = sqs._refresh_counts
    original_sweep = sqs._dlq_sweep

    def refresh(queue):
        original_refresh(queue)
        now = time.time()
        ages = [
            now - message.get("moved_at", message["sent_at"])
            for message in queue["messages"]
            if message["receive_count"] < RECEIVES_THAT_HIDE or "moved_at" in message
        ]
        name = queue["attributes"]["QueueArn"].rsplit(":", 1)[1]
        datapoints.write("AWS/SQS", "ApproximateAgeOfOldestMessage", {"QueueName": name}, max(ages, default=0))
        visible = int(queue["attributes"]["ApproximateNumberOfMessages"])
        datapoints.write("AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": name}, visible)

    def sweep(queue):
        before = {message["id"] for message in queue["messages"]}
        original_sweep(queue)
        gone = before - {message["id"] for message in queue["messages"]}
        if not gone:
            return
        for other in sqs._queues.values():
            for message in other["messages"]:
                if message["id"] in gone:
                    message["moved_at"] = time.time()

    sqs._refresh_counts = refresh
    sqs._dlq_sweep = sweep
