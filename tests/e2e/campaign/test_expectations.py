"""What the judge expects of a function that had to wait, or that the machine held up."""

import pytest

from campaign import answers, aws, expectations, judge, plan, sessions
from campaign import counters as count
from campaign.answers import Outcome
from campaign.expectations import Disturbance, Knowledge
from campaign.mailer_life import MailerLife


class Given(answers.Answers):
    """Gives the same answer to each call of a kind, and good ones at once to all others."""

    def __init__(self, **outcomes):
        super().__init__("given", answers.HEALTHY)
        self._outcomes = outcomes

    def outcome(self, call, key, number):
        return self._outcomes.get(call, Outcome("good", 0.0))


class Asked:
    """An AWS that was asked once for each of these calls."""

    def __init__(self, key, given, *calls):
        self.answers = given
        self.asked = dict.fromkeys([("token", key), ("assume", key), ("policy", "")], 0) | {(call, key): 1 for call in calls}


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test moves: its only element is the time."""
    now = [1_000_000.0]
    monkeypatch.setattr(expectations.time, "time", lambda: now[0])
    return now


def test_a_pause_that_ends_within_an_invocation_is_an_excuse(clock):
    session = sessions.Session("ASIAEXAMPLE", "secret", "token", clock[0] + 43_200)
    silent = Given(token=Outcome("reset", 0.0), assume=Outcome("reset", 0.0))
    knowledge = Knowledge(session, signing_role=True, attests="this function")
    knowledge.event_comes()
    knowledge.invoked(Asked("ASIAEXAMPLE", silent, "token", "assume"), Disturbance(), set())
    clock[0] += 1.0
    knowledge.event_comes()
    # The invocation takes long. It could have minted a session at its end.
    clock[0] += expectations.MINT_PAUSE
    assert not knowledge.session(Given(), 3600, 900, Disturbance()).is_certain
    knowledge.event_comes()
    assert knowledge.session(Given(), 3600, 900, Disturbance()).is_certain


@pytest.mark.parametrize("call", ["check", "send"])
def test_an_answer_is_certain_unless_the_machine_withheld_what_was_left_of_the_time_out(call):
    delay, timeout = (1.25, answers.CALL_TIMEOUT) if call == "check" else (6.0, answers.SES_TIMEOUT)
    given = Given(**{call: Outcome("good", delay)})
    for withheld, is_certain in [(0.0, True), (timeout - delay - 0.01, True), (timeout - delay, False), (60.0, False)]:
        assert expectations.expected(given, call, "", Disturbance(withheld=withheld)).is_certain == is_certain


def test_a_silent_call_is_no_more_certain_on_a_machine_that_withholds_nothing():
    for name in (*answers.SILENT, answers.REFUSAL):
        assert not expectations.expected(Given(check=Outcome(name, 0.0)), "check", "", Disturbance()).is_certain


def test_what_was_withheld_from_one_call_excuses_no_other():
    # Each of three calls arrives when so much had been withheld.
    arrivals = [(("claim", "mail", 0), 0.25), (("send", "mail", 0), 0.5), (("mark", "mail", 0), 5.5)]
    lost = Disturbance(withheld=6.0, of_calls=expectations.each_call(arrivals, 6.0))
    assert lost.of(("claim", "mail", 0)) == 0.5, "from the event to the next call"
    assert lost.of(("send", "mail", 0)) == 5.25
    assert lost.of(("mark", "mail", 0)) == 5.5, "from the call before to the end"
    assert lost.of(("claim", "mail", 1)) == 0.0, "it was not made"
    assert lost.of(*(call for call, _ in arrivals)) == 11.25
    slow = Given(claim=Outcome("good", 1.25), mark=Outcome("good", 1.25))
    assert expectations.expected(slow, "claim", "mail", lost).is_certain
    assert not expectations.expected(slow, "mark", "mail", Disturbance(withheld=6.0)).is_certain


@pytest.mark.parametrize("withheld", [0.0, 3.0])
def test_what_was_withheld_is_missing_before_the_deadline(withheld):
    needed = expectations.TIME_TO_ANSWER + expectations.SLACK + 1.25
    given = Given(check=Outcome("good", 1.25))
    for deadline, could in [(needed + withheld + 0.01, True), (needed + withheld - 0.01, False)]:
        invoke = plan.Invoke("check", 1, deadline, answers.HEALTHY)
        lost = Disturbance(withheld=withheld, of_calls={})
        assert expectations.links(invoke, ["key"], given, expectations.NOTHING, lost) == [could]


@pytest.mark.parametrize(
    ("sent", "mark", "withheld", "is_marked"),
    [
        (Outcome("good", 6.0), Outcome("good", 0.0), 0.0, True),
        (Outcome("good", 6.0), Outcome("good", 0.0), 3.9, True),
        (Outcome("good", 6.0), Outcome("good", 0.0), 4.0, False),
        (Outcome("good", 0.0), Outcome("good", 1.25), 4.7, True),
        (Outcome("good", 0.0), Outcome("good", 1.25), 4.75, False),
        (Outcome("good", 0.0), Outcome("reset", 0.0), 0.0, False),
        *((Outcome(name, 0.0), Outcome("good", 0.0), 0.0, False) for name in (*answers.SILENT, answers.GATEWAY)),
    ],
)
def test_a_mail_is_marked_for_certain_if_the_function_was_told_and_could(sent, mark, withheld, is_marked):
    mail = aws.Mail("key", "reader", "", "", 1, 0, sent, False)
    lost = Disturbance(withheld=60.0, of_calls={("send", "key reader", 0): withheld})
    assert expectations.is_marked(mail, Given(mark=mark), lost) == is_marked


@pytest.mark.parametrize("was_marked", [True, False])
def test_no_interruption_excuses_a_mail_that_the_table_says_was_sent(monkeypatch, was_marked):
    monkeypatch.setattr(judge, "broken_mail", lambda mail, sessions: [])
    counters = count.Counters()
    life = MailerLife(plan.Life(1, 1, "mailer", False), "command", counters, None)
    life._aws.objects["key"] = ["reader"]
    life._aws.mails = [aws.Mail("key", "reader", "", "", number, 0, Outcome("good", 0.0), was_marked) for number in (1, 2)]
    life._interrupted = {1}
    life._judge_mails()
    assert (counters[count.DOUBLED], counters[count.ADMITTED]) == ((1, 0) if was_marked else (0, 1))
